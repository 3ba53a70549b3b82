//! Payloads of UDP packets to port 68.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match net::dhcp::parse_reply(data) {
        Ok(reply) => {
            assert!(!reply.message.contains(char::is_control));
            assert!(reply.prefix.is_none_or(|prefix| prefix <= 32));
        }
        Err(error) => drop(error.to_string()),
    }
});
