//! A DHCP client (RFC 2131): what a server says, what to say to it and when, and how it gets onto the wire.

mod client;
mod conflict;
mod lease;
mod options;
mod reply;
mod request;
mod socket;

pub(crate) use client::{Client, Event, Outgoing, Step};
pub(crate) use conflict::Watch;
pub(crate) use lease::Lease;
pub use options::Route as ClasslessRoute;
pub use reply::{DhcpError, Kind, Reply, parse_reply};
pub(crate) use socket::{Socket, bind_to_interface};

/// Where servers and clients listen (RFC 2131 §4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// What follows the fixed part of a message if it has options (RFC 2131 §3).
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Length of the fixed part.
const FIXED: usize = 236;

/// Option codes (RFC 2132 unless said otherwise).
mod code {
    pub(super) const PAD: u8 = 0;
    pub(super) const SUBNET_MASK: u8 = 1;
    pub(super) const ROUTER: u8 = 3;
    pub(super) const NAME_SERVER: u8 = 6;
    pub(super) const HOST_NAME: u8 = 12;
    pub(super) const DOMAIN: u8 = 15;
    pub(super) const MTU: u8 = 26;
    pub(super) const NTP_SERVER: u8 = 42;
    pub(super) const REQUESTED_ADDRESS: u8 = 50;
    pub(super) const LEASE_TIME: u8 = 51;
    pub(super) const OVERLOAD: u8 = 52;
    pub(super) const MESSAGE_TYPE: u8 = 53;
    pub(super) const SERVER_ID: u8 = 54;
    pub(super) const PARAMETERS: u8 = 55;
    pub(super) const MESSAGE: u8 = 56;
    pub(super) const MAX_SIZE: u8 = 57;
    pub(super) const RENEWAL_TIME: u8 = 58;
    pub(super) const REBINDING_TIME: u8 = 59;
    /// RFC 4039
    pub(super) const RAPID_COMMIT: u8 = 80;
    /// RFC 3397
    pub(super) const SEARCH: u8 = 119;
    /// RFC 3442
    pub(super) const CLASSLESS_ROUTES: u8 = 121;
    pub(super) const END: u8 = 255;
}
