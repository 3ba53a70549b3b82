//! Whom the machine trusts besides the web: the certificates that `b2c.ca` names.

use super::command_line::{fetch, fetch_once};
use super::world::http_client;
use crate::console::CONSOLE;
use image::digest::{Algorithm, Digest};
use net::http::{self, Authority, MAX_PEM, Request};
use options::{Ca, CaSource, Options};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What was asked for in this boot, and what came of it the last time: certificates are read once, and every client trusts them.
static KNOWN: Mutex<Vec<(Ca, Result<Authority, String>)>> = Mutex::new(Vec::new());

/// Why none could be asked for yet.
const OFFLINE: &str = "there is no network";

/// Reads the certificates that are not known yet. Never fatal: a server that needs one that is missing is refused, and whoever needs the server says so.
///
/// One that could not be had is tried again the next time: there may be a network then, or another one.
pub fn learn(options: &Options, online: bool) {
    for ca in &options.ca {
        let before = known(|known| known.iter().find(|(it, _)| it == ca).map(|(_, outcome)| outcome.clone()));
        let failure = match before {
            Some(Ok(_)) => continue,
            failed => failed.and_then(Result::err),
        };
        // Who was waited for in vain is asked once more, not waited for again.
        let is_new = failure.as_ref().is_none_or(|reason| reason == OFFLINE);
        let outcome = read(ca, options, online, is_new);
        let shown = match &ca.source {
            CaSource::Url(url) => http::shown(url),
            CaSource::File(path) => path.display().to_string(),
        };
        match &outcome {
            Ok(_) => CONSOLE.line(&format!("The certificates of {shown} are trusted")),
            Err(reason) if failure.as_ref() == Some(reason) => {}
            Err(reason) => CONSOLE.error(&format!("b2c.ca={shown}: {reason}; going on without trust in it")),
        }
        known(|known| {
            known.retain(|(it, _)| it != ca);
            known.push((ca.clone(), outcome));
        });
    }
}

/// All that could be read so far.
pub fn trusted() -> Vec<Authority> {
    known(|known| known.iter().filter_map(|(_, outcome)| outcome.clone().ok()).collect())
}

fn known<T>(look: impl FnOnce(&mut Vec<(Ca, Result<Authority, String>)>) -> T) -> T {
    look(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether the server has to prove who it is. Whoever gives the right bytes is the right server, but a password or a token is for nobody else.
fn needs_proof(url: &str, is_pinned: bool) -> bool {
    !is_pinned || url.contains(['@', '?'])
}

fn read(ca: &Ca, options: &Options, online: bool, patiently: bool) -> Result<Authority, String> {
    let pem = match &ca.source {
        CaSource::Url(_) if !online => return Err(OFFLINE.to_owned()),
        CaSource::Url(url) => {
            let request = Request::get(url).tls_verify(needs_proof(url, ca.sha256.is_some()));
            let client = http_client(options);
            if patiently {
                fetch(&client, &request, MAX_PEM)?
            } else {
                fetch_once(&client, &request, MAX_PEM).map_err(|(reason, _)| reason)?
            }
        }
        CaSource::File(path) => read_file(path)?,
    };
    if let Some(expected) = &ca.sha256 {
        let found = Digest::of(Algorithm::Sha256, &pem);
        if found.hex() != expected {
            return Err(format!("its SHA-256 is {} instead of {expected}", found.hex()));
        }
    }
    Authority::parse(&pem).map_err(|error| error.to_string())
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_PEM + 1).read_to_end(&mut pem));
    read.map_err(|error| error.to_string())?;
    if pem.len() as u64 > MAX_PEM {
        return Err(format!("longer than {MAX_PEM} bytes"));
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -days 36500 -subj "/CN=Test authority"`
    const PEM: &str = "-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUKCpOcdFNelrYLjHVVxF6dNrY1bAwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTI4MTgyNTEzWhgPMjEy
NjExMDQxODI1MTNaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAENSiP9OsH1D7wO2JhySoCz7z9YHD5WSjlppM71CfX
V5U2o7j4Btnj3C78MOJd6cGhdny6PwC25CTGRQ15FUHcj6NTMFEwHQYDVR0OBBYE
FETDc6m6zB1wwQMEAROX2D0BEkqgMB8GA1UdIwQYMBaAFETDc6m6zB1wwQMEAROX
2D0BEkqgMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgJUFhCWO+
F+gfsg8N71Iz9QYSY30op0iT2JzMAimPzzUCIQCE5VrUpSTO/HPS8o8155zzO0pg
RI1EiwdMFMgDAAl7qQ==
-----END CERTIFICATE-----
";

    fn of_file(path: &Path) -> Options {
        let ca = Ca { source: CaSource::File(path.to_owned()), sha256: None };
        Options { ca: vec![ca], ..Options::default() }
    }

    #[test]
    fn what_could_not_be_had_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late.pem");
        let options = of_file(&path);
        let outcome = || {
            known(|known| {
                known.iter().find(|(it, _)| *it == options.ca[0]).map(|(_, outcome)| outcome.is_ok())
            })
        };
        learn(&options, true);
        assert_eq!(outcome(), Some(false));
        std::fs::write(&path, PEM).unwrap();
        learn(&options, true);
        assert_eq!(outcome(), Some(true));
        // Known is known.
        std::fs::remove_file(&path).unwrap();
        learn(&options, true);
        assert_eq!(outcome(), Some(true));
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_and_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.pem");
        let mut pem = PEM.as_bytes().to_vec();
        pem.resize(usize::try_from(MAX_PEM).unwrap(), b'\n');
        std::fs::write(&path, &pem).unwrap();
        assert!(read_file(&path).is_ok());
        pem.push(b'\n');
        std::fs::write(&path, &pem).unwrap();
        assert_eq!(read_file(&path).unwrap_err(), "longer than 4194304 bytes");
    }

    #[test]
    fn a_password_is_not_sent_to_just_anybody_because_the_file_is_pinned() {
        assert!(!needs_proof("https://host/ca.pem", true));
        assert!(needs_proof("https://host/ca.pem", false));
        for url in
            ["https://me:secret@host/ca.pem", "https://token@host/ca.pem", "https://host/ca.pem?token=secret"]
        {
            assert!(needs_proof(url, true), "{url}");
        }
    }
}
