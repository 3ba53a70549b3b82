//! What is set inside the container's new namespaces, before its root is built.

use super::error::{During, Step, setup};
use super::sys;
use crate::spec::{Namespaces, Spec};
use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::MountFlags;
use std::fs;

impl Namespaces {
    /// The `CLONE_NEW*` flags for clone3(2). The cgroup namespace is not among them: its root is the cgroup of the process that
    /// makes it, so the first process makes it once it is in its own.
    pub(super) fn clone_flags(self) -> u64 {
        let flags = [
            (true, libc::CLONE_NEWNS),
            (self.pid, libc::CLONE_NEWPID),
            (self.network, libc::CLONE_NEWNET),
            (self.ipc, libc::CLONE_NEWIPC),
            (self.uts, libc::CLONE_NEWUTS),
        ];
        flags.iter().filter(|(new, _)| *new).fold(0, |all, (_, flag)| all | u64::from(flag.cast_unsigned()))
    }
}

/// Sets up the namespaces that this process was born in.
pub(super) fn set_up(spec: &Spec) -> Step<()> {
    if spec.namespaces.cgroup {
        sys::unshare_cgroup_namespace().during(|| "new cgroup namespace")?;
    }
    if spec.namespaces.network {
        sys::loopback_up().during(|| "bring the loopback link up")?;
    }
    match &spec.hostname {
        Some(name) if spec.namespaces.uts => {
            rustix::system::sethostname(name.as_bytes()).during(|| format!("host name {name:?}"))?;
        }
        Some(name) => {
            return Err(setup(format_args!(
                "host name {name:?}: the container shares the machine's UTS namespace"
            )));
        }
        None => {}
    }
    set_sysctls(spec)?;
    leave_keyring()?;
    set_oom_score(spec.oom_score_adj)
}

/// Sets the kernel parameters that have a value of their own in a new namespace.
fn set_sysctls(spec: &Spec) -> Step<()> {
    if spec.sysctl.is_empty() {
        return Ok(());
    }
    // A procfs that nobody else can see or cover (CVE-2025-52881).
    let proc = super::mounts::file_system("proc", "", MountFlags::empty())?;
    for (name, value) in &spec.sysctl {
        if !is_namespaced(name, spec.namespaces) {
            return Err(setup(format_args!(
                "sysctl {name}: it would change the machine's; give the container a namespace of its own for it"
            )));
        }
        let path = format!("sys/{}", name.replace('.', "/"));
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&proc, path, flags, Mode::empty()).during(|| format!("sysctl {name}"))?;
        rustix::io::write(&file, value.as_bytes()).during(|| format!("sysctl {name}={value}"))?;
    }
    Ok(())
}

/// Whether writing a parameter changes only the container's value.
fn is_namespaced(name: &str, new: Namespaces) -> bool {
    // A slash may stand for a dot, and `..` has no business here.
    if name.contains('/') || name.contains("..") {
        return false;
    }
    // ipc_namespaces(7), as runc and crun list them.
    const IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    match name {
        "kernel.domainname" | "kernel.hostname" => new.uts,
        _ if name.starts_with("net.") => new.network,
        _ if name.starts_with("fs.mqueue.") => new.ipc,
        _ => new.ipc && IPC.contains(&name),
    }
}

/// Key rings are in no namespace: without one of its own, the container would see the keys of the process that started it.
fn leave_keyring() -> Step<()> {
    match sys::join_new_session_keyring() {
        // A kernel without key rings has no keys.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
        result => result.during(|| "new session key ring"),
    }
}

/// A boot process may protect itself from the out-of-memory killer; its containers must not inherit that unasked.
fn set_oom_score(wanted: Option<i32>) -> Step<()> {
    const FILE: &str = "/proc/self/oom_score_adj";
    let score = match wanted {
        Some(score) => score,
        None if fs::read_to_string(FILE).is_ok_and(|inherited| !inherited.starts_with('-')) => return Ok(()),
        None => 0,
    };
    fs::write(FILE, score.to_string()).during(|| format!("OOM score {score}"))
}
