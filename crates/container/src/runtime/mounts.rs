//! Single mounts, as descriptors: made detached, then put in place (the mount API of Linux 5.2).

use super::error::{During, Step};
use super::root::{Missing, file_type};
use super::sys;
use rustix::fs::{CWD, FileType, StatVfsMountFlags, fstat, fstatvfs};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_change,
    mount_remount, move_mount, open_tree,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Flags of mount(2) that belong to the one mount, and their names in fsmount(2) (linux/mount.h).
const ATTRIBUTES: [(MountFlags, u32); 8] = [
    (MountFlags::RDONLY, 0x1),
    (MountFlags::NOSUID, 0x2),
    (MountFlags::NODEV, 0x4),
    (MountFlags::NOEXEC, 0x8),
    (MountFlags::NOATIME, 0x10),
    (MountFlags::STRICTATIME, 0x20),
    (MountFlags::NODIRATIME, 0x80),
    (MountFlags::NOSYMFOLLOW, 0x0020_0000),
];
/// Flags of mount(2) that belong to the whole file system, and their names in fsconfig(2).
const FILE_SYSTEM_FLAGS: [(MountFlags, &str); 4] = [
    (MountFlags::SYNCHRONOUS, "sync"),
    (MountFlags::DIRSYNC, "dirsync"),
    (MountFlags::PERMIT_MANDATORY_FILE_LOCKING, "mand"),
    (MountFlags::LAZYTIME, "lazytime"),
];

/// A copy of what is mounted at a path of the machine, with all below it if `recursive`.
pub(super) fn clone_path(path: &Path, recursive: bool) -> Step<OwnedFd> {
    let recursive = if recursive { OpenTreeFlags::AT_RECURSIVE } else { OpenTreeFlags::empty() };
    open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | recursive)
        .during(|| format!("bind mount {}", path.display()))
}

/// A file that looks the same and cannot be written to, whatever the mount that it is on allows. Linux 5.12.
pub(super) fn read_only_view(path: &Path) -> Result<OwnedFd, Errno> {
    let view = open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    sys::set_mount_attributes(view.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY.bits().into())?;
    Ok(view)
}

/// A copy of what an open file is.
pub(super) fn clone_fd(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    open_tree(fd, c"", flags)
}

/// A new file system, mounted nowhere yet.
pub(super) fn file_system(kind: &str, data: &str, flags: MountFlags) -> Step<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).during(|| format!("file system type {kind}"))?;
    let configure = || -> Result<OwnedFd, Errno> {
        fsconfig_set_string(&context, "source", kind)?;
        for option in data.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some((key, value)) => fsconfig_set_string(&context, key, value)?,
                None => fsconfig_set_flag(&context, option)?,
            }
        }
        for (_, name) in FILE_SYSTEM_FLAGS.iter().filter(|(flag, _)| flags.contains(*flag)) {
            fsconfig_set_flag(&context, *name)?;
        }
        fsconfig_create(&context)?;
        let attributes =
            ATTRIBUTES.iter().filter(|(flag, _)| flags.contains(*flag)).fold(0, |all, (_, bit)| all | bit);
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::from_bits_retain(attributes))
    };
    configure().during(|| format!("mount {kind} with options {data:?}{}", kernel_message(&context)))
}

/// What the kernel has to say about a file system context; often better than the error number.
fn kernel_message(context: &OwnedFd) -> String {
    let mut text = [0; 256];
    let length = rustix::io::read(context, &mut text).unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..length]);
    // "e tmpfs: Unknown parameter 'x'": the first letter is the level.
    text.trim_end().get(2..).map(|message| format!(" ({message})")).unwrap_or_default()
}

/// Puts a detached mount on an open place.
pub(super) fn attach(mount: impl AsFd, place: impl AsFd) -> Result<(), Errno> {
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, c"", place, c"", both)
}

/// What has to be at the place where this mount goes.
pub(super) fn counterpart(mount: impl AsFd) -> Result<Missing, Errno> {
    let is_directory = file_type(&fstat(mount)?) == FileType::Directory;
    Ok(if is_directory { Missing::Directory } else { Missing::File })
}

/// Adds flags to an attached mount, and keeps those that it has: a bind mount of a `nosuid` source stays so.
pub(super) fn add_flags(mount: BorrowedFd<'_>, flags: MountFlags) -> Result<(), Errno> {
    let known = ATTRIBUTES.iter().fold(MountFlags::empty(), |all, (flag, _)| all | *flag);
    let mut all = flags & known;
    if all.is_empty() {
        return Ok(());
    }
    let has = fstatvfs(mount)?.f_flag;
    let kept = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    for (_, flag) in kept.iter().filter(|(state, _)| has.contains(*state)) {
        all |= *flag;
    }
    mount_remount(by_descriptor(mount), all | MountFlags::BIND, c"")
}

/// Sets how mounts and unmounts spread between this mount, with all below it, and its copies.
pub(super) fn set_propagation(mount: BorrowedFd<'_>, propagation: MountPropagationFlags) -> Step<()> {
    mount_change(by_descriptor(mount), propagation).during(|| "set mount propagation")
}

/// mount(2) wants a path. This one is followed by the machine's own procfs, and leads to exactly this mount.
pub(super) fn by_descriptor(mount: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", mount.as_raw_fd())
}
