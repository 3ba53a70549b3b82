//! Setting the clock once from NTP servers (RFC 5905, as a simple client does it: §14; RFC 4330 says what such a client has to check).
//!
//! By hand, because rsntp takes a packet of its own and panics when this machine's clock is before 1970 or after 2104, which is when it is
//! needed most.

mod answer;
mod error;
mod vote;

use crate::clock;
pub use answer::{Answer, PACKET, Unfit, judge};
pub use error::Error;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const PORT: u16 = 123;
/// So many servers are asked at once: of four, one may be wrong and another one dead.
const SERVERS: usize = 4;
/// Once one has answered, the others get no more time than that.
const STRAGGLERS: Duration = Duration::from_secs(1);
/// Sends and receives a packet.
const STACK: usize = 64 << 10;
/// Nanoseconds.
const SECOND: i128 = 1_000_000_000;

/// How far this machine's clock is off, in nanoseconds; positive if it is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(i128);

impl Offset {
    /// The amount, without direction.
    pub fn abs(self) -> Duration {
        let seconds = u64::try_from(self.0.unsigned_abs() / SECOND.unsigned_abs()).unwrap_or(u64::MAX);
        // A remainder of 10^9 fits.
        let nanos = u32::try_from(self.0.unsigned_abs() % SECOND.unsigned_abs()).unwrap_or(0);
        Duration::new(seconds, nanos)
    }

    /// Whether the clock is behind the server's.
    pub fn is_late(self) -> bool {
        self.0 > 0
    }
}

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:.3} s", self.abs().as_secs_f64())
    }
}

/// When to give up, and what not to believe.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How often the servers are asked.
    pub tries: u32,
    /// For their answers.
    pub timeout: Duration,
    /// Seconds since 1970: no server that is right says that it is earlier.
    pub floor: u64,
}

/// Asks the servers called `hosts` for the time, and sets this machine's clocks at once. Returns how far the system's was off.
///
/// A host is a name or an address, with or without a port. The first four addresses are asked at once; what most of them say counts.
pub fn set_clock(hosts: &[String], limits: &Limits) -> Result<Offset, Error> {
    let mut unwanted = Vec::new();
    let mut attempt = 1;
    let offset = loop {
        let begin = Instant::now();
        match query_but(hosts, limits, &mut unwanted) {
            Ok(offset) => break offset,
            Err(e) if attempt >= limits.tries || matches!(e, Error::Unwanted { .. }) => return Err(e),
            Err(e) => log::debug!("{e} (try {attempt} of {})", limits.tries),
        }
        attempt += 1;
        // A refusal comes at once; the server may be about to start.
        thread::sleep(limits.timeout.saturating_sub(begin.elapsed()));
    };
    clock::set(timespec(now() + offset.0)).map_err(Error::Clock)?;
    Ok(offset)
}

/// Asks once, and changes nothing.
pub fn query(hosts: &[String], limits: &Limits) -> Result<Offset, Error> {
    query_but(hosts, limits, &mut Vec::new())
}

/// As [`query`], leaving those alone that do not want to be asked, which become more.
fn query_but(hosts: &[String], limits: &Limits, unwanted: &mut Vec<SocketAddr>) -> Result<Offset, Error> {
    let mut servers = resolve(hosts)?;
    servers.retain(|server| !unwanted.contains(server));
    servers.truncate(SERVERS);
    let mut answers = Vec::new();
    let mut failure = None;
    for answer in ask_all(&servers, limits) {
        match answer {
            Ok(answer) => answers.push(answer),
            Err(Error::Unwanted { server }) => unwanted.push(server),
            // The first one is about the server that is preferred.
            Err(error) => drop(failure.get_or_insert(error)),
        }
        if let Some(answer) = vote::majority(&answers, servers.len()) {
            return Ok(answer.offset);
        }
    }
    // Of those that answered.
    match vote::majority(&answers, answers.len()) {
        Some(answer) => Ok(answer.offset),
        None if answers.is_empty() => Err(failure.unwrap_or_else(|| nobody(hosts, unwanted))),
        None => {
            let servers: Vec<String> = servers.iter().map(SocketAddr::to_string).collect();
            Err(Error::Disagreement { servers: servers.join(", ") })
        }
    }
}

