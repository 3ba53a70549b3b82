//! What a client says (RFC 8415 §18.2).

use super::{code, duid};
use std::net::Ipv6Addr;

/// What we want to know.
const WANTED: [u16; 5] =
    [code::NAME_SERVERS, code::SEARCH, code::SNTP_SERVERS, code::NTP_SERVER, code::REFRESH_TIME];
/// The one set of addresses of an interface; other interfaces have another DUID.
pub(super) const IAID: [u8; 4] = [0, 0, 0, 1];

/// Message types (RFC 8415 §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Solicit = 1,
    Request = 3,
    Renew = 5,
    Rebind = 6,
    InformationRequest = 11,
}

/// One message of a client.
pub(super) struct Request<'a> {
    pub(super) message: Message,
    pub(super) xid: [u8; 3],
    pub(super) mac: [u8; 6],
    /// Hundredths of a second since the conversation began.
    pub(super) elapsed: u16,
    /// Whom it is for, if not everybody.
    pub(super) server: Option<&'a [u8]>,
    /// The address that is wanted or had.
    pub(super) address: Option<Ipv6Addr>,
}

impl Request<'_> {
    /// The payload of an UDP packet.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.message as u8];
        bytes.extend(self.xid);
        option(&mut bytes, code::CLIENT_ID, &duid(self.mac));
        if let Some(server) = self.server {
            option(&mut bytes, code::SERVER_ID, server);
        }
        option(&mut bytes, code::ELAPSED_TIME, &self.elapsed.to_be_bytes());
        option(&mut bytes, code::WANTED, &WANTED.map(u16::to_be_bytes).concat());
        if self.message == Message::Solicit {
            option(&mut bytes, code::RAPID_COMMIT, &[]);
        }
        if self.message != Message::InformationRequest {
            option(&mut bytes, code::IA_NA, &self.addresses());
        }
        bytes
    }

    /// IAID, T1 and T2, which are the server's to say, and the address, whose times are too.
    fn addresses(&self) -> Vec<u8> {
        let mut value = [&IAID[..], &[0; 8]].concat();
        if let Some(address) = self.address {
            option(&mut value, code::IA_ADDRESS, &[&address.octets()[..], &[0; 8]].concat());
        }
        value
    }
}

fn option(bytes: &mut Vec<u8>, code: u16, value: &[u8]) {
    // Values are a few bytes, and a server's name has at most 130 (RFC 8415 §11.1), which its reader checks.
    let length = u16::try_from(value.len()).unwrap_or(0);
    bytes.extend(code.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
}
