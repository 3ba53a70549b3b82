//! What can go wrong with a registry, and whether trying again can help.

pub(super) use net::patience::Again;

/// A registry did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection, no TLS, no HTTP.
    #[error(transparent)]
    Http(#[from] net::http::Error),
    /// With `--tls-verify=false`, both were tried.
    #[error("neither https ({https}) nor http ({http}) works")]
    Scheme {
        /// Why https does not.
        https: Box<net::http::Error>,
        /// Why http does not.
        http: Box<net::http::Error>,
    },
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
        last: Box<RegistryError>,
    },
    /// It was not asked.
    #[error("this machine has no address on any network, so {host} cannot be asked")]
    NoNetwork {
        /// `host[:port]`.
        host: String,
    },
    /// 404.
    #[error("{host} does not have {what} ({reason}); check the spelling of the image's name and tag")]
    NotFound {
        /// `host[:port]`.
        host: String,
        /// What was asked for.
        what: String,
        /// The registry's words.
        reason: String,
    },
    /// 401 or 403.
    #[error(
        "{host} denies access to {what} ({reason}); does it exist, and are the user and the password right?"
    )]
    Denied {
        /// `host[:port]`.
        host: String,
        /// What was asked for.
        what: String,
        /// The registry's words, or ours.
        reason: String,
    },
    /// Another status.
    #[error("{url} answers {status} ({reason})")]
    Status {
        /// Where the answer came from.
        url: String,
        /// For example 503.
        status: u16,
        /// The registry's words.
        reason: String,
    },
    /// An answer that cannot be right.
    #[error("{url}: {reason}")]
    Protocol {
        /// Where the answer came from.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Another layer failed, so this one is not needed.
    #[error("stopped, because another layer failed")]
    Cancelled,
}

impl RegistryError {
    /// Whether there was nobody to ask.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            RegistryError::Http(error) => error.is_unreachable(),
            RegistryError::Scheme { https, http } => https.is_unreachable() && http.is_unreachable(),
            RegistryError::GaveUp { last, .. } => last.is_unreachable(),
            _ => false,
        }
    }

    /// Whether the registry said neither yes nor no: it, or the way to it, is down.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, RegistryError::GaveUp { .. } | RegistryError::NoNetwork { .. })
    }
}

/// One failed attempt.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: RegistryError,
    pub(super) again: Again,
}

impl Fault {
    pub(super) fn last(error: RegistryError) -> Fault {
        Fault { error, again: Again::Never }
    }

    pub(super) fn passing(error: RegistryError) -> Fault {
        Fault { error, again: Again::Soon }
    }

    pub(super) fn protocol(url: &str, reason: impl Into<String>) -> Fault {
        Fault::last(RegistryError::Protocol { url: url.to_owned(), reason: reason.into() })
    }

    /// Whether a registry has answered, if not as hoped. A server that wants TLS answers plain http with 400, if at all.
    pub(super) fn is_answer(&self) -> bool {
        match &self.error {
            RegistryError::NotFound { .. } | RegistryError::Denied { .. } => true,
            RegistryError::Status { status, .. } => *status != 400,
            _ => false,
        }
    }

    /// The body of an answer could not be read to its end.
    pub(super) fn cut(url: &str, error: std::io::Error) -> Fault {
        match error.downcast::<net::http::Error>() {
            Ok(error) => Fault::from(error),
            Err(error) => {
                Fault::passing(RegistryError::Protocol { url: url.to_owned(), reason: error.to_string() })
            }
        }
    }
}

impl From<net::http::Error> for Fault {
    fn from(error: net::http::Error) -> Fault {
        Fault { again: error.again(), error: error.into() }
    }
}
