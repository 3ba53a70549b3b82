//! One interface that is being set up or kept up.

use super::apply::Applied;
use super::ipv6::Ipv6;
use crate::dhcp::{Client, Event, Lease, Outgoing, Socket, Step, Watch, parse_reply};
use crate::dhcp6;
use crate::link::{Link, Mac};
use options::{Iface, Method};
use rustix::fd::{AsFd, BorrowedFd};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Instant;

/// Whoever floods the link must not keep us from the other interfaces.
const MESSAGES_AT_ONCE: usize = 32;

/// What has changed.
pub(super) enum News {
    Dhcp(Event),
    Dhcp6(dhcp6::Event),
    /// The time of a router's advice is over.
    Forgotten,
}

/// One interface.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) index: u32,
    pub(super) name: String,
    mac: Mac,
    pub(super) carrier: bool,
    /// When it was found.
    pub(super) since: Instant,
    /// When it first had a carrier.
    pub(super) connected: Option<Instant>,
    /// Its place among the interfaces: the lower is preferred. Given when it first has an address.
    pub(super) rank: Option<u32>,
    /// `b2c.iface`, if it is named there.
    pub(super) iface: Option<Iface>,
    /// Why nothing more can be expected of it.
    pub(super) trouble: Option<String>,
    pub(super) client: Option<Client>,
    socket: Option<Socket>,
    pub(super) lease: Option<Lease>,
    pub(super) applied: Option<Applied>,
    /// What `b2c.iface` has put in place.
    pub(super) fixed: Applied,
    /// Looks whether others have the address.
    watch: Option<Watch>,
    /// `None` where nobody wants to hear routers.
    pub(super) ipv6: Option<Ipv6>,
}

impl Port {
    /// An interface that is new to us. It takes what the link offers unless it is one of `b2c.iface` that does not want to.
    pub(super) fn new(link: &Link, mac: Mac, iface: Option<Iface>, hostname: &str, now: Instant) -> Port {
        let takes = iface.as_ref().is_none_or(|iface| iface.method != Method::Static);
        Port {
            index: link.index,
            name: link.name.clone(),
            mac,
            carrier: link.carrier,
            since: now,
            connected: link.carrier.then_some(now),
            rank: None,
            iface,
            trouble: None,
            client: takes.then(|| Client::new(mac, hostname, now)),
            socket: None,
            lease: None,
            applied: None,
            fixed: Applied::default(),
            watch: None,
            ipv6: takes.then(Ipv6::default),
        }
    }

    /// Whether the network does not need it.
    pub(super) fn is_optional(&self) -> bool {
        self.iface.as_ref().is_some_and(|iface| iface.optional)
    }

    /// What is done with it.
    pub(super) fn method(&self) -> Method {
        self.iface.as_ref().map_or(Method::Auto, |iface| iface.method)
    }

    /// The interface has changed.
    pub(super) fn update(&mut self, link: &Link, hostname: &str, now: Instant) {
        if link.carrier != self.carrier {
            log::info!("{}: {}", self.name, if link.carrier { "the link is up" } else { "the link is down" });
            if let (true, Some(client)) = (link.carrier, &mut self.client) {
                client.restart(now);
            }
            if let (true, Some(ipv6)) = (link.carrier, &mut self.ipv6) {
                ipv6.restart(now);
            }
        }
        self.carrier = link.carrier;
        if link.carrier {
            self.connected.get_or_insert(now);
        }
        // Some drivers know their address only when the link is up.
        if let Some(mac) = link.mac.filter(|mac| *mac != self.mac) {
            self.mac = mac;
            if let Some(client) = &mut self.client {
                *client = Client::new(mac, hostname, now);
            }
        }
        if let Some(ipv6) = &mut self.ipv6 {
            ipv6.update(link, self.mac, now);
        }
    }

    /// Looks whether another machine has the address that this one was given.
    pub(super) fn watch(&mut self, address: Ipv4Addr, now: Instant) {
        let watch = Watch::new(self.index, self.mac, address, now);
        self.watch = watch.inspect_err(|e| log::debug!("{}: no socket for ARP: {e}", self.name)).ok();
    }

