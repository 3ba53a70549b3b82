//! The container's view of the file system: its root, what is mounted in it, and the way into it.
//!
//! It is built by the container's first process in its own mount namespace, while the machine's tree is still there to take from;
//! [`enter`] then leaves that tree for good. Nothing spreads back to the machine.

use super::devices;
use super::error::{During, Step, setup};
use super::mounts::{self, attach};
use super::root::{Missing, Root, file_type, is_on};
use crate::spec::{Mount, MountSource, Spec};
use rustix::fs::{FileType, FsWord, OFlags, fstat};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount_change, unmount};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

/// `PROC_SUPER_MAGIC` (linux/magic.h).
const PROC_MAGIC: FsWord = 0x9fa0;
/// For a directory that must look empty.
const MASK_FLAGS: MountFlags =
    MountFlags::RDONLY.union(MountFlags::NOSUID).union(MountFlags::NODEV).union(MountFlags::NOEXEC);
/// What a mount has unless the Spec says otherwise.
const PRIVATE: MountPropagationFlags = MountPropagationFlags::PRIVATE.union(MountPropagationFlags::REC);

/// Builds the tree; the process is still outside.
pub(super) fn build(spec: &Spec) -> Step<Root> {
    // First of all, while nothing in this namespace has changed: sources mean what they mean on the machine, and still know
    // their peers there (a shared volume needs that).
    let sources = spec.mounts.iter().map(clone_source).collect::<Step<Vec<_>>>()?;
    let device_sources = devices::outside_dev(&spec.devices)?;

    // The machine's later mounts may come in, ours never go out.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .during(|| "make the mount tree a slave of the machine's")?;
    let root = bind_root(&spec.rootfs)?;
    for (mount, source) in spec.mounts.iter().zip(sources) {
        place(&root, spec, mount, source)?;
    }
    for (destination, node) in device_sources {
        let target = root.place(&destination, Missing::File)?;
        attach(&node, target).during(|| format!("device {}", destination.display()))?;
    }
    protect(&root, spec)?;
    Ok(root)
}

/// The root file system as a mount of its own: pivot_root(2) needs one.
fn bind_root(path: &Path) -> Step<Root> {
    let tree = mounts::clone_path(path, true)?;
    let place =
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, rustix::fs::Mode::empty())
            .during(|| format!("root file system {}", path.display()))?;
    attach(&tree, place).during(|| format!("root file system {}", path.display()))?;
    mounts::set_propagation(tree.as_fd(), PRIVATE)?;
    Ok(Root::new(tree))
}

fn clone_source(mount: &Mount) -> Step<Option<OwnedFd>> {
    match &mount.source {
        MountSource::Bind { path, recursive } => mounts::clone_path(path, *recursive).map(Some),
        MountSource::Filesystem { .. } => Ok(None),
    }
}

/// One mount of the Spec.
fn place(root: &Root, spec: &Spec, mount: &Mount, source: Option<OwnedFd>) -> Step<()> {
    let destination = &mount.destination;
    let what = || format!("mount on {}", destination.display());
    if !destination.components().any(|c| matches!(c, Component::Normal(_))) {
        return Err(setup(format_args!("{}: that is the root file system", what())));
    }
    let flags = MountFlags::from_bits_retain(bits(mount.flags)?);
    let propagation = MountPropagationFlags::from_bits_retain(bits(mount.propagation)?);
    let (new, target) = match (source, &mount.source) {
        (Some(tree), _) => {
            let target = root.place(destination, mounts::counterpart(&tree).during(what)?)?;
            (tree, target)
        }
        (None, MountSource::Filesystem { kind, data }) => {
            let target = root.place(destination, Missing::Directory)?;
            let new = file_system(kind, data, flags, &target)?;
            if kind == "tmpfs" && destination == Path::new("/dev") {
                // Filled before anybody can see it: no link of the image is in the way (CVE-2025-52565).
                devices::populate(&new, &spec.devices, spec.terminal)?;
            }
            (new, target)
        }
        (None, MountSource::Bind { .. }) => return Err(setup(format_args!("{}: no source", what()))),
    };
    refuse_fake_proc(&target, &new, mount)?;
    attach(&new, target).during(what)?;
    if let MountSource::Bind { .. } = mount.source {
        mounts::add_flags(new.as_fd(), flags).during(what)?;
    }
    mounts::set_propagation(new.as_fd(), if propagation.is_empty() { PRIVATE } else { propagation })
}

