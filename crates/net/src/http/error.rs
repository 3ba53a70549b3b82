//! Why a request failed, in words that say what to do.

use super::tls::is_authority;
use crate::clock;
use crate::patience::Again;
use rustls::CertificateError;
use std::io;
use ureq::http::Uri;

/// What a connection that does not come about is waited for.
const CONNECTING: &str = "connecting";

/// Why a request or the reading of its answer failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL or a header cannot be sent.
    #[error("{url:?} cannot be requested: {reason}")]
    BadUrl {
        /// As [`shown`](super::shown).
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host name has no address.
    #[error("host {host:?} cannot be found: {reason}")]
    Dns {
        /// Without port.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// No TCP connection.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// With port.
        host: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The server was silent for too long.
    #[error("{url}: no answer in time while {during}")]
    Timeout {
        /// What was asked for.
        url: String,
        /// Connecting, waiting or reading.
        during: &'static str,
    },
    /// TLS could not be established.
    #[error("TLS with {host}: {reason}")]
    Tls {
        /// With port.
        host: String,
        /// What is wrong, and what can be done.
        reason: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: redirect not followed: {reason}")]
    Redirect {
        /// What redirected.
        url: String,
        /// Why it is not followed.
        reason: String,
    },
    /// `b2c.proxy` is wrong or does not let us through.
    #[error("proxy for {url}: {reason}")]
    Proxy {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The server broke the protocol.
    #[error("{url}: this is no proper HTTP answer: {reason}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// What was to be sent could not be read, or ended too early.
    #[error("{url}: what is to be sent cannot be read: {source}")]
    Source {
        /// Where it was to go.
        url: String,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The connection was lost before the answer had begun.
    #[error("{url}: the connection was lost before the answer: {source}")]
    Lost {
        /// What was asked for.
        url: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// [`Config::cancel`](super::Config::cancel).
    #[error("given up, for there is no more time")]
    Cancelled,
    /// The connection was lost in the middle of the body.
    #[error("{url}: the answer is cut off: {source}")]
    Body {
        /// What was asked for.
        url: String,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Error {
    /// Whether the same request may work later.
    pub fn is_transient(&self) -> bool {
        match self {
            // The resolver's words are all that std passes on. These two are glibc's and musl's for "no such name"; other failures
            // (no answer, no name server yet) may pass.
            Error::Dns { reason, .. } => {
                !reason.contains("not known") && !reason.contains("does not resolve")
            }
            Error::Connect { .. } | Error::Timeout { .. } | Error::Lost { .. } | Error::Body { .. } => true,
            Error::BadUrl { .. }
            | Error::Source { .. }
            | Error::Cancelled
            | Error::Tls { .. }
            | Error::Redirect { .. }
            | Error::Proxy { .. }
            | Error::Protocol { .. } => false,
        }
    }

    /// Whether there was nobody to send it to: no address, or no connection.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Error::Dns { .. } | Error::Connect { .. } | Error::Timeout { during: CONNECTING, .. })
    }

    /// When the same request is worth another attempt.
    pub fn again(&self) -> Again {
        match self {
            Error::Dns { .. } => Again::Name,
            error if error.is_transient() => Again::Soon,
            _ => Again::Never,
        }
    }

    /// Why `send` failed.
    pub(super) fn from_ureq(url: &Uri, error: ureq::Error) -> Error {
        let url = shown(url);
        match error {
            ureq::Error::Other(e) => Error::from_ours(url, e),
            ureq::Error::Io(source) => Error::Lost { url, source },
            ureq::Error::Timeout(t) => Error::Timeout { url, during: during(t) },
            ureq::Error::ConnectProxyFailed(reason) => Error::Proxy { url, reason },
            ureq::Error::Http(e) => Error::BadUrl { url, reason: e.to_string() },
            ureq::Error::BadUri(reason) => Error::BadUrl { url, reason },
            ureq::Error::LargeResponseHeader(_, limit) => {
                Error::Protocol { url, reason: format!("its headers are larger than {limit} bytes") }
            }
            e => Error::Protocol { url, reason: e.to_string() },
        }
    }

    /// Said by our own resolver or connector.
    fn from_ours(url: String, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
        match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::Protocol { url, reason: error.to_string() },
        }
    }

    /// Why reading the body failed.
    pub(super) fn from_body(url: &str, error: io::Error) -> Error {
        let url = url.to_owned();
        match error.downcast::<ureq::Error>() {
            Ok(ureq::Error::Timeout(_)) => Error::Timeout { url, during: "reading the answer" },
            Ok(ureq::Error::Other(e)) => Error::from_ours(url, e),
            Ok(e) => Error::Protocol { url, reason: e.to_string() },
            Err(source) => Error::Body { url, source },
        }
    }

    /// Why the handshake failed.
    pub(super) fn from_handshake(host: &str, error: io::Error) -> Error {
        let host = host.to_owned();
        let error = match error.downcast::<rustls::Error>() {
            Ok(e) => return Error::Tls { host, reason: tls_reason(&e) },
            Err(e) => e,
        };
        match error.downcast::<ureq::Error>() {
            Ok(ureq::Error::Timeout(t)) => Error::Timeout { url: host, during: during(t) },
            Ok(ureq::Error::Other(e)) => Error::from_ours(host, e),
            Ok(e) => Error::Tls { host, reason: e.to_string() },
            Err(source) => Error::Connect { host, source },
        }
    }
}

/// A URL for people: without the password and the query, which may be a signature that opens a bucket.
pub(super) fn shown(url: &Uri) -> String {
    let authority = url.authority().map_or("", |a| a.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", url.scheme_str().unwrap_or_default(), url.path())
}

/// A URL for people, whatever is wrong with it: without user, password, query and control characters.
pub fn shown_text(url: &str) -> String {
    if let Ok(url) = super::absolute(url) {
        return shown(&url);
    }
    let (scheme, rest) = url.find("://").map_or(("", url), |at| url.split_at(at + 3));
    // Nobody knows where the parts of a broken URL end: in doubt, too much is left out.
    let (head, tail) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let place = match head.rsplit_once('@') {
        Some((_, place)) => place,
        // The password may hold the `?`.
        None if tail.contains('@') => "…",
        None => head,
    };
    scheme.chars().chain(place.chars()).filter(|c| !c.is_control()).collect()
}

fn during(timeout: ureq::Timeout) -> &'static str {
    match timeout {
        ureq::Timeout::Connect => CONNECTING,
        ureq::Timeout::PerWrite => "sending the request",
        _ => "waiting for the answer",
    }
}

fn tls_reason(error: &rustls::Error) -> String {
    let today = || format!("this machine's clock says {} (b2c.ntp_peer sets it)", clock::date(clock::now()));
    let hint = match error {
        rustls::Error::InvalidCertificate(e) => match e {
            // The signature is bad if another authority of the same name is known.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "no known authority signed its certificate: put the authority's PEM file into the initramfs under /etc/ssl/certs, or name it by b2c.ca"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                &format!("its certificate has expired; {}", today())
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                &format!("its certificate is not yet valid, so the clock is wrong; {}", today())
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            _ if is_authority(error) => {
                "its certificate is its own authority's: put its PEM file into the initramfs under /etc/ssl/certs, or name it by b2c.ca"
            }
            _ => "its certificate is refused",
        },
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS: is this an http:// address?",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_is_shown_with_its_secrets() {
        for (url, expected) in [
            ("https://h:5000/v2/a@b", "https://h:5000/v2/a@b"),
            ("https://u:secret@h/a?sig=secret#x", "https://h/a"),
            ("http://u:secret@h:99999/a?b=secret", "http://h:99999/a"),
            ("http://u:sec ret@h/a?b@secret", "http://h/a"),
            ("http://u:/secret@h/a", "http://h/a"),
            ("http://u:secret?secret@h/a", "http://…"),
            ("socks5://u:secret@h:1", "socks5://h:1"),
            ("u:secret@h?secret", "h"),
            ("h\n/a", "h/a"),
            ("registry", "registry"),
            ("", ""),
        ] {
            assert_eq!(shown_text(url), expected, "{url:?}");
        }
    }
}
