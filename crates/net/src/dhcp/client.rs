//! The client's side of the conversation (RFC 2131 §4.4) as a state machine that does no I/O: it is told the time and what came in,
//! and says what to send and what changed.
//!
//! Divergence from the RFC: a new address is used while it is being probed (waiting would cost seconds of every boot), and there is no
//! random delay before the first DISCOVER.

use super::lease::Lease;
use super::reply::{Kind, Reply};
use super::request::{Message, Request};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Seconds between a client's messages. Beginning with four seconds, as the RFC has it, would cost every machine that time whose switch
/// port loses the first packets; the row of eights is for switch ports that learn for 30 s who is there before they pass anything on.
const DELAYS: [u64; 12] = [1, 2, 4, 8, 8, 8, 8, 8, 8, 16, 32, 64];
/// REQUESTs for one offer.
const MAX_REQUESTS: usize = 4;
/// Least time between attempts to renew (RFC 2131 §4.4.5).
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
/// How long to wait after a DECLINE: the first time hardly, then as RFC 2131 §3.1 has it, so that nobody is kept busy.
const DECLINE_PAUSES: [u64; 3] = [1, 10, 10];
/// From this DISCOVER on, every second one asks for a broadcast answer: some relays cannot reach a host without address otherwise.
const BROADCAST_FROM: usize = 2;

/// What to send, and to whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) payload: Vec<u8>,
    /// `None`: everybody on the link.
    pub(crate) server: Option<Ipv4Addr>,
}

/// What became of the machine's address.
#[derive(Debug)]
pub(crate) enum Event {
    /// There is a lease: the first, a renewed, or another one.
    Bound(Box<Lease>),
    /// The lease is over and its address must not be used any more.
    Lost(&'static str),
    /// A server refuses what it or another one had offered; with the server's words.
    Refused(String),
}

/// What follows from a tick of the clock or an answer.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) send: Option<Outgoing>,
    pub(crate) event: Option<Event>,
}

#[derive(Debug)]
enum State {
    Selecting,
    Requesting(Box<Reply>),
    Bound,
    Renewing,
    Rebinding,
}

/// The conversation on one interface.
#[derive(Debug)]
pub(crate) struct Client {
    mac: [u8; 6],
    host_name: String,
    state: State,
    /// The lease in use.
    held: Option<Lease>,
    xid: u32,
    /// When the conversation began.
    began: Instant,
    /// Messages sent in this state.
    sent: usize,
    /// Addresses that somebody else had.
    declined: usize,
    /// When the next step is due; `None` with a lease without end.
    timer: Option<Instant>,
}

impl Client {
    /// A client that wants to send its first message at once.
    pub(crate) fn new(mac: [u8; 6], host_name: &str, now: Instant) -> Client {
        let mut client = Client {
            mac,
            host_name: host_name.into(),
            state: State::Selecting,
            held: None,
            xid: 0,
            began: now,
            sent: 0,
            declined: 0,
            timer: Some(now),
        };
        client.select(now);
        client
    }

    /// When to call [`Client::on_timer`].
    pub(crate) fn timer(&self) -> Option<Instant> {
        self.timer
    }

    /// Whether the client has an address and speaks UDP with it; else it needs a packet socket.
    pub(crate) fn has_address(&self) -> bool {
        matches!(self.state, State::Bound | State::Renewing | State::Rebinding)
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_waiting(&self) -> bool {
        !matches!(self.state, State::Bound)
    }

    /// DISCOVERs or REQUESTs sent since the conversation began or the server was chosen.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// Begins anew, because the cable may have moved to another network. The lease is kept until the answer.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.select(now);
    }

