//! IPv6 of one interface: the kernel takes addresses and routes from routers, here is what it leaves to us (RFC 8106, RFC 8415).

use crate::dhcp6::{self, Client, Event, Mode, parse_reply};
use crate::link::{Link, Mac};
use crate::ra::Advice;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// linux/if_link.h; what the flags M and O of router advertisements become.
const IF_RA_MANAGED: u32 = 0x40;
const IF_RA_OTHERCONF: u32 = 0x80;
/// More than any network has; the oldest advice stays.
const MAX_ADVICE: usize = 16;
/// Whoever floods the link must not keep us from other things.
const MESSAGES_AT_ONCE: usize = 32;

/// What is known beside addresses.
#[derive(Debug, Default)]
pub(super) struct Ipv6 {
    /// There is a global address, and a router.
    pub(super) online: bool,
    servers: Vec<Advised<Ipv6Addr>>,
    domains: Vec<Advised<String>>,
    client: Option<Client>,
    socket: Option<dhcp6::Socket>,
    reply: Option<Box<dhcp6::Reply>>,
}

/// Something that a router advises, and until when; `None` is for ever.
#[derive(Debug)]
struct Advised<T> {
    what: T,
    until: Option<Instant>,
}

impl Ipv6 {
    /// Has the kernel listen to routers, also where it forwards packets, and ask for them without a delay for which a boot would wait. A
    /// kernel without IPv6 has none of these.
    pub(super) fn listen(name: &str) {
        for (setting, value) in [("accept_ra", "2"), ("router_solicitation_delay", "0")] {
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{setting}"), value);
        }
    }

    /// Has the kernel forget all about IPv6 on an interface, and begin anew; unless somebody wants no IPv6.
    pub(super) fn reset(name: &str) {
        let switch = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
        if fs::read(&switch).is_ok_and(|value| value == b"0\n") {
            for value in ["1", "0"] {
                let _ = fs::write(&switch, value);
            }
        }
    }

    /// Whether those who wait for the network get all there is. Name servers may come a moment after the address.
    pub(super) fn is_ready(&self) -> bool {
        self.online && !self.client.as_ref().is_some_and(Client::is_hopeful)
    }

    /// The address that DHCPv6 has given.
    pub(super) fn address(&self) -> Option<Ipv6Addr> {
        self.client.as_ref().and_then(Client::address)
    }

    /// The link has changed, or what its routers say about DHCPv6.
    pub(super) fn update(&mut self, link: &Link, mac: Mac, now: Instant) {
        let mode = match link.ra_flags {
            flags if flags & IF_RA_MANAGED != 0 => Mode::Address,
            flags if flags & IF_RA_OTHERCONF != 0 => Mode::Information,
            _ => return,
        };
        // What was there once stays: routers that disagree would make us begin again and again.
        if self
            .client
            .as_ref()
            .is_none_or(|client| client.mode() == Mode::Information && mode == Mode::Address)
        {
            self.client = Some(Client::new(mac, mode, now));
        }
    }

    /// A router has advised something. What it takes back has no time left.
    pub(super) fn take(&mut self, advice: Advice, now: Instant) {
        let until = (advice.lifetime != u32::MAX).then(|| now + Duration::from_secs(advice.lifetime.into()));
        advice.servers.into_iter().for_each(|server| advise(&mut self.servers, server, until));
        advice.domains.into_iter().for_each(|domain| advise(&mut self.domains, domain, until));
        self.forget(now);
    }

    /// When [`Ipv6::forget`] or [`Ipv6::tick`] has something to do.
    pub(super) fn timer(&self) -> Option<Instant> {
        let ends = self.servers.iter().map(|s| s.until).chain(self.domains.iter().map(|d| d.until));
        ends.flatten().chain(self.client.as_ref().map(Client::timer)).min()
    }

    /// The socket that answers come in on, while one is awaited.
    pub(super) fn socket(&self) -> Option<&dhcp6::Socket> {
        self.socket.as_ref()
    }

