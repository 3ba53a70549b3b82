//! A table of the firmware, with a string of ours behind it: it is read, or refused at a place in it, and all that is found stands in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use options::smbios::{self, MARK};

fuzz_target!(|bytes: &[u8]| {
    // So that the whole table is looked at.
    let table = [bytes, MARK.as_bytes()].concat();
    for table in [bytes, &table] {
        match smbios::args(table) {
            Ok(found) => {
                let length: usize = found.iter().map(|text| MARK.len() + text.len()).sum();
                assert!(length <= table.len() && found.iter().all(|text| !text.contains(&0)));
            }
            Err(malformed) => assert!(malformed.at < table.len()),
        }
    }
});
