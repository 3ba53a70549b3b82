//! Single mounts, as descriptors: made detached, then put in place (the mount API of Linux 5.2).

use super::error::{During, Step, setup};
use super::root::{Missing, file_type};
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
const ATTRIBUTES: [(u64, u32); 8] = [
    (libc::MS_RDONLY as u64, 0x1),
    (libc::MS_NOSUID as u64, 0x2),
    (libc::MS_NODEV as u64, 0x4),
    (libc::MS_NOEXEC as u64, 0x8),
    (libc::MS_NOATIME as u64, 0x10),
    (libc::MS_STRICTATIME as u64, 0x20),
    (libc::MS_NODIRATIME as u64, 0x80),
    (MS_NOSYMFOLLOW, 0x0020_0000),
];
/// linux/mount.h; Linux 5.10.
const MS_NOSYMFOLLOW: u64 = 256;
/// Flags of mount(2) that belong to the whole file system, and their names in fsconfig(2).
const FILE_SYSTEM_FLAGS: [(u64, &str); 4] = [
    (libc::MS_SYNCHRONOUS as u64, "sync"),
    (libc::MS_DIRSYNC as u64, "dirsync"),
    (libc::MS_MANDLOCK as u64, "mand"),
    (libc::MS_LAZYTIME as u64, "lazytime"),
];

/// A copy of what is mounted at a path of the machine, with all below it if `recursive`.
pub(super) fn clone_path(path: &Path, recursive: bool) -> Step<OwnedFd> {
    let recursive = if recursive { OpenTreeFlags::AT_RECURSIVE } else { OpenTreeFlags::empty() };
    open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | recursive)
        .during(|| format!("bind mount {}", path.display()))
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
pub(super) fn file_system(kind: &str, data: &str, flags: u64) -> Step<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).during(|| format!("file system type {kind}"))?;
    let configure = || -> Result<OwnedFd, Errno> {
        fsconfig_set_string(&context, "source", kind)?;
        for option in data.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some((key, value)) => fsconfig_set_string(&context, key, value)?,
                None => fsconfig_set_flag(&context, option)?,
            }
        }
        for (_, name) in FILE_SYSTEM_FLAGS.iter().filter(|(flag, _)| flags & flag != 0) {
            fsconfig_set_flag(&context, *name)?;
        }
        fsconfig_create(&context)?;
        let attributes =
            ATTRIBUTES.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |all, (_, bit)| all | bit);
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
pub(super) fn add_flags(mount: BorrowedFd<'_>, flags: u64) -> Result<(), Errno> {
    let wanted = ATTRIBUTES.iter().fold(0, |all, (flag, _)| all | (flag & flags));
    if wanted == 0 {
        return Ok(());
    }
    // The ST_* bits of statvfs(3) are the MS_* bits, but for ST_RELATIME.
    let has = fstatvfs(mount)?.f_flag;
    let mut all =
        MountFlags::from_bits_retain(u32::try_from(wanted).map_err(|_| Errno::INVAL)?) | MountFlags::BIND;
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
    mount_remount(by_descriptor(mount), all, c"")
}

/// Sets how mounts and unmounts spread between this mount and its copies.
pub(super) fn set_propagation(mount: BorrowedFd<'_>, flags: u64) -> Step<()> {
    let bits =
        u32::try_from(flags).map_err(|_| setup(format_args!("mount propagation {flags:#x}: unknown")))?;
    mount_change(by_descriptor(mount), MountPropagationFlags::from_bits_retain(bits))
        .during(|| "set mount propagation")
}

/// mount(2) wants a path. This one is followed by the machine's own procfs, and leads to exactly this mount.
fn by_descriptor(mount: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", mount.as_raw_fd())
}
