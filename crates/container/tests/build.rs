//! Requests and image configurations → what the runtime is told.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use common::{Fixture, image};
use container::spec::{Devices, MountSource, Seccomp};
use image::ImageConfig;

fn args(line: &str, image: &ImageConfig) -> Vec<String> {
    Fixture::new().build(line, image).unwrap().args
}

#[test]
fn the_command() {
    let both = ImageConfig { entrypoint: vec!["/entry".into()], cmd: vec!["default".into()], ..image() };
    let cmd = image();
    for (line, image, expected) in [
        ("img", &cmd, "/bin/sh"),
        ("img echo hi", &cmd, "echo hi"),
        ("img", &both, "/entry default"),
        ("img a b", &both, "/entry a b"),
        ("--entrypoint /mine img", &both, "/mine"),
        ("--entrypoint /mine img a", &both, "/mine a"),
        ("--entrypoint= img a", &both, "a"),
        (r#"--entrypoint ["/x","-y"] img a"#, &both, "/x -y a"),
    ] {
        assert_eq!(args(line, image).join(" "), expected, "{line}");
    }
    let error = Fixture::new().build("--entrypoint= img", &both).unwrap_err().to_string();
    assert_eq!(
        error,
        "img: the image has neither an entrypoint nor a command; write the command after the image"
    );
}

#[test]
fn the_working_directory() {
    let app = ImageConfig { working_dir: "app/./x".into(), ..image() };
    for (line, image, expected) in [
        ("img", &image(), "/"),
        ("img", &app, "/app/x"),
        ("-w /job img", &app, "/job"),
        ("-w /a -w /b img", &app, "/b"),
    ] {
        assert_eq!(Fixture::new().build(line, image).unwrap().cwd.to_str(), Some(expected), "{line}");
    }
}

#[test]
fn stop_signals() {
    let quit = ImageConfig { stop_signal: "SIGQUIT".into(), ..image() };
    let bad = ImageConfig { stop_signal: "SIGNOPE".into(), ..image() };
    let signal =
        |line: &str, image: &ImageConfig| Fixture::new().build(line, image).map(|spec| spec.stop_signal);
    assert_eq!(signal("img", &image()).unwrap(), 15);
    assert_eq!(signal("img", &quit).unwrap(), 3);
    assert_eq!(signal("--stop-signal HUP img", &quit).unwrap(), 1);
    assert_eq!(signal("img /sbin/init", &image()).unwrap(), 37);
    assert_eq!(signal("--stop-signal HUP img", &bad).unwrap(), 1);
    let error = signal("img", &bad).unwrap_err().to_string();
    assert_eq!(error, "the image's stop signal SIGNOPE does not exist; choose one with --stop-signal");
}

#[test]
fn privileged_or_not() {
    let spec = Fixture::new().build("img", &image()).unwrap();
    assert!(matches!(spec.devices, Devices::All));
    assert_eq!(spec.seccomp, Seccomp::Unconfined);
    assert!(spec.masked_paths.is_empty() && spec.readonly_paths.is_empty());
    assert!(spec.capabilities & (1 << 21) != 0, "CAP_SYS_ADMIN");

    let spec = Fixture::new().build("--privileged=false --device /dev/fuse img", &image()).unwrap();
    let Devices::Only(devices) = &spec.devices else { panic!("all devices") };
    assert_eq!(devices.len(), 1);
    assert_eq!(spec.seccomp, Seccomp::Default);
    assert!(
        spec.masked_paths.contains(&"/proc/kcore".into())
            && spec.readonly_paths.contains(&"/proc/sys".into())
    );
    assert_eq!(spec.capabilities, 0x8004_05fb);
}

#[test]
fn security_options() {
    let build = |line: &str| Fixture::new().build(line, &image()).unwrap();
    let spec = build("--privileged=false --security-opt unmask=/proc/s* --security-opt mask=/etc/secret img");
    assert!(!spec.masked_paths.contains(&"/proc/sched_debug".into()));
    assert!(!spec.readonly_paths.contains(&"/proc/sys".into()));
    assert!(
        spec.masked_paths.contains(&"/proc/kcore".into())
            && spec.masked_paths.contains(&"/etc/secret".into())
    );
    let spec = build("--privileged=false --security-opt unmask=ALL --security-opt seccomp=unconfined img");
    assert!(spec.masked_paths.is_empty() && spec.readonly_paths.is_empty());
    assert_eq!(spec.seccomp, Seccomp::Unconfined);
    assert!(build("--security-opt no-new-privileges img").no_new_privileges);
    assert_eq!(build("--cap-drop ALL --cap-add net_admin img").capabilities, 1 << 12);
}

#[test]
fn limits() {
    let resources = |line: &str| Fixture::new().build(&format!("{line} img"), &image()).unwrap().resources;
    let plain = resources("");
    let controllers = ["/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"];
    let offered = controllers.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap();
    let pids = offered.split_whitespace().any(|name| name == "pids").then_some(2048);
    assert_eq!(
        (plain.memory, plain.cpu, plain.pids),
        (None, None, pids),
        "nothing that the kernel cannot do"
    );
    assert!(plain.unified.is_empty());
    assert_eq!(resources("--pids-limit -1").pids, None);
    assert_eq!(resources("--cpus 1.5").cpu, Some((150_000, 100_000)));
    assert_eq!(resources("--cpus 0.001").cpu, Some((1_000, 100_000)), "the kernel's least");
    assert_eq!(resources("--cpu-quota 5000 --cpu-period 10000").cpu, Some((5_000, 10_000)));
    for (line, file, value) in [
        ("--cpu-period 10000", "cpu.max", "max 10000"),
        ("-c 1024", "cpu.weight", "39"),
        ("-c 262144", "cpu.weight", "10000"),
        ("--cpuset-cpus 0-1", "cpuset.cpus", "0-1"),
        ("-m 64m --memory-swap 64m", "memory.swap.max", "0"),
        ("-m 64m --memory-swap -1", "memory.swap.max", "max"),
        ("--memory-reservation 1k", "memory.low", "1024"),
        ("--cgroup-conf memory.high=5", "memory.high", "5"),
    ] {
        let found = resources(line).unified;
        assert!(found.contains(&(file.into(), value.into())), "{line}: {found:?}");
    }
    assert_eq!(resources("-m 64m").memory, Some(64 << 20));
    assert!(resources("-m 64m").unified.is_empty(), "the runtime knows whether the kernel can limit swap");
    assert_eq!(Fixture::new().build("--oom-score-adj -5 img", &image()).unwrap().oom_score_adj, Some(-5));
}

#[test]
fn open_files() {
    const NOFILE: u32 = 7;
    let limit = |line: &str| {
        let rlimits = Fixture::new().build(line, &image()).unwrap().rlimits;
        let found: Vec<_> =
            rlimits.iter().filter(|limit| limit.resource == NOFILE).map(|l| (l.soft, l.hard)).collect();
        assert_eq!(found.len(), 1, "{line}");
        found[0]
    };
    assert!(limit("img").0 > 4096, "more than an initramfs has");
    assert_eq!(limit("--ulimit nofile=10:20 img"), (10, 20));
    assert_eq!(limit("--ulimit nofile=10:20 --ulimit nofile=30 img"), (30, 30));
}

#[test]
fn namespaces_and_names() {
    let spec = Fixture::new().build("img", &image()).unwrap();
    let new = spec.namespaces;
    assert_eq!((new.pid, new.network, new.ipc, new.uts, new.cgroup), (true, false, true, true, true));
    assert_eq!(spec.hostname.as_deref(), Some("dut-1"), "b2c.hostname");
    let spec = Fixture::new().build("-h mine --net=none --pid=host --cgroupns=host img", &image()).unwrap();
    assert_eq!(spec.hostname.as_deref(), Some("mine"));
    assert!(spec.namespaces.network && !spec.namespaces.pid && !spec.namespaces.cgroup);
    assert_eq!(Fixture::new().build("--uts=host img", &image()).unwrap().hostname, None);
}

#[test]
fn systemd_is_known_by_its_path() {
    for (line, expected) in [
        ("img /sbin/init", true),
        ("--entrypoint=/bin/init img", true),
        ("img /usr/lib/systemd/systemd --log-level=debug", true),
        ("img /bin/sh -c /sbin/init", true),
        ("img init", false),
        ("img sh", false),
        ("--systemd=false img /sbin/init", false),
        ("--systemd=always img sh", true),
    ] {
        let fixture = Fixture::new();
        let spec = fixture.build(line, &image()).unwrap();
        let run = spec.mounts.iter().find(|mount| mount.destination.to_str() == Some("/run"));
        assert_eq!(run.is_some(), expected, "{line}");
        assert_eq!(
            spec.env.iter().any(|variable| variable.starts_with("container_uuid=")),
            expected,
            "{line}"
        );
        let cgroup = spec.mounts.iter().find(|m| m.destination.to_str() == Some("/sys/fs/cgroup")).unwrap();
        assert!(matches!(&cgroup.source, MountSource::Filesystem { kind, .. } if kind == "cgroup2"));
    }
    let spec = Fixture::new().build("--privileged=false img /sbin/init", &image()).unwrap();
    let cgroup = spec.mounts.iter().find(|m| m.destination.to_str() == Some("/sys/fs/cgroup")).unwrap();
    assert_eq!(cgroup.flags & 1, 0, "systemd makes cgroups of its own");
}

#[test]
fn zero_bytes_are_refused() {
    let evil = ImageConfig { env: vec!["A=b\0c".into()], ..image() };
    let error = Fixture::new().build("img", &evil).unwrap_err().to_string();
    assert_eq!(error, "a variable holds a zero byte: A=b\\u{0}c");
    let evil = ImageConfig { cmd: vec!["\0".into()], ..image() };
    assert!(Fixture::new().build("img", &evil).is_err());
}

proptest::proptest! {
    /// Whatever an image says of itself, there is a Spec or an error.
    #[test]
    fn no_image_makes_it_panic(user in "\\PC{0,10}|[0-9:]{0,12}", dir in "\\PC{0,10}", env in "\\PC{0,10}", volume in "[./a]{0,8}") {
        let image = ImageConfig {
            user,
            working_dir: dir,
            env: vec![env],
            volumes: [(volume, serde_json::Value::Null)].into(),
            ..image()
        };
        if let Err(error) = Fixture::new().build("img", &image) {
            assert!(!error.to_string().is_empty());
        }
    }
}
