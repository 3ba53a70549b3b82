//! Network interfaces, their addresses and routes, as the kernel knows them.

use crate::netlink::{Message, NLM_F_CREATE, NLM_F_REPLACE, Socket, attributes};
use rustix::io::Errno;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// linux/rtnetlink.h, if_link.h, if_addr.h, if_arp.h, if.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
/// Notices of links that come, go and change.
pub(crate) const RTMGRP_LINK: u32 = 0x1;
/// Notices of IPv4 addresses.
pub(crate) const RTMGRP_IPV4_IFADDR: u32 = 0x10;
/// Notices of IPv6 addresses.
pub(crate) const RTMGRP_IPV6_IFADDR: u32 = 0x100;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_RT_PRIORITY: u16 = 9;
const IFA_F_NODAD: u32 = 0x02;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_MAIN: u8 = 254;
/// What ip(8) writes, too.
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RTN_UNICAST: u8 = 1;
const RTNH_F_ONLINK: u32 = 4;
const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_LOWER_UP: u32 = 0x1_0000;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Sizes of struct ifinfomsg and struct ifaddrmsg.
const IFINFOMSG: usize = 16;
const IFADDRMSG: usize = 8;

/// An Ethernet address.
pub(crate) type Mac = [u8; 6];

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The kernel's number for it.
    pub(crate) index: u32,
    pub(crate) name: String,
    /// `None` if it is no Ethernet.
    pub(crate) mac: Option<Mac>,
    pub(crate) loopback: bool,
    /// A cable is plugged in and the other side answers.
    pub(crate) carrier: bool,
    /// Part of a bridge or bond.
    pub(crate) enslaved: bool,
    /// Empty for hardware; `veth`, `bridge`, `vlan`, ….
    pub(crate) kind: String,
}

impl Link {
    /// struct ifinfomsg and its attributes.
    fn parse(payload: &[u8]) -> Option<Link> {
        let hardware = u16::from_ne_bytes(*payload.get(2..)?.first_chunk()?);
        let index = u32::from_ne_bytes(*payload.get(4..)?.first_chunk()?);
        let flags = u32::from_ne_bytes(*payload.get(8..)?.first_chunk()?);
        let mut link = Link {
            index,
            name: String::new(),
            mac: None,
            loopback: flags & IFF_LOOPBACK != 0,
            carrier: flags & IFF_LOWER_UP != 0,
            enslaved: false,
            kind: String::new(),
        };
        for (attribute, value) in attributes(payload, IFINFOMSG) {
            match attribute {
                IFLA_IFNAME => link.name = text(value),
                IFLA_ADDRESS if hardware == ARPHRD_ETHER => link.mac = value.try_into().ok(),
                IFLA_MASTER => link.enslaved = true,
                IFLA_LINKINFO => {
                    link.kind = attributes(value, 0)
                        .find(|a| a.0 == IFLA_INFO_KIND)
                        .map_or(String::new(), |a| text(a.1));
                }
                _ => {}
            }
        }
        Some(link)
    }

    /// Wireless interfaces need to join a network first, which is nobody's job here.
    pub(crate) fn is_wireless(&self) -> bool {
        Path::new("/sys/class/net").join(&self.name).join("phy80211").exists()
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').into()
}

/// An address and how many of its bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) address: IpAddr,
    pub(crate) length: u8,
}

impl Prefix {
    fn bits(address: IpAddr) -> u128 {
        match address {
            // Moved to the top, so that both families are compared from the first bit on.
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => address.into(),
        }
    }

    /// Whether the other address is in the same network.
    pub(crate) fn contains(&self, other: IpAddr) -> bool {
        let differ = Self::bits(self.address) ^ Self::bits(other);
        self.address.is_ipv4() == other.is_ipv4() && differ.leading_zeros() >= u32::from(self.length)
    }

