//! The network's thread: waits for the kernel, for servers and for the clock, and never blocks on anything else.

use super::apply::{self, Applied};
use super::port::Port;
use super::shared::{Facts, Shared};
use super::{Config, Error, Paths};
use crate::dhcp::{Event, Lease};
use crate::link::{Kernel, Link, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_LINK};
use crate::netlink;
use crate::resolv::{ResolvConf, Resolvers};
use options::Iface;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Everything the thread knows.
pub(super) struct Worker {
    pub(super) config: Config,
    paths: Paths,
    pub(super) shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    pub(super) kernel: Kernel,
    notices: netlink::Socket,
    resolv_conf: ResolvConf,
    pub(super) began: Instant,
    loopback_up: bool,
    pub(super) ports: Vec<Port>,
    /// Interfaces of `b2c.iface` that are not there yet, with their place in the order.
    pub(super) missing: Vec<(u32, Iface)>,
    /// What went wrong with `b2c.iface` first.
    pub(super) failure: Option<Error>,
    /// The next rank to give.
    rank: u32,
}

impl Worker {
    pub(super) fn new(
        config: Config,
        paths: Paths,
        shared: Arc<Shared>,
        stop: Arc<OwnedFd>,
    ) -> Result<Worker, Error> {
        let failed = |source| Error::Kernel { step: "open a netlink socket", source };
        // Notices before the first look: nothing is missed in between.
        let groups = RTMGRP_LINK | if config.kernel_ip { RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR } else { 0 };
        let notices = netlink::Socket::open(groups).map_err(failed)?;
        let kernel = Kernel::open().map_err(failed)?;
        let missing: Vec<_> = (0..).zip(config.ifaces.iter().cloned()).collect();
        Ok(Worker {
            resolv_conf: ResolvConf::new(paths.resolv_conf.clone()),
            config,
            paths,
            shared,
            stop,
            kernel,
            notices,
            began: Instant::now(),
            loopback_up: false,
            ports: Vec::new(),
            missing,
            failure: None,
            rank: 0,
        })
    }

    pub(super) fn run(mut self) {
        self.look();
        loop {
            for index in 0..self.ports.len() {
                if let Some(event) = self.ports[index].tick(Instant::now()) {
                    self.on_event(index, event);
                }
            }
            let judged = Instant::now();
            self.judge(judged);
            let Some((notice, answers)) = self.wait(judged) else { return };
            if notice {
                self.notices.drain();
                self.look();
                continue;
            }
            for index in answers {
                while let Some(event) = self.ports[index].receive(Instant::now()) {
                    self.on_event(index, event);
                }
            }
        }
    }

    /// Waits until something is to be done: whether the kernel has news, and the ports that have. `None` is the end.
    fn wait(&self, judged: Instant) -> Option<(bool, Vec<usize>)> {
        let mut fds =
            vec![PollFd::new(&*self.stop, PollFlags::IN), PollFd::new(&self.notices, PollFlags::IN)];
        let mut owners = Vec::new();
        for (index, port) in self.ports.iter().enumerate() {
            if let Some(socket) = port.socket() {
                fds.push(PollFd::new(socket, PollFlags::IN));
                owners.push(index);
            }
        }
        let next = self.ports.iter().filter_map(Port::timer).chain(self.patience_ends(judged)).min();
        let timeout = next.map(|next| next.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        if let Err(e) = poll(&mut fds, timeout.as_ref()) {
            // EINTR; whatever else it could be, it is no reason to leave the machine without network.
            log::debug!("poll: {e}");
            return Some((false, Vec::new()));
        }
        let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        if ready(&fds[0]) {
            return None;
        }
        let answers = fds[2..].iter().zip(owners).filter(|(fd, _)| ready(fd)).map(|(_, index)| index);
        Some((ready(&fds[1]), answers.collect()))
    }

    /// Compares the kernel's interfaces with ours.
    fn look(&mut self) {
        let links = match self.kernel.links() {
            Ok(links) => links,
            Err(e) => return log::error!("the network interfaces cannot be listed: {e}"),
        };
        let now = Instant::now();
        self.ports.retain(|port| {
            let there = links.iter().any(|link| link.index == port.index);
            if !there {
                log::warn!("{}: the interface is gone", port.name);
            }
            there
        });
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
        self.publish();
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
            let Some(place) = self.missing.iter().position(|(_, iface)| iface.name == link.name) else {
                return;
            };
            let (rank, iface) = self.missing.remove(place);
            let mut port = Port::new(link, mac, Some(iface), &self.config.hostname, now);
            port.rank = Some(rank);
            port
        };
        self.set_up(&mut port);
        self.ports.push(port);
    }

