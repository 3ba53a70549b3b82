//! What is in the container's /dev.
//!
//! Nodes are made in a tmpfs that is not mounted yet, with the type, number and owner that the machine's have: nothing that the image
//! holds is touched.

use super::device_filter::Rule;
use super::error::{During, Step, setup};
use super::mounts;
use super::root::file_type;
use crate::spec::{Device, Devices};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, lstat, major, makedev, minor, mkdirat, mknodat,
    open, openat, readlink, stat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Every container has these (config-linux.md, "Default Devices"): name, major, minor.
const DEFAULTS: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
/// config-linux.md, "Default symbolic links", and the container's own terminals.
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];
/// The machine's own console is none of the container's.
const CONSOLE: &str = "console";
/// Device trees are shallow; links among directories are not followed.
const DEEPEST: u32 = 16;
/// The machine's devices.
const MACHINE: &str = "/dev";

/// A node or link to be made in the container's /dev.
struct Entry {
    /// Below /dev.
    name: PathBuf,
    node: Node,
}

enum Node {
    Device(Stat),
    Directory,
    Link(PathBuf),
}

/// Fills a new tmpfs that is going to be /dev.
pub(super) fn populate(dev: &OwnedFd, devices: &Devices, terminal: bool) -> Step<()> {
    for (name, target) in LINKS {
        symlinkat(target, dev, name).during(|| format!("/dev/{name}"))?;
    }
    for (name, major, minor) in DEFAULTS {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(dev, name, FileType::CharacterDevice, mode, makedev(major, minor))
            .during(|| format!("/dev/{name}"))?;
    }
    if terminal {
        // The terminal is mounted on it.
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(dev, CONSOLE, flags, Mode::from_raw_mode(0o600)).during(|| "/dev/console")?;
    }
    match devices {
        Devices::All => add_all(dev)?,
        Devices::Only(list) => {
            for device in list {
                if let Some(name) = below_dev(&device.destination) {
                    add(dev, device, name)?;
                }
            }
        }
    }
    Ok(())
}

/// `--privileged`: what the machine has now. Kept quirk: as with podman, what is plugged in later does not appear by itself.
fn add_all(dev: &OwnedFd) -> Step<()> {
    let mut entries = Vec::new();
    collect(Path::new(MACHINE), Path::new(""), None, DEEPEST, &mut entries).during(|| "read /dev")?;
    for entry in entries {
        match make(dev.as_fd(), &entry) {
            // Ours came first.
            Err(Errno::EXIST) => {}
            result => result.during(|| format!("/dev/{}", entry.name.display()))?,
        }
    }
    Ok(())
}

/// `--device`: one node, or all of a directory.
fn add(dev: &OwnedFd, device: &Device, name: &Path) -> Step<()> {
    let what = || format!("device {}", device.source.display());
    let mut parents: Vec<_> = name.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).collect();
    parents.reverse();
    for parent in parents {
        match mkdirat(dev, parent, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => {}
            result => result.during(what)?,
        }
    }
    for entry in expand(device, name)? {
        if let Node::Device(_) = entry.node {
            // The user's choice comes before a default device of that name.
            let _ = unlinkat(dev, &entry.name, AtFlags::empty());
        }
        match make(dev.as_fd(), &entry) {
            Err(Errno::EXIST) => {}
            result => result.during(what)?,
        }
    }
    Ok(())
}

/// The nodes that a `--device` stands for.
fn expand(device: &Device, name: &Path) -> Step<Vec<Entry>> {
    let what = || format!("device {}", device.source.display());
    let status = stat(&device.source).during(what)?;
    let mut entries = Vec::new();
    match file_type(&status) {
        FileType::CharacterDevice | FileType::BlockDevice => {
            entries.push(Entry { name: name.to_owned(), node: Node::Device(status) });
        }
        FileType::Directory => {
            entries.push(Entry { name: name.to_owned(), node: Node::Directory });
            collect(&device.source, name, None, DEEPEST, &mut entries).during(what)?;
        }
        _ => return Err(setup(format_args!("{}: neither a device nor a directory", what()))),
    }
    Ok(entries)
}

