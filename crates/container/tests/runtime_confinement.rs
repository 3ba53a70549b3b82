//! What an unprivileged container cannot do.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod runtime_support;

use container::spec::{Device, Devices, Rlimit, Seccomp};
use runtime_support::*;
use std::fs;

#[test]
fn capabilities_are_the_specs_and_none_is_inheritable() {
    let root = busybox();
    let mut spec = spec(&root, &["grep", "Cap", "/proc/self/status"]);
    let expected = |inherited: u64, permitted: u64, bounding: u64| {
        format!(
            "CapInh:\t{inherited:016x}\nCapPrm:\t{permitted:016x}\nCapEff:\t{permitted:016x}\nCapBnd:\t{bounding:016x}\nCapAmb:\t{inherited:016x}"
        )
    };
    assert_eq!(run(&spec).text(), expected(0, DEFAULT_CAPABILITIES, DEFAULT_CAPABILITIES));
    spec.user.uid = 1000;
    assert_eq!(run(&spec).text(), expected(0, 0, DEFAULT_CAPABILITIES), "an ordinary user");
    spec.user.uid = 0;
    spec.capabilities = 0;
    assert_eq!(run(&spec).text(), expected(0, 0, 0), "none");
}

#[test]
fn privileged_is_as_capable_as_its_caller() {
    let root = busybox();
    let spec = privileged(spec(&root, &["grep", "CapEff", "/proc/self/status"]));
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert!(own.contains(run(&spec).text()));
}

#[test]
fn no_new_privileges_is_set_when_asked_for() {
    let root = busybox();
    let mut spec = spec(&root, &["grep", "NoNewPrivs", "/proc/self/status"]);
    assert_eq!(run(&spec).text(), "NoNewPrivs:\t0");
    spec.no_new_privileges = true;
    assert_eq!(run(&spec).text(), "NoNewPrivs:\t1");
    spec.user.uid = 1000;
    assert_eq!(run(&spec).text(), "NoNewPrivs:\t1");
}

#[test]
fn the_filter_is_loaded_or_not() {
    let root = busybox();
    let mut spec = spec(&root, &["grep", "Seccomp:", "/proc/self/status"]);
    assert_eq!(run(&spec).text(), "Seccomp:\t2");
    spec.seccomp = Seccomp::Unconfined;
    assert_eq!(run(&spec).text(), "Seccomp:\t0");
}

#[test]
fn the_filter_forbids_namespaces_and_mounts_even_with_the_user_namespaces_help() {
    let root = busybox();
    let mut confined = script(&root, "unshare -U true || mount -t tmpfs t /tmp || echo forbidden");
    let outcome = run(&confined);
    assert_eq!(outcome.text(), "forbidden");
    assert!(outcome.stderr.contains("unshare(0x10000000): Operation not permitted"), "{}", outcome.stderr);
    // It is the filter that does it.
    confined.seccomp = Seccomp::Unconfined;
    assert_eq!(run(&confined).text(), "");
}

#[test]
fn an_admin_may_mount_under_the_filter() {
    const SYS_ADMIN: u64 = 1 << 21;
    let root = busybox();
    let mut spec = script(&root, "mount -t tmpfs t /tmp && echo mounted");
    spec.capabilities |= SYS_ADMIN;
    assert_eq!(run(&spec).text(), "mounted");
}

#[test]
fn devices_that_were_not_given_cannot_be_opened() {
    const MKNOD: u64 = 1 << 27;
    let root = busybox();
    // Kernel messages: 1:11. To make a node is allowed, as podman has it.
    let mut spec = script(
        &root,
        "mknod /tmp/kmsg c 1 11 && (head -c 1 /tmp/kmsg >/dev/null; echo > /tmp/kmsg; echo $?); head -c 1 /dev/zero | wc -c",
    );
    spec.capabilities |= MKNOD;
    let outcome = run(&spec);
    assert_eq!(outcome.text(), "1\n1");
    assert_eq!(outcome.stderr.matches("Operation not permitted").count(), 2, "{}", outcome.stderr);
}

