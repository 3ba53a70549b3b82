//! Host names to addresses, remembered for a while.

use super::Error;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::NextTimeout;

/// ureq resolves before each request, also if a connection is there already, and the C library remembers nothing: without this, each of
/// thousands of objects would cost a question to the name server.
const REMEMBERED: Duration = Duration::from_secs(10);
/// A boot talks to a handful of hosts.
const MAX_REMEMBERED: usize = 8;

/// ureq's own default resolver hides whether it was the name that failed, and starts a thread to bound a time that the C library
/// bounds already (resolv.conf(5): two attempts of five seconds a name server).
#[derive(Debug, Default)]
pub(super) struct Resolver {
    answers: Mutex<Vec<Answer>>,
}

#[derive(Debug)]
struct Answer {
    host: String,
    port: u16,
    addresses: Vec<SocketAddr>,
    since: Instant,
}

impl Resolver {
    fn remembered(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.since.elapsed() < REMEMBERED);
        let answer = answers.iter().find(|answer| answer.host == host && answer.port == port)?;
        Some(answer.addresses.clone())
    }

    fn ask(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses = resolve::addresses(host, port).map_err(|e| e.to_string())?;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < MAX_REMEMBERED {
            let (host, since) = (host.to_owned(), Instant::now());
            answers.push(Answer { host, port, addresses: addresses.clone(), since });
        }
        Ok(addresses)
    }
}

impl UreqResolver for Resolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = port(uri);
        let addresses = match self.remembered(host, port) {
            Some(addresses) => addresses,
            None => self.ask(host, port).map_err(|reason| {
                ureq::Error::Other(Box::new(Error::Dns { host: host.to_owned(), reason }))
            })?,
        };
        let mut found = self.empty();
        // The array's capacity.
        for address in addresses.into_iter().take(16) {
            found.push(address);
        }
        Ok(found)
    }
}

/// The port that a URL means.
pub(super) fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}
