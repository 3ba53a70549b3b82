//! `--security-opt`.

use super::error::Why;
use super::request::RunRequest;
use crate::spec::Seccomp;
use std::path::PathBuf;

pub use super::capability::CapabilityChange;

/// What `--security-opt` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// `no-new-privileges`.
    pub no_new_privileges: bool,
    /// `seccomp=unconfined`; `None` follows `--privileged`.
    pub seccomp: Option<Seccomp>,
    /// `mask=/a:/b`.
    pub mask: Vec<PathBuf>,
    /// `unmask=/a:/b`; a `*` at the end stands for anything.
    pub unmask: Vec<String>,
    /// `unmask=ALL`.
    pub unmask_all: bool,
    /// `proc-opts=…`: options of the /proc mount.
    pub proc_options: Option<String>,
}

pub(super) fn security_opt(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let security = &mut request.security;
    // Docker's older form has a colon.
    let (key, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
    match (key, value) {
        ("no-new-privileges", "" | "true") => security.no_new_privileges = true,
        ("no-new-privileges", "false") => security.no_new_privileges = false,
        ("seccomp", "unconfined") => security.seccomp = Some(Seccomp::Unconfined),
        ("seccomp", _) => return Err("profile files are not read; write seccomp=unconfined".into()),
        // There is neither AppArmor nor SELinux here, so there is nothing to turn off or to set.
        ("apparmor" | "label", value) if !value.is_empty() => {}
        ("mask", _) => security.mask.extend(paths(value)?.map(PathBuf::from)),
        ("unmask", "ALL" | "all") | ("systempaths", "unconfined") => security.unmask_all = true,
        ("unmask", _) => security.unmask.extend(paths(value)?.map(str::to_owned)),
        ("proc-opts", options) if !options.is_empty() => security.proc_options = Some(options.to_owned()),
        _ => {
            return Err(
                "no such option; there are no-new-privileges, seccomp=unconfined, label=…, apparmor=…, \
                        mask=PATHS, unmask=PATHS and proc-opts=OPTIONS"
                    .into(),
            );
        }
    }
    Ok(())
}

fn paths(list: &str) -> Result<std::str::Split<'_, char>, Why> {
    if list.split(':').all(|path| path.starts_with('/')) {
        return Ok(list.split(':'));
    }
    Err("write absolute paths with colons between them".into())
}
