//! A TCP connection. ureq's own one cannot be told to acknowledge at once.

use super::Error;
use super::connect::typed;
use crate::patience::Cancel;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::Timeout;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, LazyBuffers, NextTimeout, Transport};

/// Who waits looks that often whether it is to go on.
const LOOK: Duration = Duration::from_secs(1);

/// When a connection is given up.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// The longest silence; ureq keeps the one it knows to itself.
    pub(super) silence: Duration,
    /// At once.
    pub(super) cancel: Arc<Cancel>,
}

impl Limits {
    fn check(&self) -> Result<(), ureq::Error> {
        if self.cancel.is_cancelled() { Err(typed(Error::Cancelled)) } else { Ok(()) }
    }
}

/// A socket with its buffers.
#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
    limits: Limits,
    /// What the socket was told last.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Tcp {
    /// Tries one address after the other; each may take its share of the time.
    pub(super) fn connect(details: &ConnectionDetails, limits: &Limits) -> Result<Tcp, ureq::Error> {
        let whole = details.timeout.not_zero().map_or(limits.silence, |timeout| *timeout);
        let mut last = ureq::Error::ConnectionFailed;
        for (address, left) in details.addrs.iter().zip((1..=details.addrs.len()).rev()) {
            let share = whole / u32::try_from(left).unwrap_or(u32::MAX);
            limits.check()?;
            match TcpStream::connect_timeout(address, share) {
                Ok(stream) => return Tcp::new(stream, details, limits.clone()).map_err(ureq::Error::Io),
                Err(e) if e.kind() == io::ErrorKind::TimedOut => {
                    last = ureq::Error::Timeout(Timeout::Connect);
                }
                Err(e) => last = ureq::Error::Io(e),
            }
        }
        Err(last)
    }

    fn new(stream: TcpStream, details: &ConnectionDetails, limits: Limits) -> io::Result<Tcp> {
        stream.set_nodelay(true)?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let buffers = LazyBuffers::new(input, output);
        Ok(Tcp { stream, buffers, limits, read_timeout: None, write_timeout: None })
    }

    /// How long to wait, and what it is called when that is over.
    fn limit(&self, timeout: NextTimeout, silence: Timeout) -> (Duration, Timeout) {
        match timeout.not_zero() {
            Some(after) if *after < self.limits.silence => (*after, timeout.reason),
            _ => (self.limits.silence, silence),
        }
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.limits.check()?;
        let (limit, reason) = self.limit(timeout, Timeout::PerWrite);
        if self.write_timeout != Some(limit) {
            self.stream.set_write_timeout(Some(limit))?;
            self.write_timeout = Some(limit);
        }
        self.stream.write_all(&self.buffers.output()[..amount]).map_err(|e| explain(e, reason))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let (limit, reason) = self.limit(timeout, Timeout::PerRead);
        let (look, began) = (limit.min(LOOK), Instant::now());
        if self.read_timeout != Some(look) {
            self.stream.set_read_timeout(Some(look))?;
            self.read_timeout = Some(look);
        }
        // A server that sends headers and body by two writes, and does not ask for TCP_NODELAY, sends the second one when we have acknowledged
        // the first (RFC 896), which without this takes us 40 ms. The kernel forgets it, so it is told each time (tcp(7)). If it
        // cannot be told, it is only slower.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.stream, true);
        loop {
            self.limits.check()?;
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) && began.elapsed() < limit => {}
                Err(e) => return Err(explain(e, reason)),
                Ok(count) => {
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
            }
        }
    }

    /// A server that has closed it, or says something that it was not asked for, is not asked again.
    fn is_open(&mut self) -> bool {
        use rustix::net::{RecvFlags, recv};
        let peeked = recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(peeked, Err(rustix::io::Errno::AGAIN))
    }
}

fn explain(error: io::Error, reason: Timeout) -> ureq::Error {
    if is_timeout(&error) { ureq::Error::Timeout(reason) } else { ureq::Error::Io(error) }
}

/// Which of the two it is depends on the system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