#[test]
fn a_device_may_be_given_for_reading_only() {
    let root = busybox();
    let mut spec = script(
        &root,
        "head -c 1 /dev/kmsg > /dev/null && echo readable; echo x > /dev/kmsg || echo not writable",
    );
    spec.devices = Devices::Only(vec![Device {
        source: "/dev/kmsg".into(),
        destination: "/dev/kmsg".into(),
        read: true,
        write: false,
        mknod: false,
    }]);
    assert!(run(&spec).text().ends_with("not writable"));
}

#[test]
fn a_network_of_its_own_has_a_loopback_link_that_is_up() {
    let root = busybox();
    let outcome = run(&spec(&root, &["ip", "-o", "link"]));
    assert_eq!(outcome.text().lines().count(), 1, "{outcome:?}");
    assert!(outcome.text().starts_with("1: lo: <LOOPBACK,UP,LOWER_UP>"), "{outcome:?}");
}

#[test]
fn namespaces_are_new_or_the_machines() {
    let root = busybox();
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "uts"] {
        let path = format!("/proc/self/ns/{name}");
        let machines = fs::read_link(&path).unwrap().to_str().unwrap().to_owned();
        let mut spec = spec(&root, &["readlink", &path]);
        assert_ne!(run(&spec).text(), machines, "{name}");
        spec.hostname = None;
        let all = &mut spec.namespaces;
        (all.cgroup, all.ipc, all.network, all.pid, all.uts) = (false, false, false, false, false);
        assert_eq!(run(&spec).text() == machines, name != "mnt", "{name}");
    }
}

#[test]
fn the_cgroup_namespace_begins_at_the_containers_cgroup() {
    let root = busybox();
    let spec = script(&root, "grep ^0: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | head -1");
    assert_eq!(run(&spec).text(), "0::/\n1");
}

#[test]
fn kernel_parameters_are_set_where_they_are_the_containers() {
    let root = busybox();
    let mut spec =
        script(&root, "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max");
    let before = fs::read_to_string("/proc/sys/kernel/shmmni").unwrap();
    spec.sysctl = [("net.core.somaxconn", "77"), ("kernel.shmmni", "78"), ("fs.mqueue.msg_max", "79")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    assert_eq!(run(&spec).text(), "77\n78\n79");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/shmmni").unwrap(), before);
}

#[test]
fn kernel_parameters_of_the_machine_are_refused() {
    let root = busybox();
    for name in ["kernel.panic", "vm.swappiness", "kernel/panic", "net.../kernel.panic", "net...kernel.panic"]
    {
        let mut spec = spec(&root, &["true"]);
        spec.sysctl = vec![(name.into(), "1".into())];
        assert!(refused(&spec).to_string().contains(name), "{name}");
    }
    let mut shared = spec(&root, &["true"]);
    shared.namespaces.network = false;
    shared.sysctl = vec![("net.core.somaxconn".into(), "1".into())];
    assert!(refused(&shared).to_string().contains("net.core.somaxconn"));
}

#[test]
fn limits_are_set() {
    const RLIMIT_CORE: u32 = 4;
    const RLIMIT_NOFILE: u32 = 7;
    let root = busybox();
    let mut spec = script(&root, "ulimit -c; ulimit -n; ulimit -Hn");
    spec.rlimits = vec![
        Rlimit { resource: RLIMIT_CORE, soft: 0, hard: 0 },
        Rlimit { resource: RLIMIT_NOFILE, soft: 100, hard: 200 },
    ];
    assert_eq!(run(&spec).text(), "0\n100\n200");
    spec.rlimits = vec![Rlimit { resource: 99, soft: 0, hard: 0 }];
    assert!(refused(&spec).to_string().contains("resource limit 99"));
}

#[test]
fn the_oom_score_is_set() {
    let root = busybox();
    let mut spec = spec(&root, &["cat", "/proc/self/oom_score_adj"]);
    spec.oom_score_adj = Some(123);
    assert_eq!(run(&spec).text(), "123");
}

#[test]
fn the_shim_cannot_be_seen_from_inside() {
    let root = busybox();
    let spec = privileged(script(&root, "ls -d /proc/[0-9]* | wc -l; cat /proc/1/environ | grep -c CARGO"));
    let outcome = run(&spec);
    assert!(outcome.stdout.ends_with("0\n"), "{outcome:?}");
}
