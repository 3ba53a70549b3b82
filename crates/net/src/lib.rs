//! Links, addresses, DHCP, DNS, NTP and the one HTTP client.

pub mod http;