/// Nobody is left to be asked.
fn nobody(hosts: &[String], unwanted: &[SocketAddr]) -> Error {
    match unwanted {
        [server, ..] => Error::Unwanted { server: *server },
        [] => Error::Dns { host: hosts.join(", "), reason: "it has no address".into() },
    }
}

/// The answers as they come; not of those that are slow when others were not.
fn ask_all(servers: &[SocketAddr], limits: &Limits) -> impl Iterator<Item = Result<Answer, Error>> {
    let (tell, hear) = mpsc::channel();
    for &server in servers {
        let (told, limits) = (tell.clone(), *limits);
        let question = move || {
            // Nobody may want to know any more.
            let _ = told.send(ask(server, &limits));
        };
        // Without it, one server less is asked.
        let _ = thread::Builder::new().stack_size(STACK).spawn(question);
    }
    drop(tell);
    let mut patience = Duration::MAX;
    std::iter::from_fn(move || {
        // A server that is silent says so itself in the end.
        let answer = hear.recv_timeout(patience).ok()?;
        if answer.is_ok() {
            patience = STRAGGLERS;
        }
        Some(answer)
    })
}

/// Addresses of all hosts, each once. Only if none of them has any it is an error.
fn resolve(hosts: &[String]) -> Result<Vec<SocketAddr>, Error> {
    let mut servers = Vec::new();
    let mut failure = None;
    for host in hosts {
        match addresses(host) {
            Ok(found) => servers.extend(found),
            Err(reason) => failure = Some(Error::Dns { host: host.clone(), reason }),
        }
    }
    let mut seen = BTreeSet::new();
    servers.retain(|server| seen.insert(*server));
    match failure {
        Some(error) if servers.is_empty() => Err(error),
        _ => Ok(servers),
    }
}

fn addresses(host: &str) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let (plain, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (host.trim_start_matches('[').trim_end_matches(']'), Some(PORT)),
    };
    let port = port.ok_or("its port is not a number up to 65535")?;
    resolve::addresses(plain, port).map_err(|e| e.to_string())
}

fn ask(server: SocketAddr, limits: &Limits) -> Result<Answer, Error> {
    let network = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Silent { server },
        _ => Error::Network { server, source },
    };
    let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
    let socket = UdpSocket::bind(any).map_err(network)?;
    // From now on the kernel drops what others send.
    socket.connect(server).map_err(network)?;
    // The server sends this back as "origin". It need not be the time, and a number that cannot be guessed shows that the answer is
    // the server's.
    let cookie = RandomState::new().hash_one(server).to_be_bytes();
    let mut request = [0; PACKET];
    // Version 4, mode 3: client.
    request[0] = 4 << 3 | 3;
    request[40..].copy_from_slice(&cookie);
    let (sent, clock) = (Instant::now(), now());
    socket.send(&request).map_err(network)?;
    let mut buffer = [0; 2 * PACKET];
    loop {
        let left = limits
            .timeout
            .checked_sub(sent.elapsed())
            .filter(|left| !left.is_zero())
            .ok_or(Error::Silent { server })?;
        socket.set_read_timeout(Some(left)).map_err(network)?;
        let length = socket.recv(&mut buffer).map_err(network)?;
        let delay = i128::try_from(sent.elapsed().as_nanos()).unwrap_or(i128::MAX / 2);
        let answer = buffer[..length].first_chunk::<PACKET>();
        // Late or forged: the right one may still come.
        let Some(answer) = answer.filter(|answer| answer[24..32] == cookie) else { continue };
        return judge(answer, clock, delay, limits.floor).map_err(|unfit| match unfit {
            Unfit::Unwanted => Error::Unwanted { server },
            Unfit::Because(reason) => Error::Refused { server, reason },
        });
    }
}

/// This machine's clock, in nanoseconds since 1970.
fn now() -> i128 {
    let time = clock_gettime(ClockId::Realtime);
    i128::from(time.tv_sec) * SECOND + i128::from(time.tv_nsec)
}

fn timespec(time: i128) -> Timespec {
    let seconds = i64::try_from(time.div_euclid(SECOND)).unwrap_or(i64::MAX);
    // Less than 10^9.
    let nanos = u32::try_from(time.rem_euclid(SECOND)).unwrap_or(0);
    Timespec { tv_sec: seconds, tv_nsec: nanos.into() }
}
