//! Limits of the cgroup and of setrlimit(2).

use crate::flags::{Limits, RunRequest};
use crate::spec::{Resources, Rlimit};
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// containers-common's default for `--pids-limit`.
const PIDS: u64 = 2048;
/// podman's default for open files and processes: the machine's own would be those of an initramfs, 4096 files and less.
const MANY: u64 = 1 << 20;
/// Microseconds (Documentation/scheduler/sched-bwc.rst).
const CPU_PERIOD: u64 = 100_000;
const LEAST_CPU_QUOTA: u64 = 1_000;

/// What is written to the cgroup.
pub(super) fn resources(limits: &Limits) -> Resources {
    Resources {
        memory: limits.memory,
        cpu: cpu(limits),
        pids: limits.pids.or_else(default_pids).filter(|pids| *pids != u64::MAX),
        unified: cgroup_files(limits),
    }
}

/// A limit that nobody asked for must not stop a container on a kernel that cannot keep it.
fn default_pids() -> Option<u64> {
    let controllers = ["/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"];
    let offered = controllers.iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    offered.split_whitespace().any(|name| name == "pids").then_some(PIDS)
}

/// Quota and period.
fn cpu(limits: &Limits) -> Option<(u64, u64)> {
    if let Some(millionths) = limits.micro_cpus {
        return Some(((millionths / (1_000_000 / CPU_PERIOD)).max(LEAST_CPU_QUOTA), CPU_PERIOD));
    }
    limits.cpu_quota.map(|quota| (quota, limits.cpu_period.unwrap_or(CPU_PERIOD)))
}

/// Limits that are a file of the cgroup each; `--cgroup-conf` comes last and so has the last word.
fn cgroup_files(limits: &Limits) -> Vec<(String, String)> {
    let period_alone = limits.cpu_period.filter(|_| limits.cpu_quota.is_none());
    let files = [
        ("cpu.max", period_alone.map(|period| format!("max {period}"))),
        ("cpu.weight", limits.cpu_shares.map(|shares| weight(shares).to_string())),
        ("cpuset.cpus", limits.cpuset_cpus.clone()),
        ("cpuset.mems", limits.cpuset_mems.clone()),
        ("memory.low", limits.memory_reservation.map(|bytes| bytes.to_string())),
        ("memory.swap.max", swap(limits)),
    ];
    let given = files.into_iter().filter_map(|(file, value)| Some((file.to_owned(), value?)));
    given.chain(limits.cgroup_files.iter().cloned()).collect()
}

/// cgroup v1's 2 to 262144 → v2's 1 to 10000, as crun and runc do it.
fn weight(shares: u64) -> u64 {
    1 + shares.clamp(2, 262_144).saturating_sub(2) * 9_999 / 262_142
}

/// `--memory-swap` counts memory too, cgroup v2 does not. Without it the runtime lets a container swap as much again as it has memory,
/// if the kernel can limit that.
fn swap(limits: &Limits) -> Option<String> {
    match (limits.memory_swap, limits.memory) {
        (Some(u64::MAX), _) => Some("max".to_owned()),
        (Some(both), Some(memory)) => Some(both.saturating_sub(memory).to_string()),
        _ => None,
    }
}

/// The user's, and many open files and processes.
pub(super) fn rlimits(request: &RunRequest) -> Vec<Rlimit> {
    let mut all = request.rlimits.clone();
    for (resource, most) in [(Resource::Nofile, most_files()), (Resource::Nproc, MANY)] {
        let limit =
            if may_raise_limits() { MANY } else { getrlimit(resource).maximum.unwrap_or(MANY) }.min(most);
        let resource = resource as u32;
        if !all.iter().any(|known| known.resource == resource) {
            all.push(Rlimit { resource, soft: limit, hard: limit });
        }
    }
    all
}

/// Always so on a machine of ours; not in every container in which the tests run.
fn may_raise_limits() -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_RESOURCE))
}

/// The kernel refuses a higher limit even to root.
fn most_files() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/fs/nr_open").unwrap_or_default();
    text.trim().parse().unwrap_or(MANY)
}
