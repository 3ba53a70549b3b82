//! What leases bring: addresses, routes, packet sizes.

use super::apply::{self, Applied};
use super::worker::{Worker, next};
use crate::dhcp::{Event, Lease};
use crate::dhcp6;
use crate::link::Prefix;
use std::net::Ipv6Addr;
use std::time::Instant;

impl Worker {
    pub(super) fn on_dhcp(&mut self, index: usize, event: Event) {
        let port = &mut self.ports[index];
        match event {
            Event::Bound(lease) => self.bind(index, *lease),
            Event::Lost(reason) => {
                log::error!("{}: the DHCP lease is lost: {reason}", port.name);
                port.lease = None;
                if let Some(applied) = port.applied.take() {
                    applied.remove(&self.kernel, port.index, None);
                }
            }
            Event::Refused(words) => {
                log::warn!("{}: the DHCP server takes its offer back: {words:?}", port.name);
            }
        }
    }

    fn bind(&mut self, index: usize, lease: Lease) {
        let port = &mut self.ports[index];
        let rank = *port.rank.get_or_insert_with(|| next(&mut self.rank));
        let mut applied = Applied::of(&lease, rank);
        applied.mtu.take_if(|_| port.iface.as_ref().is_some_and(|iface| iface.mtu.is_some()));
        let same_address = port.applied.as_ref().is_some_and(|old| old.prefixes == applied.prefixes);
        if port.applied.as_ref() == Some(&applied) {
            log::debug!("{}: DHCP lease renewed", port.name);
        } else {
            log::info!("{}: {}", port.name, describe(&lease, &applied));
            apply::set_mtu(&self.kernel, &port.name, port.index, applied.mtu);
        }
        match applied.put(&self.kernel, &port.name, port.index, rank, port.applied.as_ref()) {
            Ok(()) => {
                if !same_address {
                    port.watch(lease.reply.address, Instant::now());
                }
                port.trouble = None;
                port.applied = Some(applied);
                port.lease = Some(lease);
            }
            Err(e) => {
                log::error!("{}: the address {} cannot be set: {e}", port.name, lease.reply.address);
                port.trouble = Some(format!("its address {} cannot be set: {e}", lease.reply.address));
            }
        }
    }

    pub(super) fn on_dhcp6(&mut self, index: usize, event: dhcp6::Event) {
        let port = &mut self.ports[index];
        let Some(ipv6) = &mut port.ipv6 else { return };
        let prefix = |address: Ipv6Addr| Prefix { address: address.into(), length: 128 };
        let (old, new) = match event {
            dhcp6::Event::Bound(reply) => {
                let new = reply.grant.map(|grant| grant.address);
                (ipv6.keep(reply), new)
            }
            dhcp6::Event::Lost(address) => {
                log::error!("{}: the DHCPv6 lease {address} has expired and no server renewed it", port.name);
                ipv6.lose();
                (Some(address), None)
            }
        };
        if let Some(old) = old.filter(|_| old != new) {
            // What is gone already needs no words.
            let _ = self.kernel.delete_address(port.index, prefix(old));
        }
        if let Some(new) = new.filter(|_| old != new) {
            log::log!(self.shared.level(), "{}: DHCPv6 lease {new}", port.name);
            let metric = apply::metric(port.rank.unwrap_or(0));
            if let Err(e) = self.kernel.add_address(port.index, prefix(new), metric) {
                log::error!("{}: the address {new} cannot be set: {e}", port.name);
            }
        }
    }
}

fn describe(lease: &Lease, applied: &Applied) -> String {
    let mut text = format!("DHCP lease {}/{}", lease.reply.address, lease.prefix);
    if let Some(server) = lease.reply.server {
        text.push_str(&format!(" from {server}"));
    }
    if let Some(gateway) = applied.gateway() {
        text.push_str(&format!(", gateway {gateway}"));
    }
    let servers: Vec<_> = lease.reply.name_servers.iter().map(ToString::to_string).collect();
    if !servers.is_empty() {
        text.push_str(&format!(", name servers {}", servers.join(" ")));
    }
    text
}
