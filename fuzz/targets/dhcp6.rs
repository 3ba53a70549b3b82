//! Payloads of UDP packets to port 546.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(reply) = net::dhcp6::parse_reply(data, [2, 0, 0, 0, 0, 1]) {
        assert!(reply.server.len() <= 130 && reply.name_servers.len() <= 8 && reply.ntp_servers.len() <= 16);
        assert!(reply.search.iter().all(|domain| !domain.is_empty() && !domain.contains(char::is_whitespace)));
        assert!(reply.grant.is_none_or(|grant| grant.valid > 0));
    }
});
