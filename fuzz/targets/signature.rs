//! Starts and ends of devices: the first byte says where the input is cut into the two.
#![no_main]

use disk::signature::{Ends, identify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let (head, tail) = bytes.split_at(bytes.len() * usize::from(cut) / 256);
    // As on a small device, where the two overlap, and on a large one.
    for size in [tail.len() as u64, bytes.len() as u64, u64::MAX] {
        let ends = Ends { head: head.to_vec(), tail: tail.to_vec(), size };
        if let Some(signature) = identify(&ends) {
            assert!(!signature.to_string().contains(char::is_control));
        }
    }
});
