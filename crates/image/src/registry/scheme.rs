//! https or http: with `--tls-verify=false` either will do.

use super::error::{Again, Fault, RegistryError};
use net::http::{Client, Error, Request, Response};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the first scheme may take to answer before the second is tried at the same time. A server of plain http may stay silent at
/// the sight of TLS, and a firewall drops what is for another port.
const HEAD_START: Duration = Duration::from_secs(1);

/// What was found out since the start of the program: a registry does not change its ways, and asking costs a round trip.
static KNOWN: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());

/// `https` or `http`, whichever the registry at `host` speaks.
pub(super) fn find(client: &Client, host: &str, tls_verify: bool) -> Result<&'static str, Fault> {
    if tls_verify {
        return Ok("https");
    }
    if let Some(scheme) = known(host) {
        return Ok(scheme);
    }
    let scheme = probe(client, host)?;
    log::debug!("Registry {host} speaks {scheme}");
    remember(host, scheme);
    Ok(scheme)
}

/// Whether nothing is known of a registry that is not on the port of https.
///
/// Divergence: podman tries https first, always. A farm's registry of plain http is on a port of its own, where TLS costs a key exchange
/// and a connection before every first pull.
pub(super) fn is_probably_http(host: &str, tls_verify: bool) -> bool {
    !tls_verify && known(host).is_none() && prefers_http(host)
}

/// Spares the next request the question.
pub(super) fn remember(host: &str, scheme: &'static str) {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), scheme);
}

fn known(host: &str) -> Option<&'static str> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
}

fn prefers_http(host: &str) -> bool {
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.is_some_and(|port| port != 443)
}

fn probe(client: &Client, host: &str) -> Result<&'static str, Fault> {
    let [first, second] = if prefers_http(host) { ["http", "https"] } else { ["https", "http"] };
    let ask = |scheme: &str| Request::get(format!("{scheme}://{host}/v2/")).tls_verify(false);
    let (answer, answers) = mpsc::channel();
    let request = ask(first);
    let asking = client.clone();
    // Not waited for: when the second has answered, the first may go on until its time is out.
    let spawned = std::thread::Builder::new()
        .stack_size(super::THREAD_STACK)
        .spawn(move || drop(answer.send(asking.send(&request))));
    let early = match spawned {
        Ok(_) => answers.recv_timeout(HEAD_START).ok(),
        Err(_) => None,
    };
    if early.as_ref().is_some_and(|answer| is_registry(first, answer)) {
        return Ok(first);
    }
    let other = client.send(&ask(second));
    if is_registry(second, &other) {
        return Ok(second);
    }
    match (early.or_else(|| answers.recv().ok()), other) {
        (Some(Ok(_)), _) => Ok(first),
        (_, Ok(_)) => Ok(second),
        (Some(Err(https)), Err(http)) if first == "https" => Err(neither(https, http)),
        (Some(Err(http)), Err(https)) => Err(neither(https, http)),
        (None, Err(other)) => Err(other.into()),
    }
}

/// Whether `scheme` is the right one. A server that wants TLS answers plain http with 400, if at all.
fn is_registry(scheme: &str, answer: &Result<Response, Error>) -> bool {
    answer.as_ref().is_ok_and(|response| scheme == "https" || matches!(response.status, 200 | 401))
}

fn neither(https: Error, http: Error) -> Fault {
    let again = match (https.again(), http.again()) {
        (Again::Never, http) => http,
        (https, _) => https,
    };
    if https.to_string() == http.to_string() {
        return https.into();
    }
    Fault { error: RegistryError::Scheme { https: Box::new(https), http: Box::new(http) }, again }
}
