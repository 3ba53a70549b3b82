//! What the rest of the machine gets to know.

use super::ipv6::Ipv6;
use super::port::Port;
use super::shared::Facts;
use super::worker::Worker;
use crate::resolv::Resolvers;
use std::fs;
use std::net::IpAddr;

impl Worker {
    /// Puts together what is known of all interfaces, the preferred first, for those who look names up, set the clock or name the machine.
    ///
    /// Name servers are of one source only. The C library asks several at once and takes the quickest answer, and where one server knows a
    /// lab's names, another says that there are none.
    pub(super) fn publish(&mut self) {
        let mut resolvers = Resolvers::default();
        let mut facts = Facts::default();
        let mut ports: Vec<&Port> = self.ports.iter().collect();
        ports.sort_by_key(|port| port.rank.unwrap_or(u32::MAX));
        for port in &ports {
            let fixed = port.iface.iter().flat_map(|iface| iface.nameservers.iter().copied());
            resolvers.add_servers_if_none(&port.name, fixed);
            if let Some(lease) = &port.lease {
                let reply = &lease.reply;
                resolvers
                    .add_servers_if_none(&port.name, reply.name_servers.iter().copied().map(IpAddr::from));
                resolvers.add_search(reply.search.iter().chain(&reply.domain).cloned());
                facts.add(reply.ntp_servers.iter().copied().map(IpAddr::from));
                facts.host_name = facts.host_name.or_else(|| reply.host_name.clone());
            }
            if let Some(ipv6) = &port.ipv6 {
                resolvers.add_search(ipv6.search());
                facts.add(ipv6.ntp_servers());
            }
        }
        for port in &ports {
            resolvers.add_servers_if_none(&port.name, port.ipv6.iter().flat_map(Ipv6::name_servers));
        }
        if self.config.kernel_ip {
            let read = |path| fs::read_to_string(path).unwrap_or_default();
            resolvers = Resolvers::parse(&read(&self.paths.pnp));
            facts.add(read(&self.paths.kernel_ntp).lines().filter_map(|line| line.trim().parse().ok()));
        }
        self.resolv_conf.write(resolvers);
        self.shared.news().facts = facts;
    }
}
