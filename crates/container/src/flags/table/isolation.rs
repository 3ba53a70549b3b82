//! What the container may do, and what it sees of the machine.

use super::super::error::Why;
use super::super::request::RunRequest;
use super::super::{network, security};
use super::{Flag, Value, set};

pub(super) static FLAGS: [Flag; 10] = [
    Flag::value(
        "cap-add",
        Value::List("CAPABILITY"),
        |request, name| request.capabilities.add(name),
        "Adds a capability, with or without `CAP_`, or `ALL`.",
    ),
    Flag::value(
        "cap-drop",
        Value::List("CAPABILITY"),
        |request, name| request.capabilities.drop(name),
        "Takes a capability away, also from a privileged container.",
    ),
    Flag::value("cgroupns", Value::One("MODE"), cgroupns, "`private` (the default) or `host`."),
    Flag::value(
        "ipc",
        Value::One("MODE"),
        network::ipc,
        "`private` (the default), `none` (private, without /dev/shm) or `host`.",
    ),
    Flag::value(
        "pid",
        Value::One("MODE"),
        pid,
        "`private` (the default) or `host`: sees and can signal all processes of the machine.",
    ),
    Flag::switch(
        "privileged",
        |request, on| request.privileged = on,
        "All capabilities and devices, no system call filter, nothing hidden. On by default: `--privileged=false` turns it off.",
    ),
    Flag::value(
        "security-opt",
        Value::Each("OPTION"),
        security::security_opt,
        "`no-new-privileges`, `seccomp=unconfined`, `mask=/a:/b`, `unmask=ALL` or `unmask=/a:/b`, `proc-opts=OPTIONS`; `label=…` and `apparmor=…` change nothing, as neither is here. `unmask=/proc/cmdline` shows the kernel command line with its secrets ([secrets.md](secrets.md)).",
    ),
    Flag::value(
        "sysctl",
        Value::List("NAME=VALUE"),
        network::sysctl,
        "A kernel setting of the container's own: `net.*` with `--network=none`; `kernel.msg*`, `kernel.sem`, `kernel.shm*` and `fs.mqueue.*` with its own IPC namespace.",
    ),
    Flag::value(
        "userns",
        Value::One("MODE"),
        userns,
        "`host`, the default, and nothing else: users are the machine's.",
    ),
    Flag::value(
        "uts",
        Value::One("MODE"),
        uts,
        "`private` (the default) or `host`: the machine's host name.",
    ),
];

fn cgroupns(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.namespaces.cgroup, network::is_private(text)?)
}

fn pid(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.namespaces.pid, network::is_private(text)?)
}

fn uts(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.namespaces.uts, network::is_private(text)?)
}

fn userns(_: &mut RunRequest, text: &str) -> Result<(), Why> {
    match text {
        "" | "host" => Ok(()),
        _ => Err("there are no user namespaces here; write host, or remove the flag".into()),
    }
}
