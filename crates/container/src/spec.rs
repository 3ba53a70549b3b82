//! What a container is made of. Every decision is taken: the runtime looks nothing up and asks nobody.
//!
//! The names are those of the OCI runtime specification (config.md, config-linux.md) where it has one.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One container, ready to be created.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Unique on this machine; names the cgroup.
    pub id: String,
    /// The mounted root file system.
    pub rootfs: PathBuf,
    /// `--read-only`.
    pub readonly_rootfs: bool,
    /// The command and its arguments; never empty.
    pub args: Vec<String>,
    /// `KEY=VALUE`.
    pub env: Vec<String>,
    /// Created if the image does not have it.
    pub cwd: PathBuf,
    /// Numbers only: names were looked up when the spec was made.
    pub user: User,
    /// Set in the container's own UTS namespace; `None` leaves the machine's.
    pub hostname: Option<String>,
    /// Which namespaces are new.
    pub namespaces: Namespaces,
    /// In the order in which they are mounted.
    pub mounts: Vec<Mount>,
    /// What is in /dev and what the device filter lets through.
    pub devices: Devices,
    /// Bounding, effective and permitted; bit N is capability N (capability.h). Inheritable and ambient stay empty (CVE-2022-27649).
    pub capabilities: u64,
    /// setrlimit(2).
    pub rlimits: Vec<Rlimit>,
    /// `net.core.somaxconn` → `1024`.
    pub sysctl: Vec<(String, String)>,
    /// Hidden behind /dev/null or an empty read-only tmpfs.
    pub masked_paths: Vec<PathBuf>,
    /// Remounted read-only.
    pub readonly_paths: Vec<PathBuf>,
    /// prctl(PR_SET_NO_NEW_PRIVS).
    pub no_new_privileges: bool,
    /// The system call filter.
    pub seccomp: Seccomp,
    /// Limits of the container's cgroup.
    pub resources: Resources,
    /// `/proc/self/oom_score_adj`, -1000 to 1000; `None` is 0, or the machine's if that is above 0.
    pub oom_score_adj: Option<i32>,
    /// `-t`: a pseudo-terminal of the container's own is its stdin, stdout and stderr.
    pub terminal: bool,
    /// `-i`: stdin is connected; else it is /dev/null.
    pub stdin: bool,
    /// `--init`: a small process 1 that reaps and passes signals on.
    pub init: bool,
    /// Sent first when the container has to stop.
    pub stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_timeout: u32,
}

/// Process credentials.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    /// User ID.
    pub uid: u32,
    /// Group ID.
    pub gid: u32,
    /// Supplementary groups.
    pub additional_gids: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
}

/// `true` is a new namespace, `false` the machine's. The mount namespace is always new.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Namespaces {
    /// Process IDs.
    pub pid: bool,
    /// Network: a new one has only a loopback link.
    pub network: bool,
    /// System V IPC and POSIX queues.
    pub ipc: bool,
    /// Host name.
    pub uts: bool,
    /// Root of the cgroup tree.
    pub cgroup: bool,
}

/// One mount(2). Destinations are resolved inside the root file system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute, as the container sees it.
    pub destination: PathBuf,
    /// What is mounted.
    pub source: MountSource,
    /// `MS_RDONLY`, `MS_NOSUID`, … (mount.h).
    pub flags: u64,
    /// Propagation: `MS_PRIVATE`, `MS_SLAVE | MS_REC`, …; 0 leaves the default (private).
    pub propagation: u64,
}

/// What a [`Mount`] puts in place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum MountSource {
    /// A path of the machine.
    Bind {
        /// Absolute path on the machine.
        path: PathBuf,
        /// With everything mounted below it.
        recursive: bool,
    },
    /// A new file system, such as `tmpfs`, `proc`, `mqueue`.
    Filesystem {
        /// Its type.
        kind: String,
        /// Its own comma-separated options.
        data: String,
    },
}

/// What is in /dev.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Devices {
    /// `--privileged`: all of the machine's devices.
    All,
    /// The default devices and these, and no others.
    Only(Vec<Device>),
}

/// One `--device`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// On the machine.
    pub source: PathBuf,
    /// In the container.
    pub destination: PathBuf,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be made with mknod(2).
    pub mknod: bool,
}

/// One setrlimit(2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rlimit {
    /// `RLIMIT_*`.
    pub resource: u32,
    /// Soft limit; `u64::MAX` is unlimited.
    pub soft: u64,
    /// Hard limit; `u64::MAX` is unlimited.
    pub hard: u64,
}

/// The system call filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seccomp {
    /// None.
    Unconfined,
    /// The profile that container engines share (containers-common's seccomp.json).
    Default,
}

/// Limits of the container's cgroup (cgroup v2); `None` is the kernel's default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Resources {
    /// Bytes: `memory.max`.
    pub memory: Option<u64>,
    /// Microseconds of CPU time and of period: `cpu.max`.
    pub cpu: Option<(u64, u64)>,
    /// `pids.max`.
    pub pids: Option<u64>,
    /// Any other file of the cgroup and what is written to it, in this order: `memory.high` → `1073741824` (OCI `linux.resources.unified`).
    pub unified: Vec<(String, String)>,
}
