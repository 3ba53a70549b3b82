//! The kernel's file systems that every container has (OCI runtime-spec, config-linux.md, "Default Filesystems").

use super::mounts::{self, Facts};
use crate::flags::{MountOptions, RunRequest};
use crate::spec::{Mount, MountSource};
use rustix::mount::MountFlags;
use std::path::Path;

const NO_SUID_EXEC_DEV: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC).union(MountFlags::NODEV);

/// Parents before children.
pub(super) fn all(request: &RunRequest, facts: &Facts<'_>) -> Vec<Mount> {
    let read_only = if request.privileged { MountFlags::empty() } else { MountFlags::RDONLY };
    // systemd makes cgroups of its own.
    let cgroup = if facts.systemd { MountFlags::empty() } else { read_only };
    let dev = MountFlags::NOSUID | MountFlags::STRICTATIME;
    // Group 5 is tty everywhere; its members may write to each other's terminals.
    let pts = "newinstance,ptmxmode=0666,mode=0620,gid=5";
    let mut all = vec![
        proc(request),
        mounts::filesystem("/dev", "tmpfs", dev, "mode=755,size=65536k"),
        mounts::filesystem("/dev/pts", "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, pts),
        mounts::filesystem("/sys", "sysfs", NO_SUID_EXEC_DEV | read_only, ""),
        mounts::filesystem("/sys/fs/cgroup", "cgroup2", NO_SUID_EXEC_DEV | MountFlags::RELATIME | cgroup, ""),
    ];
    if request.namespaces.ipc {
        private_ipc(request, &mut all);
    } else {
        machine_ipc(&mut all);
    }
    all
}

fn proc(request: &RunRequest) -> Mount {
    let mut options = MountOptions { flags: NO_SUID_EXEC_DEV.bits().into(), ..MountOptions::default() };
    let words = request.security.proc_options.as_deref().unwrap_or_default().split(',');
    let data: Vec<&str> = words.filter(|word| !word.is_empty() && !options.take_flag(word)).collect();
    let source = MountSource::Filesystem { kind: "proc".to_owned(), data: data.join(",") };
    Mount { destination: "/proc".into(), source, flags: options.flags, propagation: 0 }
}

fn private_ipc(request: &RunRequest, all: &mut Vec<Mount>) {
    // A kernel built without POSIX queues still runs containers.
    if kernel_has("mqueue") {
        all.push(mounts::filesystem("/dev/mqueue", "mqueue", NO_SUID_EXEC_DEV, ""));
    }
    if request.shm {
        let data = format!("mode=1777,size={}", request.shm_size);
        all.push(mounts::filesystem("/dev/shm", "tmpfs", NO_SUID_EXEC_DEV, &data));
    }
}

/// The machine's shared memory is there under the machine's names.
fn machine_ipc(all: &mut Vec<Mount>) {
    for path in ["/dev/mqueue", "/dev/shm"] {
        if Path::new(path).is_dir() {
            all.push(mounts::bind(Path::new(path), Path::new(path), NO_SUID_EXEC_DEV));
        }
    }
}

/// If the kernel does not say, the mount will.
fn kernel_has(kind: &str) -> bool {
    match std::fs::read_to_string("/proc/filesystems") {
        Ok(text) => text.lines().any(|line| line.split_whitespace().next_back() == Some(kind)),
        Err(_) => true,
    }
}