    /// Hardware always is. A `veth` is, as the only door of a machine that is a namespace; once there is a network, those that appear
    /// are some container's.
    fn is_candidate(&self, link: &Link) -> bool {
        let kind = match link.kind.as_str() {
            "" | "dsa" => true,
            "veth" => self.ports.iter().all(|port| port.lease.is_none()),
            _ => false,
        };
        kind && !link.enslaved && !link.is_wireless()
    }

    fn set_up(&mut self, port: &mut Port) {
        if let Err(e) = self.kernel.set_up(port.index) {
            log::error!("{}: the link cannot be brought up: {e}", port.name);
            port.trouble = Some(format!("the link cannot be brought up: {e}"));
            self.failure.get_or_insert(Error::Iface {
                iface: port.name.clone(),
                step: "bring the link up".into(),
                reason: e.to_string(),
            });
        } else if let Some(iface) = &port.iface
            && let Err(e) = apply::configure(&self.kernel, iface, port.index, port.rank.unwrap_or(0))
        {
            log::error!("{e}");
            self.failure.get_or_insert(e);
        }
    }

    fn on_event(&mut self, index: usize, event: Event) {
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
        self.publish();
    }

    fn bind(&mut self, index: usize, lease: Lease) {
        let port = &mut self.ports[index];
        let rank = *port.rank.get_or_insert_with(|| {
            self.rank += 1;
            self.rank - 1
        });
        let applied = Applied::of(&lease, rank);
        if port.applied.as_ref() == Some(&applied) {
            log::debug!("{}: DHCP lease renewed", port.name);
        } else {
            log::info!("{}: {}", port.name, describe(&lease, &applied));
            apply::set_mtu(&self.kernel, &port.name, port.index, lease.reply.mtu);
        }
        match applied.put(&self.kernel, &port.name, port.index, rank, port.applied.as_ref()) {
            Ok(()) => {
                port.trouble = None;
                port.applied = Some(applied);
                port.lease = Some(lease);
            }
            Err(e) => {
                log::error!("{}: the address {} cannot be set: {e}", port.name, applied.prefix);
                port.trouble = Some(format!("its address {} cannot be set: {e}", applied.prefix));
            }
        }
    }

    /// Puts together what is known of all interfaces, the preferred first, for those who look names up, set the clock or name the machine.
    fn publish(&mut self) {
        let mut resolvers = Resolvers::default();
        let mut facts = Facts::default();
        let mut ports: Vec<&Port> = self.ports.iter().collect();
        ports.sort_by_key(|port| port.rank.unwrap_or(u32::MAX));
        for port in ports {
            let fixed = port.iface.iter().flat_map(|iface| iface.nameservers.iter().copied());
            resolvers.add(fixed, []);
            if let Some(lease) = &port.lease {
                let reply = &lease.reply;
                let search = reply.search.iter().chain(&reply.domain).cloned();
                resolvers.add(reply.name_servers.iter().copied().map(IpAddr::from), search);
                facts.add(reply.ntp_servers.iter().copied().map(IpAddr::from));
                facts.host_name = facts.host_name.or_else(|| reply.host_name.clone());
            }
        }
        if self.config.kernel_ip {
            resolvers = Resolvers::parse(&fs::read_to_string(&self.paths.pnp).unwrap_or_default());
        }
        self.resolv_conf.write(resolvers);
        self.shared.news().facts = facts;
    }
}

fn describe(lease: &Lease, applied: &Applied) -> String {
    let mut text = format!("DHCP lease {}", applied.prefix);
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
