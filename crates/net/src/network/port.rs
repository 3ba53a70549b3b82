//! One interface that is being set up or kept up.

use super::apply::Applied;
use crate::dhcp::{Client, Event, Lease, Outgoing, Socket, Step, parse_reply};
use crate::link::{Link, Mac};
use options::{Iface, Method};
use std::fmt;
use std::time::Instant;

/// Whoever floods the link must not keep us from the other interfaces.
const MESSAGES_AT_ONCE: usize = 32;

/// One interface.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) index: u32,
    pub(super) name: String,
    mac: Mac,
    pub(super) carrier: bool,
    /// When it was found.
    pub(super) since: Instant,
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
}

impl Port {
    /// An interface that is new to us. It runs DHCP unless it is one of `b2c.iface` that does not want to.
    pub(super) fn new(link: &Link, mac: Mac, iface: Option<Iface>, hostname: &str, now: Instant) -> Port {
        let dhcp = iface.as_ref().is_none_or(|iface| matches!(iface.method, Method::Auto | Method::Dhcp));
        Port {
            index: link.index,
            name: link.name.clone(),
            mac,
            carrier: link.carrier,
            since: now,
            rank: None,
            iface,
            trouble: None,
            client: dhcp.then(|| Client::new(mac, hostname, now)),
            socket: None,
            lease: None,
            applied: None,
        }
    }

    /// The interface has changed.
    pub(super) fn update(&mut self, link: &Link, hostname: &str, now: Instant) {
        if link.carrier != self.carrier {
            log::info!("{}: {}", self.name, if link.carrier { "the link is up" } else { "the link is down" });
            if let (true, Some(client)) = (link.carrier, &mut self.client) {
                client.restart(now);
            }
        }
        self.carrier = link.carrier;
        // Some drivers know their address only when the link is up.
        if let Some(mac) = link.mac.filter(|mac| *mac != self.mac) {
            self.mac = mac;
            if let Some(client) = &mut self.client {
                *client = Client::new(mac, hostname, now);
            }
        }
    }

    /// When [`Port::tick`] has something to do. Without a cable there is nothing to say and nobody to hear it.
    pub(super) fn timer(&self) -> Option<Instant> {
        self.client.as_ref().filter(|_| self.carrier).and_then(Client::timer)
    }

    /// The socket that answers come in on, while one is awaited.
    pub(super) fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Event> {
        if self.timer().is_none_or(|timer| timer > now) {
            return None;
        }
        let step = self.client.as_mut()?.on_timer(now);
        self.follow(step)
    }

    /// Reads what has come in until something changes; `None` if nothing does.
    pub(super) fn receive(&mut self, now: Instant) -> Option<Event> {
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
