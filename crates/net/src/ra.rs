//! What IPv6 routers advertise for looking names up (RFC 8106), as the kernel passes it on.
//!
//! The kernel itself takes addresses and routes out of advertisements, and checks that they come from the link.

use crate::names::dns_names;
use std::net::Ipv6Addr;

/// linux/rtnetlink.h: an option of an advertisement that is for user space.
pub(crate) const RTM_NEWNDUSEROPT: u16 = 68;
/// Notices of them: group 20.
pub(crate) const RTMGRP_ND_USEROPT: u32 = 1 << 19;
/// struct nduseroptmsg: family, pad, length of the options (2), interface (4), ICMP type, ICMP code, pad
const NDUSEROPTMSG: usize = 16;
const AF_INET6: u8 = 10;
const ROUTER_ADVERTISEMENT: u8 = 134;
/// Recursive DNS server (RFC 8106 §5.1).
const RDNSS: u8 = 25;
/// DNS search list (RFC 8106 §5.2).
const DNSSL: u8 = 31;
/// As many as resolvers look at, and more than any network has.
const MAX_SERVERS: usize = 8;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The interface's number.
    pub index: u32,
    /// Seconds for which it holds; 0 takes it back, `u32::MAX` is for ever.
    pub lifetime: u32,
    /// Whom to ask for names.
    pub servers: Vec<Ipv6Addr>,
    /// Domains to look names up in.
    pub domains: Vec<String>,
}

/// Reads the payload of a notice. `None` if it is no advice for us, or malformed.
pub fn parse(payload: &[u8]) -> Option<Advice> {
    let (head, rest) = payload.split_first_chunk::<NDUSEROPTMSG>()?;
    let length = usize::from(u16::from_ne_bytes([head[2], head[3]]));
    let index = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
    if (head[0], head[8]) != (AF_INET6, ROUTER_ADVERTISEMENT) {
        return None;
    }
    // Type, length in units of eight octets, reserved (2), lifetime (4), value (RFC 4861 §4.6).
    let option = rest.get(..length)?;
    let units = usize::from(*option.get(1)?);
    let (fixed, value) = option.get(..units * 8)?.split_first_chunk::<8>()?;
    let lifetime = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
    let mut advice = Advice { index, lifetime, servers: Vec::new(), domains: Vec::new() };
    match fixed[0] {
        RDNSS => advice.servers = servers(value),
        DNSSL => advice.domains = dns_names(value),
        _ => return None,
    }
    Some(advice)
}

/// Addresses one after the other, without those that no server has.
pub(crate) fn servers(value: &[u8]) -> Vec<Ipv6Addr> {
    let (addresses, _) = value.as_chunks::<16>();
    let addresses = addresses.iter().map(|&address| Ipv6Addr::from(address));
    let right = addresses.filter(|a| !a.is_unspecified() && !a.is_loopback() && !a.is_multicast());
    right.take(MAX_SERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn notice(option: &[u8]) -> Vec<u8> {
        let mut bytes = vec![AF_INET6, 0];
        bytes.extend(u16::try_from(option.len()).unwrap().to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend([ROUTER_ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(option);
        bytes
    }

    #[test]
    fn servers_and_domains() {
        let address: Ipv6Addr = "fd00::53".parse().unwrap();
        let mut rdnss = vec![RDNSS, 5, 0, 0, 0, 0, 2, 88];
        rdnss.extend(address.octets());
        rdnss.extend(Ipv6Addr::UNSPECIFIED.octets());
        let advice = parse(&notice(&rdnss)).unwrap();
        assert_eq!((advice.index, advice.lifetime, advice.servers), (7, 600, vec![address]));
        let dnssl = [&[DNSSL, 2, 0, 0, 0xff, 0xff, 0xff, 0xff][..], b"\x03lan\0\0\0\0"].concat();
        let advice = parse(&notice(&dnssl)).unwrap();
        assert_eq!((advice.lifetime, advice.domains), (u32::MAX, vec!["lan".to_owned()]));
    }

    #[test]
    fn what_is_cut_off_is_not_used() {
        assert_eq!(parse(&notice(&[RDNSS, 3, 0, 0, 0, 0, 2, 88])), None);
        assert_eq!(parse(&notice(&[RDNSS, 0, 0, 0, 0, 0, 2, 88])), None);
        assert_eq!(parse(&notice(&[3, 1, 0, 0, 0, 0, 2, 88])), None, "not for us");
        assert_eq!(parse(&notice(&[RDNSS])), None);
    }

    proptest! {
        #[test]
        fn any_notice_is_read_or_dropped(mut bytes: Vec<u8>, option: Vec<u8>) {
            let _ = parse(&bytes);
            bytes = notice(&option);
            let _ = parse(&bytes);
        }
    }
}
