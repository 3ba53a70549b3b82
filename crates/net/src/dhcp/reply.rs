//! What a server says (RFC 2131 §2, §4.3). Everything here comes from the network and is believed only as far as it makes sense.

use super::options::{Options, Route};
use super::{FIXED, MAGIC_COOKIE, code};
use std::net::Ipv4Addr;

const BOOTREPLY: u8 = 2;
const ETHERNET: [u8; 2] = [1, 6];

/// Why a message is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DhcpError {
    /// Shorter than the fixed part of a DHCP message.
    #[error("it is too short for a DHCP message")]
    Short,
    /// BOOTP, a request, or no Ethernet.
    #[error("it is no DHCP answer for an Ethernet")]
    NoReply,
    /// Neither OFFER nor ACK nor NAK.
    #[error("DHCP message type {0} is nothing for a client")]
    Kind(u8),
    /// An option runs over the end.
    #[error("DHCP option {code} is cut off")]
    Truncated {
        /// Its number.
        code: u8,
    },
    /// An option's value cannot be what the option means.
    #[error("DHCP option {code} is malformed")]
    Malformed {
        /// Its number.
        code: u8,
    },
    /// An address that no host can have.
    #[error("a host cannot have the address {0}")]
    Address(Ipv4Addr),
}

/// The answers of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// You could have this.
    Offer,
    /// It is yours.
    Ack,
    /// You cannot have that.
    Nak,
}

/// An OFFER, ACK or NAK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which of the three.
    pub kind: Kind,
    /// Number of the conversation.
    pub xid: u32,
    /// The client's Ethernet address.
    pub mac: [u8; 6],
    /// The address given; `0.0.0.0` in a NAK.
    pub address: Ipv4Addr,
    /// Prefix length of the network (option 1).
    pub prefix: Option<u8>,
    /// Default gateways, best first (option 3).
    pub routers: Vec<Ipv4Addr>,
    /// Routes instead of the default gateways (option 121).
    pub routes: Option<Vec<Route>>,
    /// Name servers, best first (option 6).
    pub name_servers: Vec<Ipv4Addr>,
    /// This machine's name (option 12).
    pub host_name: Option<String>,
    /// The network's domain (option 15).
    pub domain: Option<String>,
    /// Domains to look names up in (option 119).
    pub search: Vec<String>,
    /// Bytes (option 26).
    pub mtu: Option<u16>,
    /// Time servers (option 42).
    pub ntp_servers: Vec<Ipv4Addr>,
    /// An ACK that answers a DISCOVER (option 80, RFC 4039).
    pub rapid_commit: bool,
    /// Seconds (option 51); `u32::MAX` is for ever.
    pub lease_time: Option<u32>,
    /// Who says so (option 54).
    pub server: Option<Ipv4Addr>,
    /// Seconds until renewal (option 58).
    pub renewal_time: Option<u32>,
    /// Seconds until rebinding (option 59).
    pub rebinding_time: Option<u32>,
    /// Words for people (option 56), without control characters.
    pub message: String,
}

/// Reads a server's message: the payload of an UDP packet.
///
/// What decides about address, routes and times has to be right. What is for comfort (names, MTU, time servers) is left out if it is
/// malformed, for a machine has to boot with the DHCP server it has.
pub fn parse_reply(bytes: &[u8]) -> Result<Reply, DhcpError> {
    let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or(DhcpError::Short)?;
    let (cookie, rest) = rest.split_first_chunk().ok_or(DhcpError::Short)?;
    if fixed[0] != BOOTREPLY || fixed[1..3] != ETHERNET || *cookie != MAGIC_COOKIE {
        return Err(DhcpError::NoReply);
    }
    let options = Options::parse(rest, &fixed[108..236], &fixed[44..108])?;
    let kind = match options.byte(code::MESSAGE_TYPE)? {
        Some(2) => Kind::Offer,
        Some(5) => Kind::Ack,
        Some(6) => Kind::Nak,
        other => return Err(DhcpError::Kind(other.unwrap_or(0))),
    };
    let address = Ipv4Addr::from_octets(chunk(fixed, 16));
    if kind != Kind::Nak && !is_host(address) {
        return Err(DhcpError::Address(address));
    }
    Ok(Reply {
        kind,
        xid: u32::from_be_bytes(chunk(fixed, 4)),
        mac: chunk(fixed, 28),
        address,
        prefix: options.mask()?,
        routers: options.addresses(code::ROUTER)?,
        routes: options.classless_routes()?,
        name_servers: options.addresses(code::NAME_SERVER)?,
        host_name: options.host_name(code::HOST_NAME).unwrap_or_default(),
        domain: options.domain(code::DOMAIN).unwrap_or_default(),
        search: options.search().unwrap_or_default(),
        mtu: options.short(code::MTU).unwrap_or_default(),
        ntp_servers: options.addresses(code::NTP_SERVER).unwrap_or_default(),
        rapid_commit: options.flag(code::RAPID_COMMIT),
        lease_time: options.long(code::LEASE_TIME)?,
        server: options.address(code::SERVER_ID)?,
        renewal_time: options.long(code::RENEWAL_TIME)?,
        rebinding_time: options.long(code::REBINDING_TIME)?,
        message: options.message(),
    })
}