    /// Does what is due with DHCPv6 on the interface with that number.
    pub(super) fn tick(&mut self, index: u32, now: Instant) -> Option<Event> {
        let (message, event) = self.client.as_mut().filter(|client| client.timer() <= now)?.on_timer(now);
        if self.socket.is_none() {
            self.socket =
                dhcp6::Socket::open(index).inspect_err(|e| log::warn!("no socket for DHCPv6: {e}")).ok();
        }
        // A message that could not be sent is repeated like one that was lost.
        if let Some(Err(e)) = self.socket.as_ref().map(|socket| socket.send(&message)) {
            log::debug!("DHCPv6 message not sent: {e}");
        }
        event
    }

    /// Reads what has come in until something changes; `None` if nothing does.
    pub(super) fn receive(&mut self, mac: Mac, now: Instant) -> Option<Event> {
        for _ in 0..MESSAGES_AT_ONCE {
            let message = self.socket.as_ref()?.receive()?;
            let Some(reply) = parse_reply(&message, mac) else { continue };
            let client = self.client.as_mut()?;
            let event = client.on_reply(reply, now);
            if !client.is_waiting() && event.is_some() {
                self.socket = None;
            }
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Keeps what a server has said; gives the address that one had said before.
    pub(super) fn keep(&mut self, reply: Box<dhcp6::Reply>) -> Option<Ipv6Addr> {
        let old = self.reply.replace(reply)?;
        old.grant.map(|grant| grant.address)
    }

    /// The address is over, but not the rest of what came with it.
    pub(super) fn lose(&mut self) {
        if let Some(reply) = &mut self.reply {
            reply.grant = None;
        }
    }

    /// The cable may have moved to another network.
    pub(super) fn restart(&mut self, now: Instant) {
        if let Some(client) = &mut self.client {
            client.restart(now);
        }
    }

    /// Whom to ask for names: the routers' advice before DHCPv6's (RFC 8106 §5.3.1).
    pub(super) fn name_servers(&self) -> impl Iterator<Item = IpAddr> {
        let replied = self.reply.iter().flat_map(|reply| &reply.name_servers);
        self.servers.iter().map(|server| &server.what).chain(replied).map(|server| IpAddr::from(*server))
    }

    /// Domains to look names up in, in the same order.
    pub(super) fn search(&self) -> impl Iterator<Item = String> {
        let replied = self.reply.iter().flat_map(|reply| &reply.search);
        self.domains.iter().map(|domain| &domain.what).chain(replied).cloned()
    }

    pub(super) fn ntp_servers(&self) -> impl Iterator<Item = IpAddr> {
        self.reply.iter().flat_map(|reply| &reply.ntp_servers).map(|server| IpAddr::from(*server))
    }

    /// Forgets advice whose time is over; whether there was any.
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        let before = self.servers.len() + self.domains.len();
        self.servers.retain(|server| server.until.is_none_or(|until| until > now));
        self.domains.retain(|domain| domain.until.is_none_or(|until| until > now));
        self.servers.len() + self.domains.len() < before
    }
}

fn advise<T: PartialEq>(known: &mut Vec<Advised<T>>, what: T, until: Option<Instant>) {
    if let Some(advised) = known.iter_mut().find(|advised| advised.what == what) {
        advised.until = until;
    } else if known.len() < MAX_ADVICE {
        known.push(Advised { what, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_ends_and_is_bounded() {
        let now = Instant::now();
        let mut ipv6 = Ipv6::default();
        let server = |n: u16| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n);
        let advice =
            |n, lifetime| Advice { index: 1, lifetime, servers: vec![server(n)], domains: Vec::new() };
        ipv6.take(advice(1, 60), now);
        ipv6.take(advice(2, u32::MAX), now);
        assert_eq!(ipv6.timer(), Some(now + Duration::from_secs(60)));
        ipv6.take(advice(1, 90), now);
        assert_eq!(ipv6.timer(), Some(now + Duration::from_secs(90)));
        ipv6.take(advice(2, 0), now);
        assert_eq!(ipv6.name_servers().collect::<Vec<_>>(), [IpAddr::from(server(1))]);
        assert!(!ipv6.forget(now + Duration::from_secs(89)) && ipv6.forget(now + Duration::from_secs(90)));
        assert_eq!((ipv6.name_servers().count(), ipv6.timer()), (0, None));
        (0..100).for_each(|n| ipv6.take(advice(n, 60), now));
        assert_eq!(ipv6.name_servers().count(), MAX_ADVICE);
    }
}
