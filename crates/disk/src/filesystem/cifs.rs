//! SMB shares (mount.cifs(8)): the server's address, and who we are.

use super::context::Request;
use super::options::Options;
use super::share;
use super::{Cause, PATIENCE};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// IANA's port for SMB over TCP.
const SMB_PORT: u16 = 445;
/// Three short lines.
const MAX_CREDENTIALS: u64 = 4096;
/// How users say who they are.
const USER_OPTIONS: [&str; 3] = ["user", "username", "sec"];

/// Mounts `//host/share` on `target`.
pub(super) fn mount(kind: &str, source: &str, mut options: Options, target: &Path) -> Result<(), Cause> {
    let host = share::cifs(source).ok_or(Cause::NotAShare("//HOST/SHARE"))?;
    read_credentials(&mut options)?;
    // What mount.cifs(8) makes of `guest`; the kernel does not know the word. Nobody can type a name or a password here, so it is also what holds without one.
    options.data.retain(|(key, _)| key != "guest");
    if !options.has_any(&USER_OPTIONS) {
        options.set("username", "guest");
        options.set("password", "");
    }
    let port = options.get("port").and_then(|port| port.parse().ok()).unwrap_or(SMB_PORT);
    let reached = share::reach(host, port)?;
    options.set_default("ip", &reached.server.to_string());
    let mounted = Request { kind, source, options: &options, patience: PATIENCE }.mount(target);
    mounted.map_err(|failure| without_words(failure.into()))
}

/// The kernel repeats an option that it does not know, and that may be the rest of a password with a `|` in it.
fn without_words(cause: Cause) -> Cause {
    match cause {
        Cause::Refused { errno, .. } => Cause::Refused { errno, said: String::new() },
        cause => cause,
    }
}

/// `credentials=FILE`: a name and a password that are not on the command line.
fn read_credentials(options: &mut Options) -> Result<(), Cause> {
    let file = options.get("credentials").or_else(|| options.get("cred")).map(str::to_owned);
    options.data.retain(|(key, _)| !matches!(key.as_str(), "credentials" | "cred"));
    let Some(file) = file else { return Ok(()) };
    let path = Path::new(&file);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_CREDENTIALS).read_to_string(&mut text));
    read.map_err(|reason| Cause::Credentials { path: path.to_owned(), reason })?;
    for (key, value) in text.lines().filter_map(|line| line.trim_start().split_once('=')) {
        match key.trim_end() {
            "username" | "user" => options.set("username", value),
            "password" | "pass" => options.set("password", value),
            "domain" | "dom" => options.set("domain", value),
            _ => {}
        }
    }
    Ok(())
}
