//! Network interfaces, their addresses and routes, as the kernel knows them.

mod prefix;
mod route;

pub(crate) use prefix::Prefix;
pub(crate) use route::Route;

use crate::netlink::{Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Socket, attribute, attributes};
use rustix::io::Errno;
use std::net::IpAddr;
use std::path::Path;

/// linux/rtnetlink.h, if_link.h, if_addr.h, if_arp.h, if.h
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
/// Notices of links that come, go and change.
pub(crate) const RTMGRP_LINK: u32 = 0x1;
/// Notices of IPv4 addresses.
pub(crate) const RTMGRP_IPV4_IFADDR: u32 = 0x10;
/// Notices of IPv6 addresses.
pub(crate) const RTMGRP_IPV6_IFADDR: u32 = 0x100;
/// Notices of IPv6 routes.
pub(crate) const RTMGRP_IPV6_ROUTE: u32 = 0x400;
/// Notices of what routers advertise of a link's IPv6.
pub(crate) const RTMGRP_IPV6_IFINFO: u32 = 0x800;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_INET6_FLAGS: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_RT_PRIORITY: u16 = 9;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_TENTATIVE: u8 = 0x40;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_SITE: u8 = 200;
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
    /// What routers say about DHCPv6 there: linux/if_link.h's IF_RA_MANAGED and IF_RA_OTHERCONF.
    pub(crate) ra_flags: u32,
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
            ra_flags: 0,
        };
        for (attribute, value) in attributes(payload, IFINFOMSG) {
            match attribute {
                IFLA_IFNAME => link.name = text(value),
                IFLA_ADDRESS if hardware == ARPHRD_ETHER => link.mac = value.try_into().ok(),
                IFLA_MASTER => link.enslaved = true,
                IFLA_AF_SPEC => link.ra_flags = ra_flags(value).unwrap_or(0),
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

fn ra_flags(families: &[u8]) -> Option<u32> {
    let inet6 = attributes(families, 0).find(|a| a.0 == u16::from(AF_INET6))?.1;
    let flags = attributes(inet6, 0).find(|a| a.0 == IFLA_INET6_FLAGS)?.1;
    flags.try_into().ok().map(u32::from_ne_bytes)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').into()
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

    /// All addresses that can be used and reach further than this machine or one link (scope `global`), with their interface's index.
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

    /// Makes the interface `name` for the VLAN `id` on another one. The kernel loads the module that this needs by itself.
    pub(crate) fn add_vlan(&self, parent: u32, name: &str, id: u16) -> Result<(), Errno> {
        let mut info = attribute(IFLA_INFO_KIND, b"vlan");
        info.extend(attribute(IFLA_INFO_DATA, &attribute(IFLA_VLAN_ID, &id.to_ne_bytes())));
        let message = Message::new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifinfomsg(0, false))
            .attribute(IFLA_LINK, &parent.to_ne_bytes())
            .attribute(IFLA_IFNAME, name.as_bytes())
            .attribute(IFLA_LINKINFO, &info);
        self.0.request(message)
    }

    /// Removes an interface that is no hardware.
    pub(crate) fn delete_link(&self, index: u32) -> Result<(), Errno> {
        self.0.request(Message::new(RTM_DELLINK, 0, &ifinfomsg(index, false)))
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
    let [family, length, flags, scope, index @ ..] = *payload.first_chunk::<IFADDRMSG>()?;
    let wanted = if family == AF_INET { IFA_LOCAL } else { IFA_ADDRESS };
    let value = attributes(payload, IFADDRMSG).find(|a| a.0 == wanted)?.1;
    let address = match family {
        AF_INET => IpAddr::from(<[u8; 4]>::try_from(value).ok()?),
        AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(value).ok()?),
        _ => return None,
    };
    // Site-local addresses of IPv6 are no longer made, but QEMU's user-mode network still gives them.
    let usable = matches!(scope, RT_SCOPE_UNIVERSE | RT_SCOPE_SITE) && flags & IFA_F_TENTATIVE == 0;
    usable.then(|| (u32::from_ne_bytes(index), Prefix { address, length }))
}
