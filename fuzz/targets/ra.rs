//! Options of IPv6 router advertisements, as the kernel passes them on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(advice) = net::ra::parse(data) {
        assert!(advice.servers.len() <= 8 && advice.domains.len() <= 32);
        assert!(advice.domains.iter().all(|domain| !domain.is_empty() && !domain.contains(char::is_whitespace)));
    }
});
