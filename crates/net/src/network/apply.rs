//! From a lease or an option to the kernel's addresses and routes.

use super::Error;
use crate::dhcp::Lease;
use crate::link::{Kernel, Prefix, Route};
use options::Iface;
use rustix::io::Errno;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The metric of the first interface; leaves room below for people and containers.
const FIRST_METRIC: u32 = 100;
/// Smaller is no Ethernet that can be used (RFC 791: every host takes 576 bytes).
const MIN_MTU: u16 = 576;

/// What a lease or an option has put in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) prefixes: Vec<Prefix>,
    pub(super) routes: Vec<Route>,
    pub(super) mtu: Option<u16>,
}

impl Applied {
    /// What a lease asks for, on the interface of that rank.
    pub(super) fn of(lease: &Lease, rank: u32) -> Applied {
        let prefix = Prefix { address: lease.reply.address.into(), length: lease.prefix };
        let metric = metric(rank);
        let everything = Prefix { address: Ipv4Addr::UNSPECIFIED.into(), length: 0 };
        let routes = match &lease.reply.routes {
            // Instead of the routers (RFC 3442).
            Some(routes) => routes
                .iter()
                .map(|r| {
                    let destination = Prefix { address: r.destination.into(), length: r.prefix };
                    route(prefix, destination, Some(r.gateway), metric)
                })
                .collect(),
            None => {
                let router = lease.reply.routers.iter().find(|router| !router.is_unspecified());
                router.map(|&router| route(prefix, everything, Some(router), metric)).into_iter().collect()
            }
        };
        Applied { prefixes: vec![prefix], routes, mtu: lease.reply.mtu }
    }

    /// Puts this in place of what an earlier lease had put there. Routes that the kernel refuses are left out with a warning: an address
    /// without one of its routes is still more than none.
    pub(super) fn put(
        &self,
        kernel: &Kernel,
        name: &str,
        index: u32,
        rank: u32,
        old: Option<&Applied>,
    ) -> Result<(), Errno> {
        if let Some(old) = old {
            old.remove(kernel, index, Some(self));
        }
        for prefix in &self.prefixes {
            kernel.add_address(index, *prefix, metric(rank))?;
        }
        for route in &self.routes {
            if let Err(e) = kernel.add_route(index, route) {
                log::warn!("{name}: route to {} by {:?} not added: {e}", route.destination, route.gateway);
            }
        }
        Ok(())
    }

    /// Takes away what `next` does not have. What is gone already needs no words.
    pub(super) fn remove(&self, kernel: &Kernel, index: u32, next: Option<&Applied>) {
        for route in &self.routes {
            if !next.is_some_and(|next| next.routes.contains(route)) {
                let _ = kernel.delete_route(index, route);
            }
        }
        for prefix in &self.prefixes {
            if !next.is_some_and(|next| next.prefixes.contains(prefix)) {
                let _ = kernel.delete_address(index, *prefix);
            }
        }
    }

    /// The default gateway, for people.
    pub(super) fn gateway(&self) -> Option<IpAddr> {
        self.routes.iter().find(|route| route.destination.length == 0).and_then(|route| route.gateway)
    }
}

/// Sets what a lease says about packet size; a size that the interface cannot have does no harm.
pub(super) fn set_mtu(kernel: &Kernel, name: &str, index: u32, mtu: Option<u16>) {
    let Some(mtu) = mtu else { return };
    let result = if mtu < MIN_MTU { Err(Errno::RANGE) } else { kernel.set_mtu(index, mtu) };
    if let Err(e) = result {
        log::warn!("{name}: the DHCP server's MTU of {mtu} bytes is not used: {e}");
    }
}

/// The smaller of two routes' metrics is taken.
pub(super) fn metric(rank: u32) -> u32 {
    FIRST_METRIC.saturating_add(rank)
}

fn route(own: Prefix, destination: Prefix, gateway: Option<Ipv4Addr>, metric: u32) -> Route {
    let gateway = gateway.filter(|gateway| !gateway.is_unspecified()).map(IpAddr::from);
    let onlink = gateway.is_some_and(|gateway| !own.contains(gateway));
    Route { destination, gateway, metric, onlink }
}

/// Does all that `b2c.iface` says at once about an interface that is up, and notes what it has put in place.
pub(super) fn configure(
    kernel: &Kernel,
    iface: &Iface,
    index: u32,
    rank: u32,
    put: &mut Applied,
) -> Result<(), Error> {
    let failed = |step: String| move |e: &dyn std::fmt::Display| Error::iface(iface, step, e);
    let metric = metric(rank);
    if let Some(mtu) = iface.mtu {
        kernel.set_mtu(index, mtu).map_err(|e| failed(format!("mtu={mtu}"))(&e))?;
    }
    let prefixes: Vec<Prefix> =
        iface.addresses.iter().map(|a| Prefix { address: a.ip, length: a.prefix }).collect();
    for prefix in &prefixes {
        kernel.add_address(index, *prefix, metric).map_err(|e| failed(format!("address={prefix}"))(&e))?;
        put.prefixes.push(*prefix);
    }
    let reachable = |gateway| prefixes.iter().any(|prefix| prefix.contains(gateway));
    let default = |via: IpAddr| match via {
        IpAddr::V4(_) => Prefix { address: Ipv4Addr::UNSPECIFIED.into(), length: 0 },
        IpAddr::V6(_) => Prefix { address: Ipv6Addr::UNSPECIFIED.into(), length: 0 },
    };
    let mut add = |destination: Prefix, via: IpAddr, step: String| {
        let onlink = !prefixes.is_empty() && !reachable(via);
        let route = Route { destination, gateway: Some(via), metric, onlink };
        kernel.add_route(index, &route).map_err(|e| failed(step)(&e))?;
        put.routes.push(route);
        Ok(())
    };
    for gateway in &iface.gateways {
        add(default(*gateway), *gateway, format!("gateway={gateway}"))?;
    }
    for route in &iface.routes {
        let destination = route
            .destination
            .map_or(default(route.via), |d| Prefix { address: d.ip, length: d.prefix }.network());
        add(destination, route.via, format!("route={destination}:{}", route.via))?;
    }
    if iface.forward {
        forward().map_err(|e| failed("forward".into())(&e))?;
    }
    Ok(())
}

/// Forwarding is a matter of the whole machine: packets come in at one interface and go out at another.
fn forward() -> std::io::Result<()> {
    fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    match fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1") {
        // A kernel without IPv6 forwards none.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
