//! A DHCPv6 client (RFC 8415): for name and time servers where IPv6 routers say that there is more to know (flag O), and for an address
//! where they say that addresses are given (flag M).

mod client;
mod message;
mod reply;
mod socket;

pub(crate) use client::{Client, Event, Mode};
pub use reply::{Grant, Kind, Reply, parse_reply};
pub(crate) use socket::Socket;

/// Option codes (RFC 8415 §21 unless said otherwise).
mod code {
    pub(super) const CLIENT_ID: u16 = 1;
    pub(super) const SERVER_ID: u16 = 2;
    pub(super) const IA_NA: u16 = 3;
    pub(super) const IA_ADDRESS: u16 = 5;
    pub(super) const WANTED: u16 = 6;
    pub(super) const ELAPSED_TIME: u16 = 8;
    pub(super) const STATUS: u16 = 13;
    pub(super) const RAPID_COMMIT: u16 = 14;
    /// RFC 3646
    pub(super) const NAME_SERVERS: u16 = 23;
    /// RFC 3646
    pub(super) const SEARCH: u16 = 24;
    /// RFC 4075
    pub(super) const SNTP_SERVERS: u16 = 31;
    pub(super) const REFRESH_TIME: u16 = 32;
    /// RFC 5908
    pub(super) const NTP_SERVER: u16 = 56;
}

/// The client's name to servers: DUID-LL for Ethernet (RFC 8415 §11.4). Without a clock or a disk there is no better one, and it is the same
/// in every boot.
fn duid(mac: [u8; 6]) -> Vec<u8> {
    [&[0, 3, 0, 1][..], &mac].concat()
}
