//! A blob as it arrives, however often the connection breaks.

use super::error::{Fault, RegistryError};
use super::patience::Patience;
use super::places::Places;
use super::{Call, Registry};
use crate::digest::Digest;
use net::http::{InTime, Response};
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads a blob of known size. When the connection breaks, it goes on at the same byte (RFC 9110 §14), so whoever hashes and
/// inflates what is read notices nothing; and so it does at the next place, when one fails for good.
pub(crate) struct Blob<'a> {
    places: &'a Places<'a>,
    /// Which of the places is asked.
    index: usize,
    registry: &'a Registry<'a>,
    digest: &'a Digest,
    size: u64,
    position: u64,
    body: Option<Body>,
    patience: Patience<'a>,
    received: &'a AtomicU64,
    failure: Option<RegistryError>,
}

/// Bytes that are skipped at once.
const SKIP: usize = 16 << 10;

struct Body {
    url: String,
    reader: Box<dyn Read + Send>,
}

impl<'a> Blob<'a> {
    pub(super) fn new(
        places: &'a Places<'a>,
        digest: &'a Digest,
        size: u64,
        received: &'a AtomicU64,
    ) -> Blob<'a> {
        let (index, registry) = places.at(0);
        let patience = registry.patience();
        Blob {
            places,
            index,
            registry,
            digest,
            size,
            position: 0,
            body: None,
            patience,
            received,
            failure: None,
        }
    }

    /// Without the bytes before `position`.
    pub(crate) fn starting_at(self, position: u64) -> Blob<'a> {
        Blob { position: position.min(self.size), ..self }
    }

    /// Where it goes on.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The whole of a small blob, which has to come in time ([`InTime`]).
    pub(crate) fn read_all(mut self) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        let read = InTime::new(&mut self).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| {
            let url = format!("{}/{} blob {}", self.registry.host, self.registry.repository, self.digest);
            let too_slow = RegistryError::Protocol { url, reason: error.to_string() };
            self.take_failure().unwrap_or(too_slow)
        })
    }

    /// Why reading failed. The errors of [`Read`] pass through readers that do not keep what they were.
    pub(crate) fn take_failure(&mut self) -> Option<RegistryError> {
        self.failure.take()
    }

    fn read_or_give_up(&mut self, buf: &mut [u8]) -> Result<usize, RegistryError> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            self.patience.check_cancelled()?;
            match self.try_read(&mut buf[..wanted]) {
                Ok(count) => {
                    self.patience.progress();
                    self.position += count as u64;
                    self.received.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(fault) => {
                    self.body = None;
                    self.patience.wait(&self.registry.host, fault).or_else(|error| self.go_on(error))?;
                }
            }
        }
    }

    /// To the next place, if there is one.
    fn go_on(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        if !self.registry.is_passed_over(&error) {
            return Err(error);
        }
        (self.index, self.registry) = self.places.at(self.index + 1);
        self.patience = self.registry.patience();
        Ok(())
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        if self.body.is_none() {
            self.body = Some(self.open()?);
        }
        let Some(body) = &mut self.body else { return Ok(0) };
        loop {
            match body.reader.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Fault::cut(&body.url, e)),
                Ok(0) => {
                    let url = body.url.clone();
                    let reason = format!("it ends after {} of {} bytes", self.position, self.size);
                    return Err(Fault::passing(RegistryError::Protocol { url, reason }));
                }
                Ok(count) => return Ok(count),
            }
        }
    }

    /// The blob from `position` on. The registry itself is asked each time: where it redirects to is good for minutes only.
    fn open(&mut self) -> Result<Body, Fault> {
        let mut call = Call::get(format!("blobs/{}", self.digest));
        if self.position > 0 {
            call.range = Some(format!("bytes={}-", self.position));
        }
        let response = self.registry.try_send(&call)?;
        let skip = match response.status {
            206 => {
                check_range(&response, self.position, self.size)?;
                0
            }
            _ => {
                check_length(&response, self.size)?;
                self.position
            }
        };
        let mut body = Body { url: response.url.clone(), reader: response.into_reader() };
        if skip > 0 {
            log::debug!("{} cannot resume, so {skip} bytes are skipped", body.url);
            self.skip(&mut body, skip)?;
        }
        Ok(body)
    }

    /// Bytes that came before, and come again: progress all the same.
    fn skip(&mut self, body: &mut Body, mut bytes: u64) -> Result<(), Fault> {
        let mut buffer = vec![0; SKIP];
        while bytes > 0 {
            self.patience.check_cancelled().map_err(Fault::last)?;
            let wanted = usize::try_from(bytes).unwrap_or(SKIP).min(SKIP);
            match body.reader.read(&mut buffer[..wanted]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Fault::cut(&body.url, e)),
                Ok(0) => return Err(Fault::cut(&body.url, io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => bytes -= count as u64,
            }
            self.patience.progress();
        }
        Ok(())
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.to_string()));
        }
        self.read_or_give_up(buf).map_err(|failure| {
            let error = io::Error::other(failure.to_string());
            self.failure = Some(failure);
            error
        })
    }
}

/// `Content-Range: bytes FIRST-LAST/SIZE` has to be what was asked for (RFC 9110 §14.4).
fn check_range(response: &Response, position: u64, size: u64) -> Result<(), Fault> {
    let range = response.header("content-range").unwrap_or_default();
    let right = parse_range(range).is_some_and(|(first, last, whole)| {
        first == position && last < size && whole.is_none_or(|whole| whole == size)
    });
    if right {
        return Ok(());
    }
    let reason =
        format!("bytes {position} to the end of {size} were asked for, but its Content-Range is {range:?}");
    Err(Fault::protocol(&response.url, reason))
}

fn parse_range(range: &str) -> Option<(u64, u64, Option<u64>)> {
    let (first, rest) = range.strip_prefix("bytes ")?.split_once('-')?;
    let (last, whole) = rest.split_once('/')?;
    let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
    Some((first.parse().ok()?, last.parse().ok()?, whole))
}

fn check_length(response: &Response, size: u64) -> Result<(), Fault> {
    match response.header("content-length").and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length != size => {
            let reason = format!("it has {length} bytes, but the manifest says {size}");
            Err(Fault::protocol(&response.url, reason))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, 9, None)));
        for bad in ["", "bytes */10", "bytes 5-/10", "items 5-9/10", "bytes 5-9", "bytes -9/10"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_content_range_is_read_or_refused(range: String) {
            let _ = parse_range(&range);
        }
    }
}