/// Flags as the kernel counts them.
fn bits(flags: u64) -> Step<u32> {
    u32::try_from(flags).during(|| format!("mount flags {flags:#x}"))
}

/// A new file system for the container.
fn file_system(kind: &str, data: &str, flags: MountFlags, target: &OwnedFd) -> Step<OwnedFd> {
    match kind {
        // The OCI specification calls either version by the first one's name; there is only version 2.
        "cgroup" => mounts::file_system("cgroup2", "", flags),
        "tmpfs" if !data.contains("mode=") => {
            // As crun and runc do: a tmpfs looks like the directory that it covers.
            let mode = fstat(target).during(|| "mode of a tmpfs")?.st_mode & 0o7777;
            mounts::file_system(kind, &format!("{data},mode={mode:o}"), flags)
        }
        _ => mounts::file_system(kind, data, flags),
    }
}

/// A directory of procfs may only be covered by procfs. An image can ask for a volume anywhere, and a false /proc would let it catch
/// what is meant for the kernel, and show what has to be hidden (CVE-2019-16884, CVE-2019-19921).
fn refuse_fake_proc(target: &OwnedFd, mount: &OwnedFd, wanted: &Mount) -> Step<()> {
    let directory = fstat(target).is_ok_and(|stat| file_type(&stat) == FileType::Directory);
    if directory && is_on(target, PROC_MAGIC) && !is_on(mount, PROC_MAGIC) {
        let destination = wanted.destination.display();
        return Err(setup(format_args!(
            "mount on {destination}: only procfs itself may be mounted on procfs"
        )));
    }
    Ok(())
}

/// Hides and protects what the Spec says, last: later mounts could uncover it again.
fn protect(root: &Root, spec: &Spec) -> Step<()> {
    let null = match spec.masked_paths.is_empty() {
        true => None,
        false => Some(devices::machine_null()?),
    };
    for (path, null) in spec.masked_paths.iter().zip(null.iter().cycle()) {
        mask(root, path, null).during(|| format!("hide {}", path.display()))?;
    }
    for path in &spec.readonly_paths {
        make_readonly(root, path).during(|| format!("make {} read-only", path.display()))?;
    }
    if spec.readonly_rootfs {
        mounts::add_flags(root.as_fd(), MountFlags::RDONLY)
            .during(|| "make the root file system read-only")?;
    }
    Ok(())
}

fn mask(root: &Root, path: &Path, null: &OwnedFd) -> Step<()> {
    let Some(target) = root.find(path)? else { return Ok(()) };
    let stat = fstat(&target).during(|| "type")?;
    let cover = match file_type(&stat) {
        FileType::Directory => mounts::file_system("tmpfs", "size=4k", MASK_FLAGS)?,
        // A copy of what was opened and checked (CVE-2025-31133).
        _ => mounts::clone_fd(null).during(|| "bind mount of /dev/null")?,
    };
    attach(cover, target).during(|| "mount")
}

fn make_readonly(root: &Root, path: &Path) -> Step<()> {
    let Some(target) = root.find(path)? else { return Ok(()) };
    let same = mounts::clone_fd(&target).during(|| "bind mount of itself")?;
    attach(&same, &target).during(|| "mount")?;
    mounts::add_flags(same.as_fd(), MountFlags::RDONLY).during(|| "remount")
}

/// Makes the tree this process's own root, and lets go of the machine's.
pub(super) fn enter(root: &Root) -> Step<()> {
    rustix::process::fchdir(root).during(|| "enter the root file system")?;
    // Both names are the same directory: the old root ends up on top of the new one, where unmounting finds it (pivot_root(2), NOTES).
    rustix::process::pivot_root(".", ".").during(|| "pivot_root")?;
    unmount(".", UnmountFlags::DETACH).during(|| "unmount the machine's root")?;
    rustix::process::chdir("/").during(|| "chdir /")
}

/// Makes the working directory if it is missing, and goes there.
pub(super) fn change_directory(root: &Root, path: &Path) -> Step<()> {
    let what = || format!("working directory {}", path.display());
    // Looked up without magic links: /proc/self/fd/N is no way out (CVE-2024-21626).
    let directory = root.place(path, Missing::Directory)?;
    rustix::process::fchdir(directory).during(what)?;
    // And if there were one, the kernel would say "(unreachable)" here.
    let here = rustix::process::getcwd(Vec::new()).during(what)?;
    if !here.as_bytes().starts_with(b"/") {
        return Err(setup(format_args!("{}: it is outside the container", what())));
    }
    Ok(())
}
