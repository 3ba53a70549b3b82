//! What a container that is not privileged must not see or change of the machine (containers-common's list).

use super::{Host, mounts};
use crate::flags::RunRequest;
use crate::spec::Mount;
use rustix::mount::MountFlags;
use std::path::{Path, PathBuf};

const MASKED: [&str; 13] = [
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
];

const READONLY: [&str; 6] =
    ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn masked(request: &RunRequest) -> Vec<PathBuf> {
    // What the user hides is hidden from a privileged container too.
    defaults(request, &MASKED).chain(request.security.mask.iter().cloned()).collect()
}

pub(super) fn readonly(request: &RunRequest) -> Vec<PathBuf> {
    defaults(request, &READONLY).collect()
}

/// Also for a privileged container: most are, and few need what is hidden.
pub(super) fn stand_ins(request: &RunRequest, host: &Host<'_>) -> Vec<Mount> {
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let wanted = host.stand_ins.iter().filter(|it| !is_unmasked(request, &it.destination));
    wanted.map(|it| mounts::bind(&it.file, &it.destination, flags)).collect()
}

fn defaults<'a>(request: &'a RunRequest, paths: &'a [&str]) -> impl Iterator<Item = PathBuf> + 'a {
    let hidden = |path: &&&str| !request.privileged && !is_unmasked(request, Path::new(path));
    paths.iter().filter(hidden).map(PathBuf::from)
}

fn is_unmasked(request: &RunRequest, path: &Path) -> bool {
    let security = &request.security;
    security.unmask_all || security.unmask.iter().any(|pattern| matches(pattern, &path.to_string_lossy()))
}

/// `/proc/*` is all of its entries.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/')),
        None => pattern.trim_end_matches('/') == path,
    }
}
