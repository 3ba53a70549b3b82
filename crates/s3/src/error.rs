//! What can go wrong with a store, and whether trying again can help.

use net::patience::Again;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint's URL cannot be used.
    #[error("{url:?} is no S3 endpoint: {reason}")]
    Endpoint {
        /// Without secrets.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No bucket can have that name.
    #[error("{name:?} is no name of a bucket: letters, digits, '-', '.' and '_' are allowed")]
    BucketName {
        /// As given.
        name: String,
    },
    /// The local file changed, was cut short, or vanished while it was sent: it has to be looked at again.
    #[error("the file changed while it was read")]
    SourceChanged,
    /// The local file cannot be read or written.
    #[error("the local file of {key:?}: {source}")]
    File {
        /// Of the object.
        key: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// No connection, no TLS, no HTTP.
    #[error(transparent)]
    Http(#[from] net::http::Error),
    /// The store said no.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// All patience was in vain.
    #[error(
        "{host} gave nothing for {seconds} s; is it up, and is its address right? The last failure: {last}"
    )]
    GaveUp {
        /// `host[:port]`.
        host: String,
        /// Since the last byte.
        seconds: u64,
        /// What happened last.
        last: Box<Error>,
    },
    /// An answer that cannot be right.
    #[error("{host}, {what}: {reason}")]
    Protocol {
        /// `host[:port]`.
        host: String,
        /// `bucket` or `bucket/key`.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another part of the same file failed.
    #[error("stopped, because another part failed")]
    Cancelled,
}

/// What a store said no to, and its reason.
#[derive(Debug)]
pub struct Refused {
    /// `host[:port]`.
    pub host: String,
    /// What was to be done.
    pub method: &'static str,
    /// `bucket` or `bucket/key`.
    pub what: String,
    /// For example 403.
    pub status: u16,
    /// For example `AccessDenied`; empty if the store gave none.
    pub code: String,
    /// The store's words.
    pub message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { host, method, what, status, code, message } = self;
        write!(
            f,
            "{host} refuses {method} {what}: {status} {}",
            if code.is_empty() { "without a reason" } else { code }
        )?;
        if !message.is_empty() {
            write!(f, " ({message})")?;
        }
        f.write_str(hint(*status, code, message))
    }
}

impl Error {
    /// The store's no, if it is one.
    pub fn refusal(&self) -> Option<&Refused> {
        match self {
            Error::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Whether the object is not there: the store says so, and it is not the bucket that is missing.
    pub(crate) fn is_no_object(&self) -> bool {
        self.refusal().is_some_and(|it| it.status == 404 && it.code != "NoSuchBucket")
    }
}

/// One failed attempt.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    pub(crate) again: Again,
}

impl Fault {
    pub(crate) fn last(error: Error) -> Fault {
        Fault { error, again: Again::Never }
    }

    pub(crate) fn passing(error: Error) -> Fault {
        Fault { error, again: Again::Soon }
    }
}

impl From<net::http::Error> for Fault {
    fn from(error: net::http::Error) -> Fault {
        Fault { again: error.again(), error: error.into() }
    }
}

/// Whether a refusal may pass: RFC 9110 §15, and the codes that S3 has for it ("Error responses").
pub(crate) fn again(status: u16, code: &str, retry_after: Option<&str>) -> Again {
    let passing = match code {
        "NotImplemented" => false,
        "SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" | "OperationAborted" => true,
        _ => matches!(status, 408 | 429 | 500 | 502..),
    };
    // A date instead of seconds is not obeyed: clocks may be wrong.
    match retry_after.and_then(|seconds| seconds.trim().parse().ok()) {
        _ if !passing => Again::Never,
        Some(seconds) => Again::After(Duration::from_secs(seconds)),
        None => Again::Soon,
    }
}

/// What people can do about a refusal; begins with a semicolon, or is empty.
fn hint(status: u16, code: &str, message: &str) -> &'static str {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" => CLOCK,
        // Garage's words.
        _ if message.contains("Date is too") => CLOCK,
        "NoSuchBucket" => "; create the bucket, or correct its name",
        "SignatureDoesNotMatch" => "; is the secret key right?",
        "InvalidAccessKeyId" => "; is the access key right?",
        "InvalidToken" | "ExpiredToken" => "; is the session token right, and still valid?",
        _ if matches!(status, 401 | 403) => "; are the keys right, and may they be used for this bucket?",
        _ if matches!(status, 301 | 302 | 307 | 308) => {
            "; the endpoint has to be the URL that it redirects to"
        }
        _ => "",
    }
}

const CLOCK: &str = "; this machine's clock is wrong: set it (b2c.ntp_peer)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        for (status, code, expected) in [
            (503, "SlowDown", Again::Soon),
            (500, "", Again::Soon),
            (429, "", Again::Soon),
            (400, "RequestTimeout", Again::Soon),
            (501, "NotImplemented", Again::Never),
            (501, "", Again::Never),
            (403, "AccessDenied", Again::Never),
            (404, "NoSuchBucket", Again::Never),
        ] {
            assert_eq!(again(status, code, None), expected, "{status} {code}");
        }
        assert_eq!(again(503, "", Some("7")), Again::After(Duration::from_secs(7)));
        assert_eq!(again(503, "", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Again::Soon);
        assert_eq!(again(403, "", Some("7")), Again::Never);
    }

    #[test]
    fn a_wrong_clock_is_named() {
        assert!(hint(403, "RequestTimeTooSkewed", "").contains("b2c.ntp_peer"));
    }
}
