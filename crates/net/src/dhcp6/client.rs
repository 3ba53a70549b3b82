//! The client's side of the conversation (RFC 8415 §18.2) as a state machine that does no I/O, like its older sister's.
//!
//! Divergence from the RFC: the first server that answers is taken, no delay before the first message, and an address is not probed.

use super::message::{Message, Request};
use super::reply::{Grant, Kind, Reply};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

/// Seconds between messages: 1, 2, 4, … up to this.
const MAX_DELAY: u64 = 120;
/// REQUESTs for one advertisement.
const MAX_REQUESTS: usize = 4;
/// Unanswered messages after which those who wait for the network do not wait for this any more.
const PATIENCE: usize = 3;
/// How long knowledge without an address is good (RFC 8415 §7.6), in seconds.
const DEFAULT_REFRESH: u32 = 86400;
const MIN_REFRESH: u32 = 600;
/// Addresses of a shorter life would keep client and server busy with nothing else.
const MIN_VALID: u32 = 30;

/// What the routers of a link say is to be had there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Name servers and the like.
    Information,
    /// Addresses as well.
    Address,
}

/// What follows from an answer or the time.
#[derive(Debug)]
pub(crate) enum Event {
    /// There is news; with it perhaps an address.
    Bound(Box<Reply>),
    /// The address is over.
    Lost(Ipv6Addr),
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Inform,
    Solicit,
    /// Of that server, that address.
    Request(Vec<u8>, Ipv6Addr),
    Bound,
    Renew,
    Rebind,
}

/// An address that we have, of whom, and when it is time for what.
#[derive(Debug)]
struct Held {
    server: Vec<u8>,
    address: Ipv6Addr,
    rebind: Instant,
    expire: Instant,
}

/// The conversation on one interface.
#[derive(Debug)]
pub(crate) struct Client {
    mac: [u8; 6],
    mode: Mode,
    state: State,
    held: Option<Held>,
    xid: [u8; 3],
    began: Instant,
    sent: usize,
    answered: bool,
    timer: Instant,
}

impl Client {
    /// A client that wants to send its first message at once.
    pub(crate) fn new(mac: [u8; 6], mode: Mode, now: Instant) -> Client {
        let mut client = Client {
            mac,
            mode,
            state: State::Inform,
            held: None,
            xid: [0; 3],
            began: now,
            sent: 0,
            answered: false,
            timer: now,
        };
        client.start(now);
        client
    }