    /// The network itself: the bits beyond the prefix are zero. The kernel refuses routes to anything else.
    pub(crate) fn network(self) -> Prefix {
        let address = match self.address {
            IpAddr::V4(a) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(self.length.into())).unwrap_or(0);
                Ipv4Addr::from(u32::from(a) & mask).into()
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(self.length.into())).unwrap_or(0);
                Ipv6Addr::from(u128::from(a) & mask).into()
            }
        };
        Prefix { address, length: self.length }
    }

    fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.address {
            // /31 and /32 have none (RFC 3021).
            IpAddr::V4(address) if self.length < 31 => Some(Ipv4Addr::from(
                u32::from(address) | u32::MAX.checked_shr(self.length.into()).unwrap_or(0),
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// A route by one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) destination: Prefix,
    /// `None`: the destination is on the link itself.
    pub(crate) gateway: Option<IpAddr>,
    /// The smaller is taken.
    pub(crate) metric: u32,
    /// The gateway is on the link although no address' network holds it.
    pub(crate) onlink: bool,
}

/// Whether this thread's network namespace has no address but those of loopback and of single links, so that no other machine can be reached.
///
/// It is the kernel that is asked, not [`Network`](crate::Network): a container may have set up what we could not.
pub fn is_alone() -> bool {
    let addresses = Kernel::open().and_then(|kernel| kernel.addresses());
    addresses.is_ok_and(|addresses| addresses.iter().all(|(_, prefix)| prefix.address.is_loopback()))
}

/// The kernel's network settings of this thread's network namespace.
pub(crate) struct Kernel(Socket);

impl Kernel {
    pub(crate) fn open() -> Result<Kernel, Errno> {
        Socket::open(0).map(Kernel)
    }

    /// All interfaces.
    pub(crate) fn links(&self) -> Result<Vec<Link>, Errno> {
        let mut links = Vec::new();
        self.0.dump(Message::new(RTM_GETLINK, 0, &ifinfomsg(0, false)), |kind, payload| {
            if kind == RTM_NEWLINK {
                links.extend(Link::parse(payload));
            }
        })?;
        Ok(links)
    }

    /// All addresses that reach further than this machine or one link (scope `global`), with their interface's index.
    pub(crate) fn addresses(&self) -> Result<Vec<(u32, Prefix)>, Errno> {
        let mut addresses = Vec::new();
        self.0.dump(Message::new(RTM_GETADDR, 0, &[0; IFADDRMSG]), |kind, payload| {
            if kind == RTM_NEWADDR {
                addresses.extend(parse_address(payload));
            }
        })?;
        Ok(addresses)
    }

    pub(crate) fn set_up(&self, index: u32) -> Result<(), Errno> {
        self.0.request(Message::new(RTM_NEWLINK, 0, &ifinfomsg(index, true)))
    }

    pub(crate) fn set_mtu(&self, index: u32, mtu: u16) -> Result<(), Errno> {
        let message = Message::new(RTM_NEWLINK, 0, &ifinfomsg(index, false));
        self.0.request(message.attribute(IFLA_MTU, &u32::from(mtu).to_ne_bytes()))
    }

    /// Adds or changes an address. The route to its network gets the metric, so that of two interfaces in one network the first is used.
    pub(crate) fn add_address(&self, index: u32, prefix: Prefix, metric: u32) -> Result<(), Errno> {
        let mut message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, prefix);
        message = message.attribute(IFA_RT_PRIORITY, &metric.to_ne_bytes());
        if let Some(broadcast) = prefix.broadcast() {
            message = message.attribute(IFA_BROADCAST, &broadcast.octets());
        }
        if prefix.address.is_ipv6() {
            // Usable at once, not after a second of looking for duplicates.
            message = message.attribute(IFA_FLAGS, &IFA_F_NODAD.to_ne_bytes());
        }
        self.0.request(message)
    }

    pub(crate) fn delete_address(&self, index: u32, prefix: Prefix) -> Result<(), Errno> {
        self.0.request(address_message(RTM_DELADDR, 0, index, prefix))
    }

    pub(crate) fn add_route(&self, index: u32, route: &Route) -> Result<(), Errno> {
        self.0.request(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, route))
    }

    pub(crate) fn delete_route(&self, index: u32, route: &Route) -> Result<(), Errno> {
        self.0.request(route_message(RTM_DELROUTE, 0, index, route))
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

/// family, pad, type (2), index (4), flags (4), change (4)
fn ifinfomsg(index: u32, up: bool) -> [u8; IFINFOMSG] {
    let mut bytes = [0; IFINFOMSG];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    if up {
        bytes[8..12].copy_from_slice(&IFF_UP.to_ne_bytes());
        bytes[12..16].copy_from_slice(&IFF_UP.to_ne_bytes());
    }
    bytes
}

/// family, prefix length, flags, scope, index (4)
fn address_message(kind: u16, flags: u16, index: u32, prefix: Prefix) -> Message {
    let mut fixed = [family(prefix.address), prefix.length, 0, RT_SCOPE_UNIVERSE, 0, 0, 0, 0];
    fixed[4..].copy_from_slice(&index.to_ne_bytes());
    let address = octets(prefix.address);
    Message::new(kind, flags, &fixed).attribute(IFA_LOCAL, &address).attribute(IFA_ADDRESS, &address)
}

fn parse_address(payload: &[u8]) -> Option<(u32, Prefix)> {
    let [family, length, _, scope, index @ ..] = *payload.first_chunk::<IFADDRMSG>()?;
    let wanted = if family == AF_INET { IFA_LOCAL } else { IFA_ADDRESS };
    let value = attributes(payload, IFADDRMSG).find(|a| a.0 == wanted)?.1;
    let address = match family {
        AF_INET => IpAddr::from(<[u8; 4]>::try_from(value).ok()?),
        AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(value).ok()?),
        _ => return None,
    };
    (scope == RT_SCOPE_UNIVERSE).then(|| (u32::from_ne_bytes(index), Prefix { address, length }))
}

/// family, destination length, source length, tos, table, protocol, scope, type, flags (4)
fn route_message(kind: u16, flags: u16, index: u32, route: &Route) -> Message {
    let Prefix { address, length } = route.destination;
    let scope = if route.gateway.is_some() || address.is_ipv6() { RT_SCOPE_UNIVERSE } else { RT_SCOPE_LINK };
    let mut fixed =
        [family(address), length, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, 0, 0, 0, 0];
    if route.onlink {
        fixed[8..].copy_from_slice(&RTNH_F_ONLINK.to_ne_bytes());
    }
    let mut message = Message::new(kind, flags, &fixed)
        .attribute(RTA_DST, &octets(address))
        .attribute(RTA_OIF, &index.to_ne_bytes())
        .attribute(RTA_PRIORITY, &route.metric.to_ne_bytes());
    if let Some(gateway) = route.gateway {
        message = message.attribute(RTA_GATEWAY, &octets(gateway));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
    }

    #[test]
    fn a_prefix_holds_its_network() {
        assert!(prefix("10.0.2.15/24").contains("10.0.2.2".parse().unwrap()));
        assert!(!prefix("10.0.2.15/24").contains("10.0.3.2".parse().unwrap()));
        assert!(prefix("10.0.2.15/0").contains("1.1.1.1".parse().unwrap()));
        assert!(!prefix("10.0.2.15/0").contains("::1".parse().unwrap()));
        assert!(!prefix("10.0.2.15/32").contains("10.0.2.14".parse().unwrap()));
        assert!(prefix("fd00::1/64").contains("fd00::2".parse().unwrap()));
    }

    #[test]
    fn broadcast_addresses() {
        assert_eq!(prefix("10.0.2.15/24").broadcast(), Some(Ipv4Addr::new(10, 0, 2, 255)));
        assert_eq!(prefix("10.0.2.15/0").broadcast(), Some(Ipv4Addr::BROADCAST));
        assert_eq!(prefix("10.0.2.15/31").broadcast(), None);
    }
}
