//! What can only be judged when the whole line is known: flags that exclude each other.

use super::error::{FlagError, Reason, Why};
use super::lexer::Given;
use super::network::{is_ipc_sysctl, is_network_sysctl};
use super::request::RunRequest;

/// The first pair of flags that cannot be together.
pub(super) fn check(request: &RunRequest, given: &Given) -> Result<(), FlagError> {
    match conflict(request, given) {
        None => Ok(()),
        Some((flag, why)) => {
            let word = given.get(flag).copied().unwrap_or(0);
            Err(FlagError { word, reason: Reason::Conflict { flag, why } })
        }
    }
}

fn conflict(request: &RunRequest, given: &Given) -> Option<(&'static str, Why)> {
    names(request, given).or_else(|| limits(request, given)).or_else(|| isolation(request, given))
}

fn names(request: &RunRequest, given: &Given) -> Option<(&'static str, Why)> {
    let resolver = &request.resolver;
    if resolver.untouched && !resolver.servers.is_empty() {
        return Some(("dns", "none excludes any server; remove one of them".into()));
    }
    if request.namespaces.network {
        let flag = ["dns", "dns-search", "dns-option"].into_iter().find(|flag| given.contains_key(flag));
        if let Some(flag) = flag.filter(|_| !resolver.untouched) {
            return Some((flag, "there is nobody to ask with --network=none; remove one of them".into()));
        }
    }
    if request.no_hosts && !request.hosts.is_empty() {
        return Some(("add-host", "excludes --no-hosts; remove one of them".into()));
    }
    if !request.namespaces.uts && request.hostname.is_some() {
        return Some((
            "hostname",
            "would rename the machine with --uts=host; use b2c.hostname for that".into(),
        ));
    }
    if given.contains_key("platform") {
        let flag = ["arch", "os", "variant"].into_iter().find(|flag| given.contains_key(flag))?;
        return Some((flag, "excludes --platform; remove one of them".into()));
    }
    None
}

fn limits(request: &RunRequest, given: &Given) -> Option<(&'static str, Why)> {
    let limits = &request.limits;
    if limits.micro_cpus.is_some_and(|cpus| cpus > 0) {
        let flag = ["cpu-period", "cpu-quota"].into_iter().find(|flag| given.contains_key(flag));
        if let Some(flag) = flag {
            return Some((flag, "excludes --cpus, which sets it too; remove one of them".into()));
        }
    }
    match (limits.memory_swap, limits.memory) {
        (Some(u64::MAX) | None, _) => {}
        (Some(_), None) => {
            return Some((
                "memory-swap",
                "needs --memory, because it counts memory and swap together".into(),
            ));
        }
        (Some(both), Some(memory)) if both < memory => {
            return Some((
                "memory-swap",
                "is memory and swap together, so it cannot be less than --memory".into(),
            ));
        }
        (Some(_), Some(_)) => {}
    }
    let above = |part: u64| limits.memory.is_some_and(|memory| memory > 0 && part > memory);
    if limits.memory_reservation.is_some_and(above) {
        return Some(("memory-reservation", "cannot be more than --memory".into()));
    }
    None
}

fn isolation(request: &RunRequest, given: &Given) -> Option<(&'static str, Why)> {
    if let Some(name) = request.capabilities.conflict() {
        return Some(("cap-drop", format!("{name} is also in --cap-add; remove it from one of them").into()));
    }
    if given.contains_key("shm-size") && !(request.namespaces.ipc && request.shm) {
        return Some(("shm-size", "the container has no /dev/shm of its own with this --ipc".into()));
    }
    for (name, _) in &request.sysctl {
        if is_network_sysctl(name) && !request.namespaces.network {
            let why = format!("{name} would change the machine's network; it needs --network=none");
            return Some(("sysctl", why.into()));
        }
        if is_ipc_sysctl(name) && !request.namespaces.ipc {
            return Some(("sysctl", format!("{name} would change the machine with --ipc=host").into()));
        }
    }
    None
}
