//! How much of the machine the container gets.

use super::super::error::Why;
use super::super::request::RunRequest;
use super::super::{device, limits};
use super::{Flag, Value, set};

pub(super) static FLAGS: [Flag; 13] = [
    Flag::value(
        "cgroup-conf",
        Value::List("FILE=VALUE"),
        limits::cgroup_file,
        "Writes to any file of the container's cgroup, such as `memory.high=1073741824`.",
    ),
    Flag::value(
        "cpu-period",
        Value::One("MICROSECONDS"),
        cpu_period,
        "Period of `--cpu-quota`; 100000 by default.",
    ),
    Flag::value(
        "cpu-quota",
        Value::One("MICROSECONDS"),
        cpu_quota,
        "CPU time in each period; 0 or less is no limit.",
    ),
    Flag::value(
        "cpu-shares",
        Value::One("SHARES"),
        cpu_shares,
        "Share of the CPUs when they are busy, against 1024 of other containers.",
    )
    .short('c'),
    Flag::value(
        "cpus",
        Value::One("NUMBER"),
        cpus,
        "How many CPUs it may keep busy, such as `1.5`; 0 is no limit.",
    ),
    Flag::value("cpuset-cpus", Value::One("LIST"), cpuset_cpus, "Which CPUs it may run on, such as `0-3,7`."),
    Flag::value("cpuset-mems", Value::One("LIST"), cpuset_mems, "Which memory nodes it may use."),
    Flag::value(
        "device",
        Value::List("PATH[:PATH][:rwm]"),
        device::device,
        "A device of the machine, or a folder of them, for a container that is not privileged; a second path is its name in the container.",
    ),
    Flag::value("memory", Value::One("SIZE"), memory, "Limit of its memory, such as `512m`; 0 is no limit.")
        .short('m'),
    Flag::value(
        "memory-reservation",
        Value::One("SIZE"),
        memory_reservation,
        "Memory that is not taken from it while others can give.",
    ),
    Flag::value(
        "memory-swap",
        Value::One("SIZE"),
        memory_swap,
        "Memory and swap together; -1 is no limit. Twice `--memory` by default.",
    ),
    Flag::value(
        "pids-limit",
        Value::One("NUMBER"),
        pids_limit,
        "How many processes and threads it may have; 2048 by default, -1 is no limit.",
    ),
    Flag::value(
        "ulimit",
        Value::List("NAME=SOFT[:HARD]"),
        limits::ulimit,
        "A limit of setrlimit(2), such as `nofile=1024:4096`; -1 is no limit.",
    ),
];

fn cpu_period(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // The kernel's bounds (Documentation/scheduler/sched-bwc.rst); 0 is podman's "not set".
    let period = if text == "0" { None } else { Some(limits::number(text, 1_000, 1_000_000)?) };
    set(&mut request.limits.cpu_period, period)
}

fn cpu_quota(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let quota: i64 = limits::number(text, -1, i64::MAX)?;
    let quota = u64::try_from(quota).ok().filter(|quota| *quota > 0);
    if quota.is_some_and(|quota| quota < 1_000) {
        return Err("the kernel's least quota is 1000 microseconds".into());
    }
    set(&mut request.limits.cpu_quota, quota)
}

fn cpu_shares(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let shares: u64 = limits::number(text, 0, 262_144)?;
    set(&mut request.limits.cpu_shares, Some(shares).filter(|shares| *shares > 0))
}

fn cpus(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.micro_cpus, Some(limits::cpus(text)?).filter(|cpus| *cpus > 0))
}

fn cpuset_cpus(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.cpuset_cpus, Some(limits::cpu_list(text)?))
}

fn cpuset_mems(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.cpuset_mems, Some(limits::cpu_list(text)?))
}

fn memory(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.memory, Some(limits::size(text)?).filter(|bytes| *bytes > 0))
}

fn memory_reservation(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.memory_reservation, Some(limits::size(text)?).filter(|bytes| *bytes > 0))
}

fn memory_swap(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.memory_swap, Some(limits::size_or_unlimited(text)?).filter(|bytes| *bytes > 0))
}

fn pids_limit(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.limits.pids, Some(limits::pids(text)?))
}
