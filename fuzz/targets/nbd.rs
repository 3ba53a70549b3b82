//! What an NBD server says while an export is negotiated.
#![no_main]

use disk::nbd::negotiate::negotiate;
use libfuzzer_sys::fuzz_target;
use std::io::{self, Read, Write};

/// Says the input, whatever it is told.
struct Server<'a>(&'a [u8]);

impl Read for Server<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Server<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    match negotiate(&mut Server(data)) {
        Ok(export) => assert!(export.block_size.is_none_or(u32::is_power_of_two)),
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }
});