    /// The time has come.
    pub(crate) fn on_timer(&mut self, now: Instant) -> Step {
        let mut step = Step::default();
        let times = self.held.as_ref().and_then(|lease| lease.times);
        if times.is_some_and(|t| now >= t.expire) {
            self.held = None;
            self.select(now);
            step.event = Some(Event::Lost("it has expired and the server did not renew it"));
        }
        match (&self.state, times) {
            (State::Requesting(_), _) if self.sent >= MAX_REQUESTS => self.select(now),
            (State::Bound, Some(_)) => self.begin(State::Renewing, now),
            (State::Renewing, Some(t)) if now >= t.rebind => self.begin(State::Rebinding, now),
            _ => {}
        }
        step.send = Some(self.message(now));
        self.sent += 1;
        self.timer = Some(match (&self.state, times) {
            (State::Renewing, Some(t)) => retry(now, t.rebind),
            (State::Rebinding, Some(t)) => retry(now, t.expire),
            _ => now + self.delay(),
        });
        step
    }

    /// A server has answered somebody.
    pub(crate) fn on_reply(&mut self, reply: Reply, now: Instant) -> Step {
        let mut step = Step::default();
        if reply.xid != self.xid || reply.mac != self.mac {
            return step;
        }
        match (&self.state, reply.kind) {
            // The first offer is taken. One without the server's name cannot be answered.
            (State::Selecting, Kind::Offer) if reply.server.is_some() => {
                self.state = State::Requesting(Box::new(reply));
                self.sent = 0;
                step = self.on_timer(now);
            }
            (State::Selecting, Kind::Ack) if !reply.rapid_commit || reply.server.is_none() => {}
            (_, Kind::Ack) if !matches!(self.state, State::Bound) => {
                let lease = Lease::new(reply, now);
                self.timer = lease.times.map(|t| t.renew);
                self.state = State::Bound;
                self.held = Some(lease.clone());
                step.event = Some(Event::Bound(Box::new(lease)));
            }
            (State::Requesting(_), Kind::Nak) => {
                // Not at once: a server that offers and refuses in turn would be asked in a tight circle.
                self.select(now);
                self.timer = Some(now + Duration::from_secs(1));
                step.event = Some(Event::Refused(reply.message));
            }
            (State::Renewing | State::Rebinding, Kind::Nak) => {
                self.held = None;
                self.select(now);
                step.event = Some(Event::Lost("the server did not renew it"));
            }
            _ => {}
        }
        step
    }

    /// Somebody else on the link has the address: tells the server, and begins anew. Nothing follows if that has happened too often, for
    /// then it is somebody's game.
    pub(crate) fn decline(&mut self, now: Instant) -> Step {
        let mut step = Step::default();
        let Some(pause) = DECLINE_PAUSES.get(self.declined) else { return step };
        let Some(lease) = self.held.take() else { return step };
        self.declined += 1;
        let request = Request {
            requested: Some(lease.reply.address),
            server: lease.reply.server,
            ..self.request(Message::Decline, now)
        };
        step.send = Some(Outgoing { payload: request.encode(), server: None });
        step.event = Some(Event::Lost("another machine on the link has the address"));
        self.select(now);
        self.timer = Some(now + Duration::from_secs(*pause));
        step
    }

    fn begin(&mut self, state: State, now: Instant) {
        // Enough randomness that answers cannot be guessed, without waiting for the kernel's pool at boot.
        let random = RandomState::new().hash_one(self.mac).to_be_bytes();
        self.xid = u32::from_be_bytes([random[0], random[1], random[2], random[3]]);
        self.state = state;
        self.began = now;
        self.sent = 0;
    }

    fn select(&mut self, now: Instant) {
        self.begin(State::Selecting, now);
        self.timer = Some(now);
    }

    fn delay(&self) -> Duration {
        let seconds = DELAYS[self.sent.saturating_sub(1).min(DELAYS.len() - 1)];
        // Give or take an eighth, one second at most (RFC 2131 §4.1), so that machines switched on together do not stay together.
        let spread = (seconds * 1000 / 8).min(1000);
        let jitter = RandomState::new().hash_one(self.sent) % (2 * spread);
        Duration::from_millis(seconds * 1000 - spread + jitter)
    }