    /// When [`Port::tick`] has something to do. Without a cable there is nothing to say and nobody to hear it.
    pub(super) fn timer(&self) -> Option<Instant> {
        let timers = [
            self.client.as_ref().and_then(Client::timer),
            self.watch.as_ref().map(Watch::timer),
            self.ipv6.as_ref().and_then(Ipv6::timer),
        ];
        timers.into_iter().flatten().min().filter(|_| self.carrier)
    }

    /// The sockets that something may come in on.
    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let dhcp6 = self.ipv6.as_ref().and_then(Ipv6::socket);
        let sockets = [
            self.socket.as_ref().map(AsFd::as_fd),
            self.watch.as_ref().map(AsFd::as_fd),
            dhcp6.map(AsFd::as_fd),
        ];
        sockets.into_iter().flatten()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<News> {
        if !self.carrier {
            return None;
        }
        if self.watch.as_mut().is_some_and(|watch| watch.timer() <= now && !watch.on_timer(now)) {
            self.watch = None;
        }
        let due = |client: &&mut Client| client.timer().is_some_and(|timer| timer <= now);
        if let Some(client) = self.client.as_mut().filter(due) {
            let step = client.on_timer(now);
            return self.follow(step).map(News::Dhcp);
        }
        let ipv6 = self.ipv6.as_mut()?;
        if ipv6.forget(now) {
            return Some(News::Forgotten);
        }
        ipv6.tick(self.index, now).map(News::Dhcp6)
    }

    /// Reads what has come in until something changes; `None` if nothing does. `own` are the Ethernet addresses of this machine.
    pub(super) fn receive(&mut self, own: &[Mac], now: Instant) -> Option<News> {
        if let Some(mac) = self.watch.as_ref().and_then(|watch| watch.receive(own)) {
            self.watch = None;
            log::warn!("{}: {} has the same address", self.name, options::Link::Mac(mac));
            let step = self.client.as_mut()?.decline(now);
            return self.follow(step).map(News::Dhcp);
        }
        if let Some(event) = self.receive_dhcp(now) {
            return Some(News::Dhcp(event));
        }
        self.ipv6.as_mut()?.receive(self.mac, now).map(News::Dhcp6)
    }

    fn receive_dhcp(&mut self, now: Instant) -> Option<Event> {
        for _ in 0..MESSAGES_AT_ONCE {
            let message = self.socket.as_ref().and_then(Socket::receive)?;
            match parse_reply(&message) {
                Err(e) => log::debug!("{}: a DHCP message is not used: {e}", self.name),
                Ok(reply) => {
                    let step = self.client.as_mut()?.on_reply(reply, now);
                    if let Some(event) = self.follow(step) {
                        return Some(event);
                    }
                }
            }
        }
        None
    }

    fn follow(&mut self, step: Step) -> Option<Event> {
        if let Some(message) = step.send {
            self.send(&message);
        }
        if self.client.as_ref().is_some_and(|client| !client.is_waiting()) {
            self.socket = None;
        }
        step.event
    }

    fn send(&mut self, message: &Outgoing) {
        let udp = self.client.as_ref().is_some_and(Client::has_address);
        if self.socket.as_ref().is_none_or(|socket| socket.is_udp() != udp) {
            let opened = if udp { Socket::udp(self.index) } else { Socket::packet(self.index) };
            self.socket = opened.inspect_err(|e| log::warn!("{}: no socket for DHCP: {e}", self.name)).ok();
        }
        // A message that could not be sent is repeated like one that was lost.
        if let Some(Err(e)) = self.socket.as_ref().map(|socket| socket.send(message)) {
            log::debug!("{}: DHCP message not sent: {e}", self.name);
        }
    }
}

/// What has happened so far, for the person who looks for the cause.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match (&self.trouble, &self.client) {
            (Some(trouble), _) => f.write_str(trouble),
            (None, _) if !self.carrier => f.write_str("no carrier (is the cable plugged in?)"),
            (None, Some(client)) => write!(f, "no answer to {} requests", client.sent()),
            (None, None) => f.write_str("nothing to do"),
        }
    }
}