/// All devices, links and directories of a tree, parents first. Other file systems in it (pts, shm) are left out: the container has
/// its own.
fn collect(
    directory: &Path,
    name: &Path,
    file_system: Option<u64>,
    depth: u32,
    entries: &mut Vec<Entry>,
) -> std::io::Result<()> {
    let file_system = match file_system {
        Some(known) => known,
        None => stat(directory)?.st_dev,
    };
    for item in std::fs::read_dir(directory)? {
        let item = item?;
        let path = item.path();
        // A device may be unplugged while we look.
        let Ok(status) = lstat(&path) else { continue };
        let name = name.join(item.file_name());
        match file_type(&status) {
            FileType::CharacterDevice | FileType::BlockDevice if name != Path::new(CONSOLE) => {
                entries.push(Entry { name, node: Node::Device(status) });
            }
            FileType::Symlink => {
                if let Ok(target) = readlink(&path, Vec::new()) {
                    let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
                    entries.push(Entry { name, node: Node::Link(target.into()) });
                }
            }
            FileType::Directory if status.st_dev == file_system && depth > 0 => {
                entries.push(Entry { name: name.clone(), node: Node::Directory });
                match collect(&path, &name, Some(file_system), depth - 1, entries) {
                    // Unplugged, with all that was in it.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    result => result?,
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn make(dev: BorrowedFd<'_>, entry: &Entry) -> Result<(), Errno> {
    match &entry.node {
        Node::Directory => mkdirat(dev, &entry.name, Mode::from_raw_mode(0o755)),
        Node::Link(target) => symlinkat(target, dev, &entry.name),
        Node::Device(status) => {
            let mode = Mode::from_raw_mode(status.st_mode & 0o7777);
            mknodat(dev, &entry.name, file_type(status), mode, status.st_rdev)?;
            if status.st_uid != 0 || status.st_gid != 0 {
                let (uid, gid) = (Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid));
                chownat(dev, &entry.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Ok(())
        }
    }
}

/// The part of a path below /dev.
fn below_dev(destination: &Path) -> Option<&Path> {
    let name = destination.strip_prefix("/dev").ok()?;
    let plain = name.components().all(|component| matches!(component, Component::Normal(_)));
    (plain && !name.as_os_str().is_empty()).then_some(name)
}

/// Devices that go elsewhere than /dev: where to, and the machine's node as a detached mount.
pub(super) fn outside_dev(devices: &Devices) -> Step<Vec<(PathBuf, OwnedFd)>> {
    let Devices::Only(list) = devices else { return Ok(Vec::new()) };
    let outside = list.iter().filter(|device| below_dev(&device.destination).is_none());
    outside
        .map(|device| {
            let node = mounts::clone_path(&device.source, false)?;
            Ok((device.destination.clone(), node))
        })
        .collect()
}

/// What the device filter lets through: the default devices, terminals, and the user's.
pub(super) fn rules(list: &[Device]) -> Step<Vec<Rule>> {
    let node = |kind, major, minor| Rule { kind, major, minor, read: true, write: true, mknod: true };
    let character = FileType::CharacterDevice;
    let any = |kind| Rule { kind, major: None, minor: None, read: false, write: false, mknod: true };
    // As crun and runc do: any node may be made, as that gives no access.
    let mut rules = vec![any(character), any(FileType::BlockDevice)];
    rules.extend(DEFAULTS.map(|(_, major, minor)| node(character, Some(major), Some(minor))));
    // /dev/console, /dev/ptmx, and all of /dev/pts.
    rules.extend([
        node(character, Some(5), Some(1)),
        node(character, Some(5), Some(2)),
        node(character, Some(136), None),
    ]);
    for device in list {
        for entry in expand(device, Path::new(""))? {
            if let Node::Device(status) = entry.node {
                rules.push(Rule {
                    kind: file_type(&status),
                    major: Some(major(status.st_rdev)),
                    minor: Some(minor(status.st_rdev)),
                    read: device.read,
                    write: device.write,
                    mknod: device.mknod,
                });
            }
        }
    }
    Ok(rules)
}

/// The machine's /dev/null, checked after it was opened (CVE-2025-31133).
pub(super) fn machine_null() -> Step<OwnedFd> {
    let null = open("/dev/null", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .during(|| "/dev/null")?;
    let status = rustix::fs::fstat(&null).during(|| "/dev/null")?;
    if file_type(&status) != FileType::CharacterDevice || status.st_rdev != makedev(1, 3) {
        return Err(setup("/dev/null of the machine: not the null device"));
    }
    Ok(null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, remove_dir};
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn directories_may_vanish_while_they_are_read() {
        let top = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    create_dir(top.path().join("usb")).unwrap();
                    remove_dir(top.path().join("usb")).unwrap();
                }
            });
            let read = || collect(top.path(), Path::new(""), None, DEEPEST, &mut Vec::new());
            let failed = (0..20_000).find_map(|_| read().err());
            done.store(true, Ordering::Relaxed);
            assert!(failed.is_none(), "{failed:?}");
        });
    }

    #[test]
    fn a_directory_that_was_asked_for_has_to_be_there() {
        assert!(collect(Path::new("/dev/no-such"), Path::new(""), None, DEEPEST, &mut Vec::new()).is_err());
    }
}
