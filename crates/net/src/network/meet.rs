//! Which interfaces there are, and which of them are ours to set up.

use super::Error;
use super::apply;
use super::ipv6::Ipv6;
use super::port::Port;
use super::worker::{Worker, next};
use crate::link::Link;
use options::{Iface, Method};
use rustix::io::Errno;
use std::time::Instant;

impl Worker {
    /// Compares the kernel's interfaces with ours.
    pub(super) fn look(&mut self) {
        let links = match self.kernel.links() {
            Ok(links) => links,
            Err(e) => return log::error!("the network interfaces cannot be listed: {e}"),
        };
        let now = Instant::now();
        for port in self.ports.extract_if(.., |port| links.iter().all(|link| link.index != port.index)) {
            log::warn!("{}: the interface is gone", port.name);
            // It may come back.
            self.missing.extend(port.rank.zip(port.iface));
        }
        self.macs = links.iter().filter_map(|link| link.mac).collect();
        for link in &links {
            if link.loopback && !self.loopback_up {
                match self.kernel.set_up(link.index) {
                    Ok(()) => self.loopback_up = true,
                    Err(e) => log::error!("{}: cannot be brought up: {e}", link.name),
                }
            } else if let Some(port) = self.ports.iter_mut().find(|port| port.index == link.index) {
                port.update(link, &self.config.hostname, now);
            } else {
                self.meet(link, now);
            }
        }
        self.look_at_ipv6();
        self.publish();
    }

    /// Whether IPv6 reaches beyond the link somewhere.
    fn look_at_ipv6(&mut self) {
        if self.ports.iter().all(|port| port.ipv6.is_none()) {
            return;
        }
        let (addresses, gateways) = match (self.kernel.addresses(), self.kernel.ipv6_gateways()) {
            (Ok(addresses), Ok(gateways)) => (addresses, gateways),
            (Err(e), _) | (_, Err(e)) => return log::debug!("IPv6 addresses cannot be listed: {e}"),
        };
        let level = self.shared.level();
        for port in &mut self.ports {
            let Some(ipv6) = &mut port.ipv6 else { continue };
            let mut own =
                addresses.iter().filter(|(index, prefix)| *index == port.index && prefix.address.is_ipv6());
            let gateway = gateways.iter().find(|(index, _)| *index == port.index);
            let was_online = ipv6.online;
            ipv6.online = false;
            if let (Some((_, prefix)), Some((_, gateway))) = (own.next(), gateway) {
                ipv6.online = true;
                if !was_online {
                    log::log!(level, "{}: IPv6 address {prefix}, gateway {gateway}", port.name);
                }
                port.rank.get_or_insert_with(|| next(&mut self.rank));
            }
        }
    }

    /// Decides whether a new interface is ours to set up, and begins.
    fn meet(&mut self, link: &Link, now: Instant) {
        let Some(mac) = link.mac else { return };
        if self.config.kernel_ip {
            return;
        }
        let mut port = if self.config.ifaces.is_empty() {
            if !self.is_candidate(link) {
                return;
            }
            Port::new(link, mac, None, &self.config.hostname, now)
        } else {
            self.make_vlans(link);
            let wanted = |(_, iface): &mut (u32, Iface)| iface.vlan.is_none() && is_meant(&iface.link, link);
            let mut wanted = self.missing.extract_if(.., wanted);
            let Some((rank, mut iface)) = wanted.next() else { return };
            wanted.for_each(|(_, more)| add(&mut iface, more));
            let mut port = Port::new(link, mac, Some(iface), &self.config.hostname, now);
            port.rank = Some(rank);
            port
        };
        self.set_up(&mut port);
        self.ports.push(port);
    }

    /// Makes the VLANs that are wanted on an interface. They are then interfaces to be met.
    fn make_vlans(&mut self, link: &Link) {
        for (rank, mut iface) in std::mem::take(&mut self.missing) {
            if let Some(id) = iface.vlan.take_if(|_| is_meant(&iface.link, link)) {
                let name = format!("{}.{id}", link.name);
                let made = match self.kernel.add_vlan(link.index, &name, id) {
                    // The option may be there twice.
                    Err(Errno::EXIST) => Ok(()),
                    made => made,
                };
                match made.and_then(|()| self.kernel.set_up(link.index)) {
                    Ok(()) => self.vlans.push(name.clone()),
                    Err(e) => {
                        self.fail(&iface, Error::iface(&iface, format!("make the VLAN {name}"), e));
                        continue;
                    }
                }
                iface.link = options::Link::Name(name);
            }
            self.missing.push((rank, iface));
        }
    }

    /// Hardware always is. A `veth` is, as the only door of a machine that is a namespace; once there is a network, those that appear
    /// are some container's.
    fn is_candidate(&self, link: &Link) -> bool {
        let kind = match link.kind.as_str() {
            "" | "dsa" => true,
            "veth" => self.ports.iter().all(|port| port.rank.is_none()),
            _ => false,
        };
        kind && !link.enslaved && !link.is_wireless()
    }

    fn set_up(&mut self, port: &mut Port) {
        if port.ipv6.is_some() {
            Ipv6::listen(&port.name);
        }
        let up = self.kernel.set_up(port.index);
        let Some(iface) = port.iface.clone() else {
            if let Err(e) = up {
                log::error!("{}: the link cannot be brought up: {e}", port.name);
                port.trouble = Some(format!("the link cannot be brought up: {e}"));
            }
            return;
        };
        let configured = up.map_err(|e| Error::iface(&iface, "bring the link up", e)).and_then(|()| {
            let rank = port.rank.unwrap_or(0);
            apply::configure(&self.kernel, &iface, port.index, rank, &mut port.fixed)
        });
        if let Err(e) = configured {
            port.trouble = Some(e.to_string());
            self.fail(&iface, e);
        }
    }

    /// Notes what is to be said about the network as a whole, if that needs the interface.
    fn fail(&mut self, iface: &Iface, error: Error) {
        if iface.optional {
            return log::warn!("{error}");
        }
        log::error!("{error}");
        self.failure.get_or_insert(error);
    }
}

/// An interface may be in several options, which add up.
fn add(iface: &mut Iface, more: Iface) {
    iface.addresses.extend(more.addresses);
    iface.gateways.extend(more.gateways);
    iface.nameservers.extend(more.nameservers);
    iface.routes.extend(more.routes);
    iface.forward |= more.forward;
    iface.optional &= more.optional;
    iface.mtu = more.mtu.or(iface.mtu);
    if more.method != Method::Static {
        iface.method = more.method;
    }
}

/// Whether an option's interface is this one. Those that are made of another have its Ethernet address, too.
fn is_meant(wanted: &options::Link, link: &Link) -> bool {
    match wanted {
        options::Link::Name(name) => *name == link.name,
        options::Link::Mac(mac) => {
            link.mac == Some(*mac) && matches!(link.kind.as_str(), "" | "dsa" | "veth") && !link.enslaved
        }
    }
}
