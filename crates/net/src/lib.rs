//! Links, addresses, DHCP, DNS, NTP, the clocks and the one HTTP client.
//!
//! [`Network`] brings the machine's interfaces up and keeps their leases; [`http`] and [`ntp`] use what it has brought up,
//! with [`patience`]. Nothing here knows what the network is for.

pub mod clock;
pub mod dhcp;
pub mod dhcp6;
pub mod http;
mod link;
mod names;
mod netlink;
mod network;
pub mod ntp;
pub mod patience;
pub mod ra;
mod resolv;

pub use link::is_alone;
pub use network::{Config, Error, Network, Paths};
