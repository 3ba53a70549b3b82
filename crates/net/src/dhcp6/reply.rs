//! What a server says (RFC 8415 §7.3, §21). Everything here comes from the network and is believed only as far as it makes sense.

use super::message::IAID;
use super::{code, duid};
use crate::names::dns_names;
use crate::ra::servers;
use std::net::Ipv6Addr;

/// A DUID has a type and at most 128 octets (RFC 8415 §11.1).
const MAX_DUID: usize = 130;
/// Suboption of option 56: a unicast address (RFC 5908 §4.1).
const NTP_ADDRESS: u16 = 1;

/// The answers of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// You could have this.
    Advertise,
    /// It is so.
    Reply,
}

/// An address on loan. Times are seconds; `u32::MAX` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The address.
    pub address: Ipv6Addr,
    /// How long it may be used; not 0.
    pub valid: u32,
    /// When to ask this server for more time; 0 leaves it to the client.
    pub renew: u32,
    /// When to ask any server; 0 leaves it to the client.
    pub rebind: u32,
}

/// An ADVERTISE or REPLY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which of the two.
    pub kind: Kind,
    /// Number of the exchange.
    pub xid: [u8; 3],
    /// The server's name for itself.
    pub server: Vec<u8>,
    /// A REPLY that answers a SOLICIT.
    pub rapid_commit: bool,
    /// The first address that is given.
    pub grant: Option<Grant>,
    /// Name servers, best first.
    pub name_servers: Vec<Ipv6Addr>,
    /// Domains to look names up in.
    pub search: Vec<String>,
    /// Time servers, best first.
    pub ntp_servers: Vec<Ipv6Addr>,
    /// Seconds until what is not about addresses should be asked for again.
    pub refresh: Option<u32>,
}

/// Reads a server's message to the client with that Ethernet address: the payload of an UDP packet. `None` if it is for somebody else,
/// malformed, or a refusal.
pub fn parse_reply(bytes: &[u8], mac: [u8; 6]) -> Option<Reply> {
    let ([kind, xid @ ..], rest) = bytes.split_first_chunk::<4>()?;
    let kind = match kind {
        2 => Kind::Advertise,
        7 => Kind::Reply,
        _ => return None,
    };
    let find = |wanted| options(rest).find(|option| option.0 == wanted).map(|option| option.1);
    let server = find(code::SERVER_ID).filter(|server| (3..=MAX_DUID).contains(&server.len()))?;
    if find(code::CLIENT_ID)? != duid(mac) || refused(rest) {
        return None;
    }
    let mut ntp_servers: Vec<_> = find(code::NTP_SERVER).map(ntp_servers).unwrap_or_default();
    ntp_servers.extend(find(code::SNTP_SERVERS).map(servers).unwrap_or_default());
    Some(Reply {
        kind,
        xid: *xid,
        server: server.into(),
        rapid_commit: find(code::RAPID_COMMIT).is_some(),
        grant: find(code::IA_NA).and_then(grant),
        name_servers: find(code::NAME_SERVERS).map(servers).unwrap_or_default(),
        search: find(code::SEARCH).map(dns_names).unwrap_or_default(),
        ntp_servers,
        refresh: find(code::REFRESH_TIME).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes),
    })
}

/// Code (2), length (2), value; repeated. Stops where they are malformed.
fn options(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let ([a, b, c, d], value) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (value, next) = value.split_at_checked(length)?;
        rest = next;
        Some((u16::from_be_bytes([*a, *b]), value))
    })
}

/// A status other than 0 (RFC 8415 §21.13).
fn refused(rest: &[u8]) -> bool {
    options(rest).any(|(code, value)| code == code::STATUS && !value.starts_with(&[0, 0]))
}