    /// A message with what all have.
    fn request(&self, message: Message, now: Instant) -> Request<'_> {
        Request {
            message,
            xid: self.xid,
            seconds: u16::try_from(now.saturating_duration_since(self.began).as_secs()).unwrap_or(u16::MAX),
            broadcast: false,
            mac: self.mac,
            current: Ipv4Addr::UNSPECIFIED,
            requested: None,
            server: None,
            host_name: &self.host_name,
        }
    }

    fn message(&self, now: Instant) -> Outgoing {
        let address = self.held.as_ref().map(|lease| lease.reply.address);
        let mut request = self.request(Message::Request, now);
        let mut server = None;
        match &self.state {
            State::Selecting => {
                request.message = Message::Discover;
                request.broadcast = self.sent >= BROADCAST_FROM && self.sent.is_multiple_of(2);
                request.requested = address;
            }
            State::Requesting(offer) => {
                request.requested = Some(offer.address);
                request.server = offer.server;
            }
            State::Bound | State::Renewing | State::Rebinding => {
                request.current = address.unwrap_or(Ipv4Addr::UNSPECIFIED);
                if !matches!(self.state, State::Rebinding) {
                    server = self.held.as_ref().and_then(|lease| lease.reply.server);
                }
            }
        }
        Outgoing { payload: request.encode(), server }
    }
}

