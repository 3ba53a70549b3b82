//! Containers to test with: a root file system that is one busybox, and Specs like those of `podman run`.
#![allow(dead_code, reason = "each test file uses a part of it")]

use container::runtime::{Exit, Io, Running, Shim, StartError, start};
use container::spec::{Devices, Mount, MountSource, Namespaces, Resources, Seccomp, Spec, User};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const RDONLY: u64 = 1;
pub const NOSUID: u64 = 2;
pub const NODEV: u64 = 4;
pub const NOEXEC: u64 = 8;

/// What podman grants without `--privileged`: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service,
/// sys_chroot, setfcap.
pub const DEFAULT_CAPABILITIES: u64 = 0x8004_05fb;

/// The applets that the tests use.
const APPLETS: [&str; 30] = [
    "sh", "cat", "chmod", "dd", "echo", "env", "false", "grep", "head", "id", "ip", "kill", "ls", "mkdir",
    "mknod", "mount", "poweroff", "ps", "pwd", "readlink", "reboot", "rm", "sleep", "stat", "stty", "touch",
    "true", "umount", "unshare", "wc",
];

/// A root file system of its own for each test.
pub fn busybox() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    fs::copy("/bin/busybox", root.path().join("bin/busybox")).unwrap();
    for applet in APPLETS {
        symlink("busybox", root.path().join("bin").join(applet)).unwrap();
    }
    root
}

/// An unprivileged container with all namespaces of its own.
pub fn spec(root: &TempDir, args: &[&str]) -> Spec {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let namespaces = Namespaces { pid: true, network: true, ipc: true, uts: true, cgroup: true };
    Spec {
        id: format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
        rootfs: root.path().to_owned(),
        readonly_rootfs: false,
        args: args.iter().map(|&arg| arg.into()).collect(),
        env: vec!["PATH=/bin".into()],
        cwd: "/".into(),
        user: User { umask: 0o22, ..User::default() },
        hostname: Some("box".into()),
        namespaces,
        mounts: default_mounts(),
        devices: Devices::Only(Vec::new()),
        capabilities: DEFAULT_CAPABILITIES,
        rlimits: Vec::new(),
        sysctl: Vec::new(),
        masked_paths: ["/proc/acpi", "/proc/keys", "/proc/nothing", "/sys/firmware"]
            .map(PathBuf::from)
            .to_vec(),
        readonly_paths: ["/proc/bus", "/proc/fs", "/proc/sys"].map(PathBuf::from).to_vec(),
        no_new_privileges: false,
        seccomp: Seccomp::Default,
        resources: Resources::default(),
        oom_score_adj: None,
        terminal: false,
        stdin: false,
        init: false,
        stop_signal: 15,
        stop_timeout: 1,
    }
}

/// `sh -c SCRIPT`.
pub fn script(root: &TempDir, script: &str) -> Spec {
    spec(root, &["sh", "-c", script])
}

/// As `--privileged` makes it.
pub fn privileged(mut spec: Spec) -> Spec {
    spec.capabilities = u64::MAX;
    spec.devices = Devices::All;
    spec.seccomp = Seccomp::Unconfined;
    spec.masked_paths.clear();
    spec.readonly_paths.clear();
    spec
}

fn default_mounts() -> Vec<Mount> {
    vec![
        file_system("/proc", "proc", "", NOSUID | NODEV | NOEXEC),
        file_system("/dev", "tmpfs", "mode=755,size=65536k", NOSUID),
        file_system("/sys", "sysfs", "", NOSUID | NODEV | NOEXEC | RDONLY),
        file_system("/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", NOSUID | NOEXEC),
        file_system("/dev/mqueue", "mqueue", "", NOSUID | NODEV | NOEXEC),
        file_system("/dev/shm", "tmpfs", "mode=1777,size=65536k", NOSUID | NODEV | NOEXEC),
        file_system("/sys/fs/cgroup", "cgroup", "", NOSUID | NODEV | NOEXEC | RDONLY),
    ]
}

pub fn file_system(destination: &str, kind: &str, data: &str, flags: u64) -> Mount {
    let source = MountSource::Filesystem { kind: kind.into(), data: data.into() };
    Mount { destination: destination.into(), source, flags, propagation: 0 }
}

pub fn bind(path: &Path, destination: &str, flags: u64) -> Mount {
    let source = MountSource::Bind { path: path.to_owned(), recursive: true };
    Mount { destination: destination.into(), source, flags, propagation: 0 }
}

/// The tests' own shim.
pub fn shim() -> Shim {
    Shim { program: env!("CARGO_BIN_EXE_b2c-container").into() }
}

/// How a container ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// What it printed, without the blank end; it must have succeeded.
    pub fn text(&self) -> &str {
        assert_eq!(self.exit, Exit::Code(0), "{self:?}");
        self.stdout.trim_end()
    }
}

/// Runs a container without a terminal to its end.
pub fn run(spec: &Spec) -> Outcome {
    let running = start(spec, &shim()).unwrap_or_else(|error| panic!("did not start: {error}"));
    finish(running)
}

/// Waits for the end of a container, with nothing on its stdin.
pub fn finish(mut running: Running) -> Outcome {
    let Io::Pipes { stdin, stdout, stderr } = std::mem::replace(&mut running.io, Io::Null) else {
        panic!("no pipes")
    };
    drop(stdin);
    let errors = thread::spawn(move || read(File::from(stderr)));
    let stdout = read(File::from(stdout));
    let stderr = errors.join().unwrap();
    Outcome { exit: running.wait().unwrap(), stdout, stderr }
}

/// All that is left to read.
pub fn read(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    // A terminal ends in EIO.
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The error of a container that must not start; nothing of it may be left.
pub fn refused(spec: &Spec) -> StartError {
    match start(spec, &shim()) {
        Ok(_) => panic!("it started"),
        Err(error) => {
            assert!(!cgroup(spec).exists(), "the cgroup is still there");
            assert!(!error.to_string().contains('\n'), "more than one line: {error}");
            error
        }
    }
}

/// Where version 2 is mounted on the machine that runs the tests.
pub fn cgroup_root() -> PathBuf {
    let hybrid = PathBuf::from("/sys/fs/cgroup/unified");
    if hybrid.exists() { hybrid } else { "/sys/fs/cgroup".into() }
}

/// The cgroup of a container.
pub fn cgroup(spec: &Spec) -> PathBuf {
    cgroup_root().join("b2c").join(&spec.id)
}

/// Whether cgroup v2 has a controller here; where version 1 has taken it, the boots in a VM are the test.
pub fn has_controller(name: &str) -> bool {
    let has = fs::read_to_string(cgroup_root().join("cgroup.controllers"))
        .unwrap()
        .split_whitespace()
        .any(|c| c == name);
    if !has {
        eprintln!("not tested here: cgroup v2 has no {name} controller on this machine");
    }
    has
}

/// Waits for something that another process brings about.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there and not dead.
pub fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
