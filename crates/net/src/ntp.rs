//! Setting the clock once from an NTP server (RFC 5905, as a simple client does it: §14).
//!
//! By hand, because rsntp takes a packet of its own and panics when this machine's clock is before 1970 or after 2104, which is when it is
//! needed most.

use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const PORT: u16 = 123;
const PACKET: usize = 48;
/// Seconds from 1900, where NTP counts from, to 1970.
const UNIX_EPOCH: i128 = 2_208_988_800;
/// Nanoseconds.
const SECOND: i128 = 1_000_000_000;
/// No server that is right is before this program was written: 2024-01-01.
const EARLIEST: i128 = 1_704_067_200 * SECOND;

/// Why the clock was not set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name has no address.
    #[error("NTP server {host:?} cannot be found: {reason}")]
    Dns {
        /// As given.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// The network did not carry the question or the answer.
    #[error("NTP server {server}: {source}")]
    Network {
        /// Its address.
        server: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Nobody answered.
    #[error("NTP server {server} does not answer")]
    Silent {
        /// Its address.
        server: SocketAddr,
    },
    /// The answer cannot be the time.
    #[error("NTP server {server}: its answer is not used: {reason}")]
    Refused {
        /// Its address.
        server: SocketAddr,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The kernel does not set the clock.
    #[error("the clock cannot be set: {0}")]
    Clock(io::Error),
}

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

/// Asks `host` for the time, up to `tries` times with `timeout` each, and sets this machine's clock at once. Returns how far it was off.
///
/// `host` is a name or an address, with or without a port.
pub fn set_clock(host: &str, tries: u32, timeout: Duration) -> Result<Offset, Error> {
    let mut attempt = 1;
    let offset = loop {
        let begin = Instant::now();
        match query(host, timeout) {
            Ok(offset) => break offset,
            Err(e) if attempt >= tries => return Err(e),
            Err(e) => log::debug!("{e} (try {attempt} of {tries})"),
        }
        attempt += 1;
        // A refusal comes at once; the server may be about to start.
        std::thread::sleep(timeout.saturating_sub(begin.elapsed()));
    };
    let time = timespec(now() + offset.0);
    clock_settime(ClockId::Realtime, time).map_err(|e| Error::Clock(e.into()))?;
    Ok(offset)
}

/// Asks `host` once, and changes nothing. Addresses of one name share the time.
pub fn query(host: &str, timeout: Duration) -> Result<Offset, Error> {
    let servers = resolve(host)?;
    let share = timeout / u32::try_from(servers.len()).unwrap_or(1).max(1);
    let mut last = Err(Error::Dns { host: host.into(), reason: "it has no address".into() });
    for server in servers {
        last = ask(server, share);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn resolve(host: &str) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let (plain, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (host.trim_start_matches('[').trim_end_matches(']'), Some(PORT)),
    };
    let failed = |reason: String| Error::Dns { host: host.into(), reason };
    let port = port.ok_or_else(|| failed("its port is not a number up to 65535".into()))?;
    let mut found = names::addresses(plain, port).map_err(|e| failed(e.to_string()))?;
    // Pools give a handful; each has to get its share of the time.
    found.truncate(4);
    Ok(found)
}

fn ask(server: SocketAddr, timeout: Duration) -> Result<Offset, Error> {
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
        let left = timeout
            .checked_sub(sent.elapsed())
            .filter(|left| !left.is_zero())
            .ok_or(Error::Silent { server })?;
        socket.set_read_timeout(Some(left)).map_err(network)?;
        let length = socket.recv(&mut buffer).map_err(network)?;
        let delay = i128::try_from(sent.elapsed().as_nanos()).unwrap_or(i128::MAX / 2);
        let answer = buffer[..length].first_chunk::<PACKET>();
        // Late or forged: the right one may still come.
        let Some(answer) = answer.filter(|answer| answer[24..32] == cookie) else { continue };
        return offset(answer, clock, delay).map_err(|reason| Error::Refused { server, reason });
    }
}

/// How far `clock` (when the question was sent) was off, by an answer that came `delay` later. All in nanoseconds.
fn offset(answer: &[u8; PACKET], clock: i128, delay: i128) -> Result<Offset, &'static str> {
    let (leap, version, mode, stratum) = (answer[0] >> 6, answer[0] >> 3 & 7, answer[0] & 7, answer[1]);
    if mode != 4 || !matches!(version, 3 | 4) {
        return Err("it is no answer of an NTP server");
    }
    match stratum {
        0 => return Err("the server asks to be left alone"),
        1..=15 if leap != 3 => {}
        _ => return Err("the server does not know the time itself"),
    }
    if answer[32..40] == [0; 8] || answer[40..48] == [0; 8] {
        return Err("it has no time");
    }
    let received = timestamp(answer, 32);
    let transmitted = timestamp(answer, 40);
    if transmitted < EARLIEST || received < EARLIEST {
        return Err("the server's time is before 2024");
    }
    // RFC 5905 §8: ((T2 - T1) + (T3 - T4)) / 2
    Ok(Offset(((received - clock) + (transmitted - (clock + delay))) / 2))
}

/// Nanoseconds since 1970 (RFC 5905 §6: 32 bits of seconds, 32 bits of fraction). What would be before 1968 is after 2036.
fn timestamp(packet: &[u8; PACKET], at: usize) -> i128 {
    let bits = u64::from_be_bytes(std::array::from_fn(|i| packet[at + i]));
    let era = if bits >> 63 == 0 { 1i128 << 32 } else { 0 };
    let seconds = i128::from(bits >> 32) + era - UNIX_EPOCH;
    let fraction = i128::from(bits & 0xffff_ffff);
    seconds * SECOND + ((fraction * SECOND) >> 32)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of a good server whose clock says `seconds` (since 1970) on both occasions.
    fn answer(seconds: u64) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0] = 4 << 3 | 4;
        packet[1] = 2;
        let ntp = u32::try_from((i128::from(seconds) + UNIX_EPOCH) & 0xffff_ffff).unwrap();
        for at in [32, 40] {
            packet[at..at + 4].copy_from_slice(&ntp.to_be_bytes());
        }
        packet
    }

    const NEW_YEAR_2026: u64 = 1_767_225_600;

    #[test]
    fn a_clock_in_1970_is_late() {
        let off = offset(&answer(NEW_YEAR_2026), 5 * SECOND, 2 * SECOND).unwrap();
        assert_eq!(off, Offset((i128::from(NEW_YEAR_2026) - 6) * SECOND));
        assert!(off.is_late());
    }

    #[test]
    fn times_after_2036_are_understood() {
        let year_2040 = 2_208_988_800;
        let off = offset(&answer(year_2040), i128::from(year_2040) * SECOND, 0).unwrap();
        assert_eq!(off, Offset(0));
    }

    #[test]
    fn fractions_are_read() {
        let mut packet = answer(NEW_YEAR_2026);
        packet[36] = 0x80;
        packet[44] = 0x80;
        let off = offset(&packet, (i128::from(NEW_YEAR_2026) + 1) * SECOND, 0).unwrap();
        assert_eq!(off.to_string(), "-0.500 s");
    }

    #[test]
    fn answers_that_are_no_time() {
        let with = |change: fn(&mut [u8; PACKET])| {
            let mut packet = answer(NEW_YEAR_2026);
            change(&mut packet);
            offset(&packet, 0, 0).is_err()
        };
        assert!(!with(|_| {}));
        assert!(with(|p| p[0] = 4 << 3 | 3), "a client's packet");
        assert!(with(|p| p[0] |= 0xc0), "not synchronised");
        assert!(with(|p| p[1] = 0), "kiss of death");
        assert!(with(|p| p[1] = 16), "not synchronised");
        assert!(with(|p| *p = answer(1_600_000_000)), "in 2020");
        assert!(with(|p| p[32..48].fill(0)), "no time at all");
    }
}