    /// Begins anew. The address is kept until the answer.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.start(now);
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// When to call [`Client::on_timer`].
    pub(crate) fn timer(&self) -> Instant {
        self.timer
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_waiting(&self) -> bool {
        self.sent > 0 && self.state != State::Bound
    }

    /// Whether there was no answer yet, but one can still be hoped for.
    pub(crate) fn is_hopeful(&self) -> bool {
        !self.answered && self.sent <= PATIENCE
    }

    /// The address that the client has, if any.
    pub(crate) fn address(&self) -> Option<Ipv6Addr> {
        self.held.as_ref().map(|held| held.address)
    }

    /// The time has come: the message to send, and what is over.
    pub(crate) fn on_timer(&mut self, now: Instant) -> (Vec<u8>, Option<Event>) {
        let mut event = None;
        if let Some(held) = self.held.take_if(|held| now >= held.expire) {
            event = Some(Event::Lost(held.address));
            self.start(now);
        }
        match (&self.state, &self.held) {
            (State::Bound, None) => self.start(now),
            (State::Bound, Some(_)) => self.begin(State::Renew, now),
            (State::Renew, Some(held)) if now >= held.rebind => self.begin(State::Rebind, now),
            (State::Request(..), _) if self.sent >= MAX_REQUESTS => self.start(now),
            _ => {}
        }
        let message = self.message(now);
        self.sent += 1;
        self.timer = now + self.delay();
        if let Some(held) = &self.held {
            let end = if self.state == State::Renew { held.rebind } else { held.expire };
            self.timer = self.timer.min(end);
        }
        (message, event)
    }

    /// A server has answered.
    pub(crate) fn on_reply(&mut self, reply: Reply, now: Instant) -> Option<Event> {
        if reply.xid != self.xid || !self.is_waiting() {
            return None;
        }
        match (&self.state, reply.kind, reply.grant) {
            (State::Inform, Kind::Reply, _) => {
                let refresh = reply.refresh.unwrap_or(DEFAULT_REFRESH).max(MIN_REFRESH);
                self.timer = now + Duration::from_secs(refresh.into());
            }
            (State::Solicit, Kind::Advertise, Some(grant)) => {
                self.begin(State::Request(reply.server, grant.address), now);
                return None;
            }
            (State::Solicit, Kind::Reply, Some(grant)) if reply.rapid_commit => self.hold(&reply, grant, now),
            (State::Request(..) | State::Renew | State::Rebind, Kind::Reply, Some(grant)) => {
                self.hold(&reply, grant, now);
            }
            _ => return None,
        }
        self.state = State::Bound;
        self.answered = true;
        Some(Event::Bound(Box::new(reply)))
    }

    fn hold(&mut self, reply: &Reply, grant: Grant, now: Instant) {
        let valid = grant.valid.max(MIN_VALID);
        let (mut renew, mut rebind) = (grant.renew, grant.rebind);
        if renew == 0 || renew > rebind || rebind > valid {
            // RFC 8415 §21.4 recommends half and four fifths of the shortest life.
            (renew, rebind) = (valid / 2, valid / 5 * 4);
        }
        let at = |seconds: u32| now + Duration::from_secs(seconds.into());
        self.held = Some(Held {
            server: reply.server.clone(),
            address: grant.address,
            rebind: at(rebind),
            expire: at(valid),
        });
        self.timer = at(renew);
    }

    /// Begins anew.
    fn start(&mut self, now: Instant) {
        self.begin(
            match self.mode {
                Mode::Information => State::Inform,
                Mode::Address => State::Solicit,
            },
            now,
        );
    }

    fn begin(&mut self, state: State, now: Instant) {
        let [.., a, b, c] = RandomState::new().hash_one(self.mac).to_be_bytes();
        self.xid = [a, b, c];
        self.state = state;
        self.began = now;
        self.sent = 0;
        self.timer = now;
    }

    fn delay(&self) -> Duration {
        let doublings = u32::try_from(self.sent.saturating_sub(1)).unwrap_or(u32::MAX);
        let millis = 1000 * 1u64.checked_shl(doublings).unwrap_or(MAX_DELAY).clamp(1, MAX_DELAY);
        // Give or take a tenth (RFC 8415 §15).
        let jitter = RandomState::new().hash_one(self.sent) % (millis / 5);
        Duration::from_millis(millis - millis / 10 + jitter)
    }

    fn message(&self, now: Instant) -> Vec<u8> {
        let held = self.held.as_ref();
        let (message, server, address) = match &self.state {
            State::Inform => (Message::InformationRequest, None, None),
            State::Solicit => (Message::Solicit, None, held.map(|held| held.address)),
            State::Request(server, address) => (Message::Request, Some(&server[..]), Some(*address)),
            State::Bound | State::Renew => {
                (Message::Renew, held.map(|held| &held.server[..]), held.map(|held| held.address))
            }
            State::Rebind => (Message::Rebind, None, held.map(|held| held.address)),
        };
        let elapsed = now.saturating_duration_since(self.began).as_millis() / 10;
        let elapsed = u16::try_from(elapsed).unwrap_or(u16::MAX);
        Request { message, xid: self.xid, mac: self.mac, elapsed, server, address }.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn reply(client: &Client, kind: Kind) -> Reply {
        let address = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 5);
        Reply {
            kind,
            xid: client.xid,
            server: vec![0, 1, 7],
            rapid_commit: false,
            grant: Some(Grant { address, valid: 800, renew: 400, rebind: 600 }),
            name_servers: Vec::new(),
            search: Vec::new(),
            ntp_servers: Vec::new(),
            refresh: None,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_is_renewed_then_rebound_then_lost() {
        let began = Instant::now();
        let mut client = Client::new(MAC, Mode::Address, began);
        assert_eq!(client.on_timer(began).0[0], Message::Solicit as u8);
        assert!(client.on_reply(reply(&client, Kind::Reply), began).is_none(), "no rapid commit");
        assert!(client.on_reply(reply(&client, Kind::Advertise), began).is_none());
        assert_eq!((client.timer(), client.on_timer(began).0[0]), (began, Message::Request as u8));
        assert!(client.is_hopeful());
        assert!(matches!(client.on_reply(reply(&client, Kind::Reply), began), Some(Event::Bound(_))));
        assert!(!client.is_waiting() && !client.is_hopeful() && client.address().is_some());
        let mut now = began + seconds(400);
        assert_eq!((client.timer(), client.on_timer(now).0[0]), (now, Message::Renew as u8));
        now = began + seconds(600);
        assert_eq!(client.on_timer(now).0[0], Message::Rebind as u8);
        while now < began + seconds(800) {
            now = client.timer();
            if let (message, Some(Event::Lost(_))) = client.on_timer(now) {
                assert_eq!((message[0], now), (Message::Solicit as u8, began + seconds(800)));
            }
        }
        assert_eq!(client.address(), None);
    }

    #[test]
    fn rapid_commit_saves_two_messages() {
        let now = Instant::now();
        let mut client = Client::new(MAC, Mode::Address, now);
        client.on_timer(now);
        let reply = Reply { rapid_commit: true, ..reply(&client, Kind::Reply) };
        assert!(matches!(client.on_reply(reply, now), Some(Event::Bound(_))));
    }

    #[test]
    fn information_is_asked_for_again_after_a_day() {
        let now = Instant::now();
        let mut client = Client::new(MAC, Mode::Information, now);
        assert_eq!(client.on_timer(now).0[0], Message::InformationRequest as u8);
        let wrong = Reply { xid: [0; 3], ..reply(&client, Kind::Reply) };
        assert!(wrong.xid == client.xid || client.on_reply(wrong, now).is_none());
        assert!(client.on_reply(reply(&client, Kind::Reply), now).is_some());
        assert_eq!(client.timer(), now + seconds(86400));
        assert_eq!(client.on_timer(client.timer()).0[0], Message::InformationRequest as u8);
    }

    #[test]
    fn silence_is_not_waited_for_long() {
        let began = Instant::now();
        let mut client = Client::new(MAC, Mode::Information, began);
        while client.is_hopeful() {
            client.on_timer(client.timer());
        }
        assert!(client.timer() < began + seconds(17));
        for _ in 0..100 {
            client.on_timer(client.timer());
        }
    }
}
