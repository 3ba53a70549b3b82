//! The container's own cgroup, version 2: its limits, and the one handle by which all of its processes can be killed.

use super::error::{During, Step, setup};
use super::patience::KILL_PATIENCE;
use crate::spec::Resources;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FsWord, Mode, OFlags, Timespec, statfs};
use std::fs;
use std::io::{self, ErrorKind, Read, Seek};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where version 2 is: alone, or beside version 1 in the layout that systemd calls hybrid.
const ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// `CGROUP2_SUPER_MAGIC` (linux/magic.h).
const CGROUP2_MAGIC: FsWord = 0x6367_7270;
/// All our cgroups are below this one.
const PARENT: &str = "b2c";
/// What a container's own systemd can make use of; limits need the first three.
const CONTROLLERS: [&str; 6] = ["memory", "cpu", "pids", "io", "cpuset", "hugetlb"];

/// A container's cgroup.
#[derive(Clone, Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// The cgroup of the container called `id`, which may or may not exist.
    pub(super) fn of(id: &str) -> Step<Self> {
        // The name becomes one path component.
        if id.is_empty() || id == "." || id == ".." || id.contains(['/', '\0']) {
            return Err(setup(format_args!("container id {id:?}: not usable as a file name")));
        }
        Ok(Self { path: root()?.join(PARENT).join(id) })
    }

    /// Makes it and sets its limits.
    pub(super) fn create(&self, resources: &Resources) -> Step<()> {
        if let Some(parent) = self.path.parent() {
            prepare_parent(parent)?;
        }
        fs::create_dir(&self.path).during(|| format!("create cgroup {}", self.path.display()))?;
        self.limit(resources).inspect_err(|_| self.remove())
    }

    fn limit(&self, resources: &Resources) -> Step<()> {
        if let Some(bytes) = resources.memory {
            self.write("memory.max", &bytes.to_string())?;
            // As podman does without --memory-swap: as much swap again. The file is absent when the kernel has no swap.
            if self.path.join("memory.swap.max").exists() {
                self.write("memory.swap.max", &bytes.to_string())?;
            }
        }
        if let Some((quota, period)) = resources.cpu {
            self.write("cpu.max", &format!("{quota} {period}"))?;
        }
        if let Some(processes) = resources.pids {
            self.write("pids.max", &processes.to_string())?;
        }
        for (file, value) in &resources.unified {
            self.write(file, value)?;
        }
        Ok(())
    }

    fn write(&self, file: &str, value: &str) -> Step<()> {
        if file.contains('/') {
            return Err(setup(format_args!("limit {file}: not a file of a cgroup")));
        }
        match fs::write(self.path.join(file), value) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                Err(setup(format_args!(
                    "limit {file}={value}: this kernel's cgroup v2 offers no such controller"
                )))
            }
            result => result.during(|| format!("limit {file}={value}")),
        }
    }

    /// Its directory, for clone3(2) and bpf(2).
    pub(super) fn open(&self) -> Step<OwnedFd> {
        rustix::fs::open(&self.path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .during(|| format!("open cgroup {}", self.path.display()))
    }

    /// Kills every process in it and below it. A cgroup that is gone has none.
    pub(super) fn kill(&self) {
        // Linux 5.14.
        if fs::write(self.path.join("cgroup.kill"), "1").is_err() {
            kill_one_by_one(&self.path);
        }
    }

    /// Kills what is left, waits until it is gone, and removes the cgroup.
    pub(super) fn remove(&self) {
        let deadline = Instant::now() + KILL_PATIENCE;
        loop {
            match remove_tree(&self.path) {
                Err(error) if error.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    self.kill();
                    // A failed wait shows as a busy cgroup again; what cannot be killed stays until the machine goes down.
                    if self.wait_until_empty(deadline).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Whether it is still there: [`remove`](Self::remove) has given up then.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Waits until cgroup.events says `populated 0`: the kernel marks each change as an exceptional condition.
    fn wait_until_empty(&self, deadline: Instant) -> io::Result<()> {
        let mut events = fs::File::open(self.path.join("cgroup.events"))?;
        loop {
            let mut text = String::new();
            events.rewind()?;
            events.read_to_string(&mut text)?;
            if text.contains("populated 0") {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout =
                Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            if left.is_zero() || poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&timeout))? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
}

/// The mount point of version 2.
fn root() -> Step<&'static Path> {
    let is_cgroup2 = |path: &&str| statfs(*path).is_ok_and(|fs| fs.f_type == CGROUP2_MAGIC);
    ROOTS
        .iter()
        .find(|path| is_cgroup2(path))
        .map(|path| Path::new(*path))
        .ok_or_else(|| setup("no cgroup2 file system at /sys/fs/cgroup: mount one, the container needs it"))
}

/// Makes the cgroup that all containers share, and passes the controllers down to its children.
fn prepare_parent(parent: &Path) -> Step<()> {
    match fs::create_dir(parent) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        result => result.during(|| format!("create cgroup {}", parent.display()))?,
    }
    for level in parent.parent().into_iter().chain([parent]) {
        let offered = fs::read_to_string(level.join("cgroup.controllers")).unwrap_or_default();
        let enabled = fs::read_to_string(level.join("cgroup.subtree_control")).unwrap_or_default();
        let wanted = offered.split_whitespace().filter(|c| CONTROLLERS.contains(c));
        for controller in wanted.filter(|c| !enabled.split_whitespace().any(|e| e == *c)) {
            // One by one, as one that the kernel refuses must not keep the others away. A limit that then cannot be set is an error
            // where it is set.
            drop(fs::write(level.join("cgroup.subtree_control"), format!("+{controller}")));
        }
    }
    Ok(())
}

/// Removes a cgroup and those that the container made below it, children first.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::ResourceBusy => {}
        result => return result,
    }
    for child in fs::read_dir(path)? {
        let child = child?;
        if child.file_type()?.is_dir() {
            remove_tree(&child.path())?;
        }
    }
    fs::remove_dir(path)
}

/// For kernels without cgroup.kill: frozen processes cannot fork away from us.
fn kill_one_by_one(path: &Path) {
    drop(fs::write(path.join("cgroup.freeze"), "1"));
    let mut pending = vec![path.to_path_buf()];
    while let Some(path) = pending.pop() {
        for pid in fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default().lines() {
            // 0 stands for a process that our PID namespace does not show, and would be ourselves to kill(2).
            if let Some(pid) = pid.parse().ok().filter(|pid| *pid > 0) {
                // It may have ended by itself.
                drop(super::sys::kill(pid, libc::SIGKILL));
            }
        }
        let children = fs::read_dir(&path).into_iter().flatten().flatten();
        pending.extend(children.filter(|c| c.file_type().is_ok_and(|t| t.is_dir())).map(|c| c.path()));
    }
    drop(fs::write(path.join("cgroup.freeze"), "0"));
}
