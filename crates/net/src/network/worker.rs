//! The network's thread: waits for the kernel, for servers and for the clock, and never blocks on anything else.

use super::ipv6::Ipv6;
use super::port::{News, Port};
use super::shared::Shared;
use super::{Config, Error, Paths};
use crate::link::{
    Kernel, Mac, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_IFINFO, RTMGRP_IPV6_ROUTE, RTMGRP_LINK,
};
use crate::resolv::{ResolvConf, Resolvers};
use crate::{netlink, ra};
use options::Iface;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

/// Everything the thread knows.
pub(super) struct Worker {
    pub(super) config: Config,
    pub(super) paths: Paths,
    pub(super) shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    pub(super) kernel: Kernel,
    notices: netlink::Socket,
    pub(super) resolv_conf: ResolvConf,
    pub(super) began: Instant,
    pub(super) loopback_up: bool,
    pub(super) ports: Vec<Port>,
    /// The Ethernet addresses of all interfaces.
    pub(super) macs: Vec<Mac>,
    /// Interfaces of `b2c.iface` that are not there yet, with their place in the order.
    pub(super) missing: Vec<(u32, Iface)>,
    /// VLANs that were made here.
    pub(super) vlans: Vec<String>,
    /// What went wrong with `b2c.iface` first.
    pub(super) failure: Option<Error>,
    /// The next rank to give.
    pub(super) rank: u32,
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
        let ipv6 = RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFINFO | ra::RTMGRP_ND_USEROPT;
        let groups =
            RTMGRP_LINK | if config.kernel_ip { RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR } else { ipv6 };
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
            macs: Vec::new(),
            missing,
            vlans: Vec::new(),
            failure: None,
            rank: 0,
        })
    }

    /// Works until it is told to stop; gives what it knew then.
    pub(super) fn run(mut self) -> Worker {
        self.look();
        loop {
            for index in 0..self.ports.len() {
                if let Some(news) = self.ports[index].tick(Instant::now()) {
                    self.on_news(index, news);
                }
            }
            let judged = Instant::now();
            self.judge(judged);
            let Some((notice, answers)) = self.wait(judged) else { return self };
            if notice {
                self.hear();
                self.look();
                continue;
            }
            for index in answers {
                while let Some(news) = self.ports[index].receive(&self.macs, Instant::now()) {
                    self.on_news(index, news);
                }
            }
        }
    }

    /// Takes away what was put on the interfaces and whom to ask for names, so that others find all as it was.
    pub(super) fn undo(&mut self) {
        self.resolv_conf.write(Resolvers::default());
        for port in &self.ports {
            for applied in port.applied.iter().chain([&port.fixed]) {
                applied.remove(&self.kernel, port.index, None);
            }
            if port.ipv6.is_some() {
                Ipv6::reset(&port.name);
            }
        }
        for link in self.kernel.links().unwrap_or_default() {
            if self.vlans.contains(&link.name)
                && let Err(e) = self.kernel.delete_link(link.index)
            {
                log::warn!("{}: the VLAN cannot be removed: {e}", link.name);
            }
        }
    }

    /// Reads the kernel's notices. Only what routers advise cannot be looked up afterwards.
    fn hear(&mut self) {
        let mut advice = Vec::new();
        self.notices.notices(|kind, payload| {
            if kind == ra::RTM_NEWNDUSEROPT {
                advice.extend(ra::parse(payload));
            }
        });
        for advice in advice {
            let port = self.ports.iter_mut().find(|port| port.index == advice.index);
            if let Some(ipv6) = port.and_then(|port| port.ipv6.as_mut()) {
                ipv6.take(advice, Instant::now());
            }
        }
    }

    fn on_news(&mut self, index: usize, news: News) {
        match news {
            News::Dhcp(event) => self.on_dhcp(index, event),
            News::Dhcp6(event) => self.on_dhcp6(index, event),
            News::Forgotten => {}
        }
        self.publish();
    }

    /// Waits until something is to be done: whether the kernel has news, and the ports that have. `None` is the end.
    fn wait(&self, judged: Instant) -> Option<(bool, Vec<usize>)> {
        let mut fds =
            vec![PollFd::new(&*self.stop, PollFlags::IN), PollFd::new(&self.notices, PollFlags::IN)];
        let mut owners = Vec::new();
        for (index, port) in self.ports.iter().enumerate() {
            for socket in port.sockets() {
                fds.push(PollFd::from_borrowed_fd(socket, PollFlags::IN));
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
}

/// The next number.
pub(super) fn next(number: &mut u32) -> u32 {
    *number += 1;
    *number - 1
}
