//! What a client says (RFC 2131 §4.4, table 5).

use super::{FIXED, MAGIC_COOKIE, code};
use std::net::Ipv4Addr;

/// Relays and servers of old drop what is shorter (RFC 1542 §2.1).
const MIN_LENGTH: usize = 300;
/// What fits into a frame of 1500 bytes with IP and UDP headers.
const MAX_REPLY: u16 = 1472;
/// What we want to know. 121 comes before 3, as RFC 3442 demands.
const WANTED: [u8; 11] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTER,
    code::NAME_SERVER,
    code::HOST_NAME,
    code::DOMAIN,
    code::MTU,
    code::NTP_SERVER,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
    code::SEARCH,
];

/// What the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Who has an address for me?
    Discover,
    /// I want that one.
    Request,
    /// Somebody else has the address that you gave me.
    Decline,
}

/// One message of a client.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) message: Message,
    pub(super) xid: u32,
    /// Since the conversation began.
    pub(super) seconds: u16,
    /// Answers have to be broadcast.
    pub(super) broadcast: bool,
    pub(super) mac: [u8; 6],
    /// The client's address, once it has one; else `0.0.0.0`.
    pub(super) current: Ipv4Addr,
    /// Option 50.
    pub(super) requested: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server: Option<Ipv4Addr>,
    /// Option 12; empty for none.
    pub(super) host_name: &'a str,
}

impl Request<'_> {
    /// The payload of an UDP packet.
    ///
    /// There is no client identifier (option 61): servers then go by the Ethernet address, so that the machine gets the address again
    /// that its firmware booted with.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
        bytes[4..8].copy_from_slice(&self.xid.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[10] = if self.broadcast { 0x80 } else { 0 };
        bytes[12..16].copy_from_slice(&self.current.octets());
        bytes[28..34].copy_from_slice(&self.mac);
        bytes.extend(MAGIC_COOKIE);
        let message = match self.message {
            Message::Discover => 1,
            Message::Request => 3,
            Message::Decline => 4,
        };
        option(&mut bytes, code::MESSAGE_TYPE, &[message]);
        if let Some(address) = self.requested {
            option(&mut bytes, code::REQUESTED_ADDRESS, &address.octets());
        }
        if let Some(server) = self.server {
            option(&mut bytes, code::SERVER_ID, &server.octets());
        }
        // A DECLINE asks for nothing (RFC 2131, table 5).
        if self.message != Message::Decline {
            option(&mut bytes, code::MAX_SIZE, &MAX_REPLY.to_be_bytes());
            option(&mut bytes, code::HOST_NAME, self.host_name.as_bytes());
            option(&mut bytes, code::PARAMETERS, &WANTED);
        }
        if self.message == Message::Discover {
            // A server that knows this saves two messages. It has no value.
            bytes.extend([code::RAPID_COMMIT, 0]);
        }
        bytes.push(code::END);
        bytes.resize(bytes.len().max(MIN_LENGTH), code::PAD);
        bytes
    }
}

/// Appends an option, unless it is empty or longer than an option can be.
fn option(bytes: &mut Vec<u8>, code: u8, value: &[u8]) {
    if let (1.., Ok(length)) = (value.len(), u8::try_from(value.len())) {
        bytes.extend([code, length]);
        bytes.extend(value);
    }
}
