//! Whom the machine trusts besides the web: the certificates that `b2c.ca` names.

use super::command_line::fetch;
use super::world::http_client;
use crate::console::CONSOLE;
use image::digest::{Algorithm, Digest};
use net::http::{self, Authority, MAX_PEM, Request};
use options::{Ca, CaSource, Options};
use std::fs::File;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

/// What was asked for in this boot, and what came of it: certificates are read once, and every client trusts them.
static KNOWN: Mutex<Vec<(Ca, Option<Authority>)>> = Mutex::new(Vec::new());

/// Reads the certificates that are not known yet. Never fatal: a server that needs one that is missing is refused, and whoever needs the server says so.
pub fn learn(options: &Options, online: bool) {
    for ca in &options.ca {
        if known(|known| known.iter().any(|(it, _)| it == ca)) {
            continue;
        }
        let shown = match &ca.source {
            CaSource::Url(url) => http::shown(url),
            CaSource::File(path) => path.display().to_string(),
        };
        let authority = read(ca, options, online);
        match &authority {
            Ok(_) => CONSOLE.line(&format!("The certificates of {shown} are trusted")),
            Err(reason) => CONSOLE.error(&format!("b2c.ca={shown}: {reason}; going on without trust in it")),
        }
        known(|known| known.push((ca.clone(), authority.ok())));
    }
}

/// All that could be read so far.
pub fn trusted() -> Vec<Authority> {
    known(|known| known.iter().filter_map(|(_, authority)| authority.clone()).collect())
}

fn known<T>(look: impl FnOnce(&mut Vec<(Ca, Option<Authority>)>) -> T) -> T {
    look(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether the server has to prove who it is. Whoever gives the right bytes is the right server, but a password or a token is for nobody else.
fn needs_proof(url: &str, is_pinned: bool) -> bool {
    !is_pinned || url.contains(['@', '?'])
}

fn read(ca: &Ca, options: &Options, online: bool) -> Result<Authority, String> {
    let pem = match &ca.source {
        CaSource::Url(_) if !online => return Err("there is no network".to_owned()),
        CaSource::Url(url) => {
            let request = Request::get(url).tls_verify(needs_proof(url, ca.sha256.is_some()));
            fetch(&http_client(options), &request, MAX_PEM)?
        }
        CaSource::File(path) => {
            let mut pem = Vec::new();
            let read = File::open(path).and_then(|file| file.take(MAX_PEM).read_to_end(&mut pem));
            read.map(|_| pem).map_err(|error| error.to_string())?
        }
    };
    if let Some(expected) = &ca.sha256 {
        let found = Digest::of(Algorithm::Sha256, &pem);
        if found.hex() != expected {
            return Err(format!("its SHA-256 is {} instead of {expected}", found.hex()));
        }
    }
    Authority::parse(&pem).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

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
