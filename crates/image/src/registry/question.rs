//! Asking what a tag stands for now. Whoever asks has an image that will do, so there is less patience than with a download.

use super::error::RegistryError;
use super::{Call, Registry};
use crate::digest::Digest;
use crate::registry::patience::Patience;
use net::http::Method;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Registries that gave no answer in all the time they had. The steps of a pipeline do not wait for the same one again and again.
static SILENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Registry<'_> {
    /// What a tag or digest stands for, without fetching it; `None` if the registry does not say (the header is optional).
    pub(super) fn resolve(&self, version: &str) -> Result<Option<Digest>, RegistryError> {
        self.check_network()?;
        let was_silent = silent(|hosts| hosts.contains(&self.host));
        let limits = if was_silent { self.limits.for_one_attempt() } else { self.limits().for_question() };
        let call = Call::manifest(Method::Head, version);
        let mut patience = Patience::new(limits, self.cancel);
        let response = loop {
            match self.try_send(&call) {
                Ok(response) => break response,
                Err(fault) => patience.wait(&self.host, fault).inspect_err(|error| {
                    if error.is_silence() {
                        silent(|hosts| hosts.insert(self.host.clone()));
                    }
                })?,
            }
        };
        silent(|hosts| hosts.remove(&self.host));
        Ok(response.header("docker-content-digest").and_then(|digest| Digest::parse(digest).ok()))
    }

    /// Without any network no try can help.
    pub(super) fn check_network(&self) -> Result<(), RegistryError> {
        if !is_loopback(&self.host) && net::is_alone() {
            return Err(RegistryError::NoNetwork { host: self.host.clone() });
        }
        Ok(())
    }
}

fn silent<T>(use_hosts: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
    use_hosts(&mut SILENT.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A service of this machine may be its registry.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "[::1]" || name.starts_with("127.")
}
