//! What the network's thread tells those who wait for it.

use super::Error;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the thread leaves its news.
#[derive(Debug, Default)]
pub(super) struct Shared {
    news: Mutex<News>,
    changed: Condvar,
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// `None`: it is not decided yet whether there is a network.
    pub(super) outcome: Option<Result<(), Error>>,
    pub(super) facts: Facts,
}

/// What servers say about the machine and its surroundings, beside addresses and name servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) host_name: Option<String>,
    pub(super) ntp_servers: Vec<IpAddr>,
}

impl Facts {
    /// Adds the servers that are not there yet.
    pub(super) fn add(&mut self, ntp_servers: impl IntoIterator<Item = IpAddr>) {
        for server in ntp_servers {
            if !server.is_unspecified() && !self.ntp_servers.contains(&server) {
                self.ntp_servers.push(server);
            }
        }
    }
}

impl Shared {
    pub(super) fn news(&self) -> MutexGuard<'_, News> {
        // News are whole even if a thread panicked while it held the lock: each part is replaced at once.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How loud good news about IPv6 are: it comes up seconds after IPv4, and would be in the middle of what a container prints.
    pub(super) fn level(&self) -> log::Level {
        match self.news().outcome {
            Some(Ok(())) => log::Level::Debug,
            _ => log::Level::Info,
        }
    }

    pub(super) fn set_outcome(&self, outcome: Result<(), Error>) {
        self.news().outcome = Some(outcome);
        self.changed.notify_all();
    }

    /// Waits for the outcome, but no longer than that.
    pub(super) fn wait_at_most(&self, limit: Duration) -> Option<Result<(), Error>> {
        let undecided = |news: &mut News| news.outcome.is_none();
        let waited = self.changed.wait_timeout_while(self.news(), limit, undecided);
        waited.unwrap_or_else(PoisonError::into_inner).0.outcome.clone()
    }

    /// Waits for the outcome.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let mut news = self.news();
        loop {
            match &news.outcome {
                Some(outcome) => return outcome.clone(),
                None => news = self.changed.wait(news).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