/// `N` octets of the fixed part, all of which lie within it.
fn chunk<const N: usize>(fixed: &[u8; FIXED], at: usize) -> [u8; N] {
    std::array::from_fn(|i| fixed[at + i])
}

fn is_host(address: Ipv4Addr) -> bool {
    !(address.octets()[0] == 0 || address.is_loopback() || address.is_multicast() || address.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An ACK with these options.
    fn ack(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[..8].copy_from_slice(&[2, 1, 6, 0, 1, 2, 3, 4]);
        bytes[16..20].copy_from_slice(&[10, 0, 2, 15]);
        bytes.extend(MAGIC_COOKIE);
        bytes.extend([53, 1, 5]);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn a_whole_lease() {
        let reply = parse_reply(&ack(&[
            1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 6, 8, 10, 0, 2, 3, 1, 1, 1, 1, 12, 3, b'd', b'u',
            b't', 15, 5, b'l', b'a', b'n', b'.', 0, 26, 2, 5, 220, 42, 4, 10, 0, 2, 4, 51, 4, 0, 0, 14, 16,
            54, 4, 10, 0, 2, 2, 58, 4, 0, 0, 7, 8, 59, 4, 0, 0, 12, 78, 255, 0, 0,
        ]))
        .unwrap();
        assert_eq!(
            (reply.kind, reply.xid, reply.address.to_string().as_str()),
            (Kind::Ack, 0x0102_0304, "10.0.2.15")
        );
        assert_eq!((reply.prefix, reply.mtu, reply.lease_time), (Some(24), Some(1500), Some(3600)));
        assert_eq!((reply.renewal_time, reply.rebinding_time), (Some(1800), Some(3150)));
        assert_eq!(reply.name_servers, [Ipv4Addr::new(10, 0, 2, 3), Ipv4Addr::new(1, 1, 1, 1)]);
        assert_eq!((reply.host_name.as_deref(), reply.domain.as_deref()), (Some("dut"), Some("lan")));
    }

    #[test]
    fn search_names_are_decompressed() {
        // eng.apple.com and marketing.apple.com, RFC 3397 §2.1's example
        let mut option = vec![119, 27];
        option.extend(b"\x03eng\x05apple\x03com\0\x09marketing\xc0\x04");
        assert_eq!(parse_reply(&ack(&option)).unwrap().search, ["eng.apple.com", "marketing.apple.com"]);
        // A pointer to itself.
        assert!(parse_reply(&ack(&[119, 2, 0xc0, 0])).unwrap().search.is_empty());
    }

    #[test]
    fn a_long_option_comes_in_pieces() {
        let reply =
            parse_reply(&ack(&[121, 3, 24, 10, 1, 121, 5, 9, 10, 0, 2, 2, 121, 5, 0, 10, 0, 2, 1])).unwrap();
        let route = |destination: [u8; 4], prefix, gateway: [u8; 4]| Route {
            destination: destination.into(),
            prefix,
            gateway: gateway.into(),
        };
        assert_eq!(
            reply.routes,
            Some(vec![route([10, 1, 9, 0], 24, [10, 0, 2, 2]), route([0; 4], 0, [10, 0, 2, 1])])
        );
    }

    #[test]
    fn options_may_be_in_the_file_field() {
        let mut bytes = ack(&[52, 1, 1]);
        bytes[108..115].copy_from_slice(&[3, 4, 10, 0, 2, 2, 255]);
        assert_eq!(parse_reply(&bytes).unwrap().routers, [Ipv4Addr::new(10, 0, 2, 2)]);
    }

    #[test]
    fn what_decides_has_to_be_right() {
        for (options, expected) in [
            (&[1, 4, 255, 0, 255, 0][..], DhcpError::Malformed { code: 1 }),
            (&[3, 3, 10, 0, 2], DhcpError::Malformed { code: 3 }),
            (&[51, 2, 0, 1], DhcpError::Malformed { code: 51 }),
            (&[121, 1, 24], DhcpError::Malformed { code: 121 }),
            (&[121, 9, 33, 1, 2, 3, 4, 5, 6, 7, 8], DhcpError::Malformed { code: 121 }),
            (&[6, 9, 1, 1, 1, 1], DhcpError::Truncated { code: 6 }),
            (&[6], DhcpError::Truncated { code: 6 }),
        ] {
            assert_eq!(parse_reply(&ack(options)), Err(expected), "{options:?}");
        }
        let mut loopback = ack(&[]);
        loopback[16..20].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(parse_reply(&loopback), Err(DhcpError::Address(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn comfort_that_is_malformed_is_left_out() {
        let reply = parse_reply(&ack(&[15, 6, b'a', b'\n', b'b', b' ', b'c', b'd', 26, 1, 5])).unwrap();
        assert_eq!((reply.domain, reply.mtu), (None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = parse_reply(&bytes);
        }

        #[test]
        fn any_options_are_read_or_refused(options: Vec<u8>) {
            if let Ok(reply) = parse_reply(&ack(&options)) {
                // What may be written to resolv.conf stays on its line.
                let names = reply.search.iter().chain(&reply.domain).chain(&reply.host_name);
                for name in names {
                    prop_assert!(!name.is_empty() && !name.contains(char::is_whitespace));
                }
                prop_assert!(reply.prefix.is_none_or(|p| p <= 32));
            }
        }
    }
}
