//! [`RunRequest`] + image configuration → [`Spec`], as podman makes one.
//!
//! All decisions are taken here; the runtime only carries them out. What the image holds is foreign: it is read through
//! descriptors that cannot leave the root file system, and in bounded amounts.

mod command;
mod env;
mod error;
mod files;
mod limits;
mod machine_mounts;
mod masks;
mod mounts;
mod names;
mod systemd;
mod user;

pub use error::BuildError;

use crate::flags::{RunRequest, all_capabilities, parse_signal};
use crate::spec::{Devices, Seccomp, Spec};
use image::ImageConfig;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the machine brings to a container.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Unique on this machine; names the cgroup.
    pub id: &'a str,
    /// The image's root file system, mounted and writable.
    pub rootfs: &'a Path,
    /// A folder of the container's own, for the files that are mounted into it; made if it does not exist.
    pub run_dir: &'a Path,
    /// The machine's host name.
    pub hostname: &'a str,
    /// Variables that every container gets; above the image's, under the user's.
    pub env: &'a [(String, String)],
    /// b2c's own environment, for `-e NAME` and `--env-host`.
    pub environment: &'a [(String, String)],
    /// Folders of volumes: of [named](RunRequest::named_volumes) ones by name, of [anonymous](RunRequest::anonymous_volumes) ones by
    /// destination.
    pub volumes: &'a BTreeMap<String, PathBuf>,
    /// The machine's resolv.conf; it may be missing.
    pub resolv_conf: &'a Path,
    /// The machine's /etc/hosts; it may be missing.
    pub hosts: &'a Path,
    /// What is seen in place of files of the kernel that show secrets.
    pub stand_ins: &'a [StandIn],
}

/// A file that is seen in place of one of the kernel's, unless the container asks for that (`--security-opt unmask=PATH`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Where it is seen.
    pub destination: PathBuf,
    /// Where it is.
    pub file: PathBuf,
}

/// Signal that stops a container when neither the user nor the image names one.
const SIGTERM: i32 = 15;
/// SIGRTMIN+3 halts systemd (systemd(1), "Signals").
const SYSTEMD_STOP: i32 = 37;
/// `CAP_LAST_CAP` of Linux 5.10, if the kernel does not say.
const LAST_CAPABILITY: u32 = 40;

/// Decides what the container is made of; writes its /etc files to `host.run_dir`, and fills new volumes from the image.
///
/// # Errors
///
/// What the line or the image asks for is not there, or is not what it should be.
pub fn build(request: &RunRequest, image: &ImageConfig, host: &Host<'_>) -> Result<Spec, BuildError> {
    let root = files::open_root(host.rootfs)?;
    let args = command::args(request, image)?;
    let account = user::resolve(request, image, &root)?;
    let systemd = systemd::wanted(request, &args);
    let hostname = names::hostname(request, host);
    let env = env::environment(
        request,
        image,
        host,
        &env::Facts { hostname: &hostname, home: &account.home, systemd },
    )?;
    let owner = (account.user.uid, account.user.gid);
    let spec = Spec {
        id: host.id.to_owned(),
        rootfs: host.rootfs.to_owned(),
        readonly_rootfs: request.read_only,
        args,
        env,
        cwd: command::cwd(request, image),
        user: account.user,
        hostname: request.namespaces.uts.then(|| hostname.clone()),
        namespaces: request.namespaces,
        mounts: mounts::mounts(request, image, host, &mounts::Facts { hostname: &hostname, systemd, owner })?,
        devices: devices(request),
        capabilities: request.capabilities.apply(request.privileged, all_capabilities(last_capability())),
        rlimits: limits::rlimits(request),
        sysctl: request.sysctl.clone(),
        masked_paths: masks::masked(request),
        readonly_paths: masks::readonly(request),
        no_new_privileges: request.security.no_new_privileges,
        seccomp: seccomp(request),
        resources: limits::resources(&request.limits),
        oom_score_adj: request.oom_score_adj,
        terminal: request.terminal,
        stdin: request.stdin,
        init: request.init,
        stop_signal: stop_signal(request, image, systemd)?,
        stop_timeout: request.stop_timeout,
    };
    error::refuse_nul(&spec)?;
    Ok(spec)
}

fn devices(request: &RunRequest) -> Devices {
    if request.privileged { Devices::All } else { Devices::Only(request.devices.clone()) }
}

fn seccomp(request: &RunRequest) -> Seccomp {
    let default = if request.privileged { Seccomp::Unconfined } else { Seccomp::Default };
    request.security.seccomp.unwrap_or(default)
}

fn stop_signal(request: &RunRequest, image: &ImageConfig, systemd: bool) -> Result<i32, BuildError> {
    if let Some(number) = request.stop_signal {
        return Ok(number);
    }
    if image.stop_signal.is_empty() {
        return Ok(if systemd { SYSTEMD_STOP } else { SIGTERM });
    }
    parse_signal(&image.stop_signal).ok_or_else(|| BuildError::StopSignal(image.stop_signal.clone()))
}

fn last_capability() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    text.trim().parse().unwrap_or(LAST_CAPABILITY)
}
