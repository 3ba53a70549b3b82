//! An answer: status and headers at once, the body as it arrives.

use super::Error;
use super::error::shown;
use crate::patience::Again;
use std::borrow::Cow;
use std::io::{self, Read};
use std::time::Duration;
use ureq::Body;
use ureq::http::{HeaderMap, Uri};

/// An answer of any status.
#[derive(Debug)]
pub struct Response {
    /// For example 200.
    pub status: u16,
    /// Where it came from, after redirects, as [`shown`](super::shown): messages print it, and its query may be a signature.
    pub url: String,
    headers: HeaderMap,
    body: Body,
}

impl Response {
    pub(super) fn new(url: &Uri, response: ureq::http::Response<Body>) -> Response {
        let (head, body) = response.into_parts();
        Response { status: head.status.as_u16(), url: shown(url), headers: head.headers, body }
    }

    /// Whether a server that refused may grant it later (RFC 9110 section 15, RFC 6585 section 4), and when it wants to be asked.
    pub fn again(&self) -> Again {
        if !matches!(self.status, 408 | 429 | 500 | 502..=504) {
            return Again::Never;
        }
        let asked = self.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
        asked.map_or(Again::Soon, |seconds| Again::After(Duration::from_secs(seconds)))
    }

    /// The first header of that name (in any case), if it is ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers of that name, such as several `WWW-Authenticate` challenges.
    pub fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// All headers: names in lower case, values as text as far as they are.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
    }

    /// The body. It has no size limit: take what you expect.
    ///
    /// A body that ends before its `Content-Length` or its last chunk gives an error, never an end of file. Errors wrap [`Error`].
    /// The connection can be used again once the body was read to its end.
    pub fn into_reader(self) -> Box<dyn Read + Send> {
        Box::new(BodyReader { url: self.url, inner: self.body.into_reader() })
    }
}

struct BodyReader {
    url: String,
    inner: ureq::BodyReader<'static>,
}

impl Read for BodyReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Kept: `read_to_end` and others try again by themselves.
        let explain = |e: io::Error| match e.kind() {
            io::ErrorKind::Interrupted => e,
            kind => io::Error::new(kind, Error::from_body(&self.url, e)),
        };
        self.inner.read(buf).map_err(explain)
    }
}
