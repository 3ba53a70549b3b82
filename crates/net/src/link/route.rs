//! Routes.

use super::{AF_INET6, Kernel, Prefix, RT_SCOPE_UNIVERSE, family, octets};
use crate::netlink::{Message, NLM_F_CREATE, NLM_F_REPLACE, attributes};
use rustix::io::Errno;
use std::net::{IpAddr, Ipv6Addr};

/// linux/rtnetlink.h
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_MAIN: u8 = 254;
/// What ip(8) writes, too.
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_LINK: u8 = 253;
const RTN_UNICAST: u8 = 1;
const RTNH_F_ONLINK: u32 = 4;
const RTM_GETROUTE: u16 = 26;
/// Size of struct rtmsg.
const RTMSG: usize = 12;

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

impl Kernel {
    /// IPv6 default routes by a router: the interface's index and the router.
    pub(crate) fn ipv6_gateways(&self) -> Result<Vec<(u32, Ipv6Addr)>, Errno> {
        let mut gateways = Vec::new();
        let mut all = [0; RTMSG];
        all[0] = AF_INET6;
        self.0.dump(Message::new(RTM_GETROUTE, 0, &all), |kind, payload| {
            if kind == RTM_NEWROUTE {
                gateways.extend(parse_ipv6_gateway(payload));
            }
        })?;
        Ok(gateways)
    }

    pub(crate) fn add_route(&self, index: u32, route: &Route) -> Result<(), Errno> {
        self.0.request(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, route))
    }

    pub(crate) fn delete_route(&self, index: u32, route: &Route) -> Result<(), Errno> {
        self.0.request(route_message(RTM_DELROUTE, 0, index, route))
    }
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

fn parse_ipv6_gateway(payload: &[u8]) -> Option<(u32, Ipv6Addr)> {
    let [family, length, _, _, table, _, _, kind, ..] = *payload.first_chunk::<RTMSG>()?;
    if (family, length, table, kind) != (AF_INET6, 0, RT_TABLE_MAIN, RTN_UNICAST) {
        return None;
    }
    let find = |wanted| attributes(payload, RTMSG).find(|a| a.0 == wanted).map(|a| a.1);
    let index = u32::from_ne_bytes(find(RTA_OIF)?.try_into().ok()?);
    let gateway: [u8; 16] = find(RTA_GATEWAY)?.try_into().ok()?;
    Some((index, gateway.into()))
}
