//! https or http: with `--tls-verify=false` either will do, and https is preferred (as podman does it).

use super::error::{Again, Fault, RegistryError, again};
use net::http::{Client, Error, Request, Response};
use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long https may take to answer before http is tried at the same time. A server of plain http may stay silent at the sight of
/// TLS, and a firewall drops what is for another port.
const HEAD_START: Duration = Duration::from_secs(1);

/// What was found out since the start of the program: a registry does not change its ways, and asking costs a round trip.
static KNOWN: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());

/// `https` or `http`, whichever the registry at `host` speaks.
pub(super) fn find(client: &Client, host: &str, tls_verify: bool) -> Result<&'static str, Fault> {
    if tls_verify {
        return Ok("https");
    }
    if let Some(scheme) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(host) {
        return Ok(scheme);
    }
    let scheme = probe(client, host)?;
    log::debug!("Registry {host} speaks {scheme}");
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), scheme);
    Ok(scheme)
}

fn probe(client: &Client, host: &str) -> Result<&'static str, Fault> {
    let ask = |scheme: &str| Request::get(format!("{scheme}://{host}/v2/")).tls_verify(false);
    let (answer, https) = mpsc::channel();
    let request = ask("https");
    let asking = client.clone();
    // Not waited for: when http has answered, https may go on until its time is out.
    let spawned = std::thread::Builder::new()
        .stack_size(super::THREAD_STACK)
        .spawn(move || drop(answer.send(asking.send(&request).map(drop))));
    let early = match spawned {
        Ok(_) => https.recv_timeout(HEAD_START),
        Err(_) => Err(RecvTimeoutError::Disconnected),
    };
    if let Ok(Ok(())) = early {
        return Ok("https");
    }
    let http = client.send(&ask("http"));
    let https = match early {
        Ok(https) => Some(https),
        Err(_) if is_registry(&http) => return Ok("http"),
        Err(_) => https.recv().ok(),
    };
    match (https, http) {
        (Some(Ok(())), _) => Ok("https"),
        (_, Ok(_)) => Ok("http"),
        (Some(Err(https)), Err(http)) => Err(neither(https, http)),
        (None, Err(http)) => Err(http.into()),
    }
}

/// A server that wants TLS answers plain http with 400.
fn is_registry(http: &Result<Response, Error>) -> bool {
    http.as_ref().is_ok_and(|response| matches!(response.status, 200 | 401))
}

fn neither(https: Error, http: Error) -> Fault {
    let again = match (again(&https), again(&http)) {
        (Again::Never, http) => http,
        (https, _) => https,
    };
    if https.to_string() == http.to_string() {
        return https.into();
    }
    Fault { error: RegistryError::Scheme { https: Box::new(https), http: Box::new(http) }, again }
}
