//! Small documents that have to come as a whole in time.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// From the first byte to the last. Manifests, configurations, tokens and extra arguments are some kilobytes.
const WHOLE: Duration = Duration::from_secs(60);

/// A body that fails when it takes too long. The HTTP client limits silence only, so that a byte a second would go on for days.
#[derive(Debug)]
pub struct InTime<R> {
    inner: R,
    limit: Duration,
    first: Option<Instant>,
    received: u64,
}

impl<R: Read> InTime<R> {
    /// Its time begins with its first byte.
    pub fn new(inner: R) -> InTime<R> {
        InTime::within(WHOLE, inner)
    }

    /// For an answer that takes longer than usual.
    pub fn within(limit: Duration, inner: R) -> InTime<R> {
        InTime { inner, limit, first: None, received: 0 }
    }
}

impl<R: Read> Read for InTime<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        self.received += count as u64;
        let first = *self.first.get_or_insert_with(Instant::now);
        if count > 0 && first.elapsed() > self.limit {
            let (bytes, seconds) = (self.received, self.limit.as_secs());
            let message = format!("only {bytes} bytes came in {seconds} s; is the network overloaded?");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_trickle_is_given_up() {
        let mut body = InTime::within(Duration::ZERO, io::repeat(b'x'));
        let mut bytes = Vec::new();
        let error = body.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("bytes came in 0 s"), "{error}");
    }

    #[test]
    fn what_comes_at_once_is_whole() {
        let mut text = String::new();
        InTime::new(&b"{}"[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}");
    }
}