/// Option 3: IAID, T1, T2, then options (RFC 8415 §21.4).
fn grant(value: &[u8]) -> Option<Grant> {
    let (iaid, value) = value.split_first_chunk::<4>()?;
    let (renew, value) = value.split_first_chunk()?;
    let (rebind, rest) = value.split_first_chunk()?;
    if *iaid != IAID || refused(rest) {
        return None;
    }
    let (renew, rebind) = (u32::from_be_bytes(*renew), u32::from_be_bytes(*rebind));
    options(rest).filter(|option| option.0 == code::IA_ADDRESS).find_map(|(_, value)| {
        // Address, preferred and valid lifetime, then options (RFC 8415 §21.6).
        let (address, value) = value.split_first_chunk::<16>()?;
        let (valid, rest) = value.get(4..)?.split_first_chunk()?;
        let valid = u32::from_be_bytes(*valid);
        let address = *servers(address).first()?;
        let usable = valid > 0 && !address.is_unicast_link_local() && !refused(rest);
        usable.then_some(Grant { address, valid, renew, rebind })
    })
}

fn ntp_servers(value: &[u8]) -> Vec<Ipv6Addr> {
    options(value)
        .filter(|option| option.0 == NTP_ADDRESS)
        .flat_map(|option| servers(option.1))
        .take(8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        [&code.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
    }

    fn message(options: &[Vec<u8>]) -> Vec<u8> {
        let ids = [option(1, &duid(MAC)), option(2, &[0, 1, 7])].concat();
        [&[7, 1, 2, 3][..], &ids, &options.concat()].concat()
    }

    fn address(last: u8) -> [u8; 16] {
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).octets()
    }

    fn ia(valid: u32, status: &[u8]) -> Vec<u8> {
        let mut inner = [&address(5)[..], &[0, 0, 0, 9], &valid.to_be_bytes()].concat();
        inner.extend(status);
        let times = [&IAID[..], &50u32.to_be_bytes(), &80u32.to_be_bytes()].concat();
        option(3, &[times, option(5, &inner)].concat())
    }

    #[test]
    fn a_whole_reply() {
        let ntp = option(1, &address(4));
        let reply = parse_reply(
            &message(&[
                ia(100, &[]),
                option(14, &[]),
                option(23, &[address(2), address(3)].concat()),
                option(24, b"\x03lan\0"),
                option(31, &address(6)),
                option(32, &[0, 0, 2, 88]),
                option(56, &ntp),
            ]),
            MAC,
        )
        .unwrap();
        assert_eq!((reply.kind, reply.xid, reply.rapid_commit), (Kind::Reply, [1, 2, 3], true));
        let grant = Grant { address: address(5).into(), valid: 100, renew: 50, rebind: 80 };
        assert_eq!((reply.grant, reply.refresh), (Some(grant), Some(600)));
        assert_eq!(reply.name_servers, [address(2), address(3)].map(Ipv6Addr::from));
        assert_eq!((reply.search, reply.server), (vec!["lan".to_owned()], vec![0, 1, 7]));
        assert_eq!(reply.ntp_servers, [address(4), address(6)].map(Ipv6Addr::from));
    }

    #[test]
    fn for_others_or_refused() {
        assert!(parse_reply(&message(&[]), MAC).is_some());
        assert_eq!(parse_reply(&message(&[]), [2, 0, 0, 0, 0, 2]), None);
        assert_eq!(parse_reply(&message(&[option(13, &[0, 2])]), MAC), None);
        assert_eq!(parse_reply(&message(&[])[..14], MAC), None, "no server");
        for bad in [ia(0, &[]), ia(100, &option(13, &[0, 2])), option(3, &IAID)] {
            assert_eq!(parse_reply(&message(&[bad]), MAC).unwrap().grant, None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, code in 0u16..60) {
            let _ = parse_reply(&bytes, MAC);
            if let Some(reply) = parse_reply(&message(&[option(code, &bytes)]), MAC) {
                for name in reply.search {
                    prop_assert!(!name.is_empty() && !name.contains(char::is_whitespace));
                }
            }
        }
    }
}
