//! NFS (nfs(5)): the server's address, and which version it speaks.

use super::context::Request;
use super::options::Options;
use super::share::{self, Reached};
use super::{Cause, PATIENCE};
use rustix::io::Errno;
use std::path::Path;

/// IANA's port for NFS.
const NFS_PORT: u16 = 2049;
/// That of the service which says where a server's NFSv3 is.
const RPCBIND_PORT: u16 = 111;

/// Tried in this order where the user names none. Not 4.2: it has nothing that is missed here, and by its READ_PLUS a 6.12 kernel reads zeros from NFS-Ganesha 4.3.
const VERSIONS: [&str; 3] = ["4.1", "4.0", "3"];
/// How users name one.
const VERSION_OPTIONS: [&str; 9] =
    ["vers", "nfsvers", "minorversion", "v2", "v3", "v4", "v4.0", "v4.1", "v4.2"];
/// How users say who keeps locks.
const LOCK_OPTIONS: [&str; 3] = ["lock", "nolock", "local_lock"];

/// Mounts `host:/path` on `target`.
pub(super) fn mount(kind: &str, source: &str, options: &Options, target: &Path) -> Result<(), Cause> {
    let (host, _) = share::nfs(source).ok_or(Cause::NotAShare("HOST:/PATH"))?;
    if kind == "nfs4" || options.has_any(&VERSION_OPTIONS) {
        let version = if kind == "nfs" && is_v3(options) { "3" } else { "4" };
        return mount_version(kind, source, host, version, options, target);
    }
    // The first failure is told: the later versions are the less likely ones.
    let mut failure = None;
    for version in VERSIONS {
        // It listens on the same port as 4.1.
        if version == "4.0" && matches!(failure, Some(Cause::Unreachable { .. })) {
            continue;
        }
        let mut options = options.clone();
        options.set("vers", version);
        match mount_version(kind, source, host, version, &options, target) {
            Err(cause) if may_speak_another(&cause) => {
                log::debug!("{source} is not there by NFSv{version}: {cause}");
                failure.get_or_insert(cause);
            }
            result => return result,
        }
    }
    // There is a version, so there is a failure.
    failure.map_or(Ok(()), Err)
}

fn mount_version(
    kind: &str,
    source: &str,
    host: &str,
    version: &str,
    options: &Options,
    target: &Path,
) -> Result<(), Cause> {
    let mut options = options.clone();
    let reached = share::reach(host, probe_port(version, &options))?;
    add_addresses(reached, version, &mut options);
    Ok(Request { kind, source, options: &options, patience: PATIENCE }.mount(target)?)
}

/// Where somebody has to listen for this to work at all.
fn probe_port(version: &str, options: &Options) -> u16 {
    let port = |key| options.get(key).and_then(|port| port.parse().ok()).filter(|&port| port > 0);
    match version {
        "3" => port("port").or_else(|| port("mountport")).unwrap_or(RPCBIND_PORT),
        _ => port("port").unwrap_or(NFS_PORT),
    }
}

/// The kernel resolves no names, and in version 4 tells the server where this machine can be called back.
fn add_addresses(reached: Reached, version: &str, options: &mut Options) {
    options.set_default("addr", &reached.server.to_string());
    if version != "3" {
        options.set_default("clientaddr", &reached.client.to_string());
    } else if !options.has_any(&LOCK_OPTIONS) {
        // Locks of version 3 need daemons on both sides (lockd, statd), and there are none here.
        options.data.push(("nolock".to_owned(), None));
    }
}

fn is_v3(options: &Options) -> bool {
    let named = options.get("vers").or_else(|| options.get("nfsvers"));
    named.is_some_and(|version| version.starts_with('3')) || options.has_any(&["v3"])
}

/// What a server says that does not know a version, or has nothing by that name in it (version 4 has a root of its own), or does not listen where
/// that version is.
fn may_speak_another(cause: &Cause) -> bool {
    match cause {
        Cause::Unreachable { .. } => true,
        Cause::Refused { errno, .. } => {
            matches!(
                *errno,
                Errno::PROTONOSUPPORT | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOENT | Errno::CONNREFUSED
            )
        }
        _ => false,
    }
}
