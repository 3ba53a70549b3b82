//! What a container that is not privileged must not see or change of the machine (containers-common's list).

use crate::flags::RunRequest;
use std::path::PathBuf;

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

fn defaults<'a>(request: &'a RunRequest, paths: &'a [&str]) -> impl Iterator<Item = PathBuf> + 'a {
    let open = request.privileged || request.security.unmask_all;
    let hidden =
        move |path: &&&str| !open && !request.security.unmask.iter().any(|pattern| matches(pattern, path));
    paths.iter().filter(hidden).map(PathBuf::from)
}

/// `/proc/*` is all of its entries.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/')),
        None => pattern.trim_end_matches('/') == path,
    }
}