/// Half of what is left, but not too often (RFC 2131 §4.4.5).
fn retry(now: Instant, end: Instant) -> Instant {
    let half = end.saturating_duration_since(now) / 2;
    end.min(now + half.max(RENEWAL_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhcp::lease::tests::example;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

    fn reply(client: &Client, kind: Kind) -> Reply {
        Reply { kind, xid: client.xid, ..example() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Option 53 comes first.
    fn kind(step: &Step) -> Message {
        match step.send.as_ref().unwrap().payload[242] {
            1 => Message::Discover,
            3 => Message::Request,
            4 => Message::Decline,
            other => panic!("message type {other}"),
        }
    }

    /// A client that has had a lease of 800 s since `now`.
    fn bound(now: Instant) -> Client {
        let mut client = Client::new(MAC, "dut", now);
        client.on_timer(now);
        let step = client.on_reply(reply(&client, Kind::Offer), now);
        assert_eq!((kind(&step), step.send.unwrap().server), (Message::Request, None));
        let step = client.on_reply(reply(&client, Kind::Ack), now);
        assert!(matches!(step.event, Some(Event::Bound(_))) && step.send.is_none());
        assert!(!client.is_waiting() && client.timer() == Some(now + seconds(400)));
        client
    }

    #[test]
    fn the_first_messages_follow_quickly() {
        let began = Instant::now();
        let mut client = Client::new(MAC, "", began);
        let mut sent = Vec::new();
        while let Some(timer) = client.timer().filter(|timer| *timer < began + seconds(60)) {
            assert_eq!(kind(&client.on_timer(timer)), Message::Discover);
            sent.push((timer - began + Duration::from_millis(500)).as_secs());
        }
        assert_eq!((sent[0], sent[1]), (0, 1));
        // The jitter may be a second each time.
        assert!((3..=4).contains(&sent[2]) && (8..=11).contains(&sent.len()), "{sent:?}");
    }

    #[test]
    fn a_lease_is_renewed_then_rebound_then_lost() {
        let began = Instant::now();
        let mut client = bound(began);
        let step = client.on_timer(began + seconds(400));
        assert_eq!((kind(&step), step.send.unwrap().server), (Message::Request, Some(SERVER)));
        assert!(client.has_address() && client.is_waiting());
        // Half of what is left until 700 s.
        assert_eq!(client.timer(), Some(began + seconds(550)));
        client.on_timer(began + seconds(550));
        client.on_timer(began + seconds(625));
        assert_eq!(client.timer(), Some(began + seconds(685)), "not more than once a minute");
        client.on_timer(began + seconds(685));
        assert_eq!(client.timer(), Some(began + seconds(700)));
        // From now on any server will do.
        let step = client.on_timer(began + seconds(700));
        assert_eq!((kind(&step), step.send.unwrap().server), (Message::Request, None));
        let step = client.on_timer(began + seconds(800));
        assert!(matches!(step.event, Some(Event::Lost(_))), "{step:?}");
        assert_eq!(kind(&step), Message::Discover);
        assert!(!client.has_address());
    }

    #[test]
    fn a_renewed_lease_counts_from_then_on() {
        let began = Instant::now();
        let mut client = bound(began);
        client.on_timer(began + seconds(400));
        let step = client.on_reply(reply(&client, Kind::Ack), began + seconds(401));
        assert!(matches!(step.event, Some(Event::Bound(_))));
        assert_eq!(client.timer(), Some(began + seconds(801)));
    }

    #[test]
    fn refusals() {
        let began = Instant::now();
        let mut client = bound(began);
        client.on_timer(began + seconds(400));
        let step = client.on_reply(reply(&client, Kind::Nak), began + seconds(400));
        assert!(matches!(step.event, Some(Event::Lost(_))) && !client.has_address());

        client.on_timer(began + seconds(400));
        client.on_reply(reply(&client, Kind::Offer), began + seconds(400));
        let step = client.on_reply(reply(&client, Kind::Nak), began + seconds(400));
        assert!(matches!(step.event, Some(Event::Refused(_))));
        assert_eq!(client.timer(), Some(began + seconds(401)), "not in a tight circle");
    }

    #[test]
    fn rapid_commit_saves_two_messages() {
        let now = Instant::now();
        let mut client = Client::new(MAC, "", now);
        client.on_timer(now);
        let step = client.on_reply(reply(&client, Kind::Ack), now);
        assert!(step.event.is_none(), "nobody has asked for this");
        let ack = Reply { rapid_commit: true, ..reply(&client, Kind::Ack) };
        let step = client.on_reply(ack, now);
        assert!(matches!(step.event, Some(Event::Bound(_))) && step.send.is_none());
        assert!(!client.is_waiting());
    }

    #[test]
    fn an_address_that_another_has_is_declined_but_not_for_ever() {
        let mut now = Instant::now();
        let mut client = bound(now);
        for pause in DECLINE_PAUSES {
            let step = client.decline(now);
            assert_eq!(kind(&step), Message::Decline);
            assert_eq!(step.send.unwrap().payload[243..255], [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2]);
            assert!(matches!(step.event, Some(Event::Lost(_))) && !client.has_address());
            now += seconds(pause);
            assert_eq!(client.timer(), Some(now));
            assert_eq!(kind(&client.on_timer(now)), Message::Discover);
            client.on_reply(reply(&client, Kind::Offer), now);
            client.on_reply(reply(&client, Kind::Ack), now);
        }
        let step = client.decline(now);
        assert!(step.send.is_none() && step.event.is_none() && client.has_address());
    }

    #[test]
    fn an_offer_that_leads_nowhere_is_given_up() {
        let mut now = Instant::now();
        let mut client = Client::new(MAC, "", now);
        client.on_timer(now);
        let mut step = client.on_reply(reply(&client, Kind::Offer), now);
        for _ in 0..MAX_REQUESTS {
            assert_eq!(kind(&step), Message::Request);
            now = client.timer().unwrap();
            step = client.on_timer(now);
        }
        assert_eq!(kind(&step), Message::Discover);
    }

    #[test]
    fn answers_to_others_mean_nothing() {
        let now = Instant::now();
        let mut client = Client::new(MAC, "", now);
        client.on_timer(now);
        let offer = reply(&client, Kind::Offer);
        for wrong in [
            Reply { xid: offer.xid.wrapping_add(1), ..offer.clone() },
            Reply { mac: [2, 0, 0, 0, 0, 2], ..offer.clone() },
            Reply { server: None, ..offer.clone() },
            Reply { kind: Kind::Ack, ..offer },
        ] {
            let step = client.on_reply(wrong, now);
            assert!(step.send.is_none() && step.event.is_none());
        }
    }

    #[test]
    fn a_new_cable_asks_for_the_old_address_again() {
        let began = Instant::now();
        let mut client = bound(began);
        client.restart(began + seconds(10));
        let step = client.on_timer(began + seconds(10));
        assert_eq!(kind(&step), Message::Discover);
        let payload = step.send.unwrap().payload;
        assert_eq!(payload[243..249], [50, 4, 10, 0, 2, 15]);
        // It is still held, and ends when it ends.
        let step = client.on_timer(began + seconds(800));
        assert!(matches!(step.event, Some(Event::Lost(_))));
    }
}
