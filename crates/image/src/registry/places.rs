//! All places where an image can be had: the mirrors of its registry, in the order of the options, and then the registry itself.

use super::auth::Auth;
use super::blob::Blob;
use super::credentials::{self, AuthFileError, Credentials, Keyring};
use super::error::RegistryError;
use super::{Cancel, Document, Limits, Registry, absent};
use crate::digest::Digest;
use crate::reference::{Name, canonical_host, registry_of};
use net::http::Client;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Another place for the images of a registry (`b2c.registry_mirror`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Whose images it has: `host[:port]` as image names have it.
    pub registry: String,
    /// `host[:port]` of the mirror.
    pub host: String,
    /// Stands before the repository there; may be empty.
    pub prefix: String,
    /// It may speak plain http, or show any certificate.
    pub insecure: bool,
}

/// How to reach a registry and its mirrors.
pub(crate) struct Access<'a> {
    pub(crate) client: &'a Client,
    /// Of the registry, not of its mirrors.
    pub(crate) tls_verify: bool,
    /// For the registry, not for its mirrors.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) keyrings: &'a [Keyring],
    pub(crate) mirrors: &'a [Mirror],
    pub(crate) limits: Limits,
    pub(crate) cancel: &'a Cancel,
}

/// What is known of a mirror in one pull.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// It has given something: a failure may pass.
    answered: AtomicBool,
    /// It gave no answer, or a wrong one: it is not asked again.
    out: AtomicBool,
}

/// The places, for one pull of one image.
pub(crate) struct Places<'a> {
    mirrors: Vec<Registry<'a>>,
    registry: Registry<'a>,
}

impl<'a> Places<'a> {
    /// Reads the credentials, but asks nobody anything yet.
    pub(crate) fn new(name: &Name, access: &Access<'a>) -> Result<Places<'a>, AuthFileError> {
        let ours = |mirror: &&Mirror| canonical_host(&mirror.registry).eq_ignore_ascii_case(name.host());
        let mirrors = access.mirrors.iter().filter(ours).map(|mirror| {
            let repository = match mirror.prefix.as_str() {
                "" => name.repository().to_owned(),
                prefix => format!("{prefix}/{}", name.repository()),
            };
            let host = canonical_host(&mirror.host);
            let mirrored = Registry::new(host, repository, access, None, !mirror.insecure)?;
            let standing = Standing::default();
            if absent::is_absent(&mirrored.host, access.limits.absence) {
                log::info!(
                    "The mirror {} is not asked: a short while ago it could not be reached",
                    mirrored.host
                );
                standing.rule_out();
            }
            Ok(Registry { standing: Some(standing), ..mirrored })
        });
        let mirrors = mirrors.collect::<Result<_, _>>()?;
        let credentials = access.credentials.clone();
        let repository = name.repository().to_owned();
        let registry = Registry::new(name.host(), repository, access, credentials, access.tls_verify)?;
        Ok(Places { mirrors, registry })
    }

    /// Fetches a manifest or an index by tag or digest. With a digest, what comes is checked against it.
    pub(crate) fn document(&self, version: &str) -> Result<Document, RegistryError> {
        self.first(|place| place.document(version))
    }

    /// What a tag or digest stands for, without fetching it; `None` if nobody says (the header is optional).
    pub(crate) fn resolve(&self, version: &str) -> Result<Option<Digest>, RegistryError> {
        self.first(|place| place.resolve(version))
    }

    /// A blob, to be read. `received` counts its bytes.
    pub(crate) fn blob<'b>(&'b self, digest: &'b Digest, size: u64, received: &'b AtomicU64) -> Blob<'b> {
        Blob::new(self, digest, size, received)
    }

    /// From now on only the registry itself is asked: what a mirror gave is wrong.
    pub(crate) fn distrust_mirrors(&self) {
        self.mirrors.iter().filter_map(|mirror| mirror.standing.as_ref()).for_each(Standing::rule_out);
    }

    /// The place to ask at `index`, or the next one that may be asked; the last is the registry.
    pub(super) fn at(&self, index: usize) -> (usize, &Registry<'a>) {
        let mut mirrors = self.mirrors.iter().enumerate().skip(index);
        mirrors.find(|(_, mirror)| !mirror.is_out()).unwrap_or((self.mirrors.len(), &self.registry))
    }

    fn first<T>(&self, ask: impl Fn(&Registry<'a>) -> Result<T, RegistryError>) -> Result<T, RegistryError> {
        let (mut index, mut place) = self.at(0);
        loop {
            match ask(place) {
                Err(error) if place.is_passed_over(&error) => (index, place) = self.at(index + 1),
                answer => {
                    // Where registries are out of reach, mirrors are all there is.
                    if answer.as_ref().is_err_and(RegistryError::is_silence) {
                        self.mirrors.iter().for_each(|mirror| absent::forget(&mirror.host));
                    }
                    return answer;
                }
            }
        }
    }
}

impl<'a> Registry<'a> {
    fn new(
        host: &str,
        repository: String,
        access: &Access<'a>,
        credentials: Option<Credentials>,
        tls_verify: bool,
    ) -> Result<Registry<'a>, AuthFileError> {
        let credentials = match credentials {
            None => credentials::find(access.keyrings, host, &repository)?,
            given => given,
        };
        Ok(Registry {
            client: access.client,
            host: registry_of(host).to_owned(),
            auth: Auth::new(credentials, &repository, tls_verify),
            repository,
            tls_verify,
            limits: access.limits,
            cancel: access.cancel,
            standing: None,
        })
    }

    /// A mirror that has not given anything yet is not waited for: there are other places.
    pub(super) fn limits(&self) -> Limits {
        match &self.standing {
            None => self.limits,
            Some(standing) if standing.answered.load(Ordering::Relaxed) => self.limits.for_question(),
            Some(_) => self.limits.for_one_attempt(),
        }
    }

    pub(super) fn has_answered(&self) {
        if let Some(standing) = &self.standing {
            standing.answered.store(true, Ordering::Relaxed);
        }
    }

    fn is_out(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.out.load(Ordering::Relaxed))
    }

    /// Whether the next place is to be asked, for this one is a mirror and failed. That is said.
    pub(super) fn is_passed_over(&self, error: &RegistryError) -> bool {
        let Some(standing) = &self.standing else { return false };
        let reason = match error {
            RegistryError::Cancelled => return false,
            // Of one attempt, only the failure is worth a word.
            RegistryError::GaveUp { last, .. } => last.as_ref(),
            error => error,
        };
        // What it does not have says nothing about the rest; all else would come again.
        if !matches!(error, RegistryError::NotFound { .. }) {
            standing.rule_out();
        }
        if error.is_unreachable() {
            absent::remember(&self.host);
        }
        log::warn!("The mirror {} is passed over: {reason}", self.host);
        true
    }
}

impl Standing {
    fn rule_out(&self) {
        self.out.store(true, Ordering::Relaxed);
    }
}
