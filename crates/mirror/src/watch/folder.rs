//! Folders below a folder that others change meanwhile: no link is followed, and no mount.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, ResolveFlags, openat2, statat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

/// Opens `path`, or the root itself if it is empty.
pub(super) fn open(root: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    open_as(root, path, FLAGS)
}

/// Whether there is anything, also a link.
pub(super) fn has(root: impl AsFd, path: &Path) -> bool {
    open_as(root, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC).is_ok()
}

fn open_as(root: impl AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    loop {
        match openat2(&root, path, flags, Mode::empty(), INSIDE) {
            // Something was renamed meanwhile (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Whether [`open`] failed because there is no folder, or none of this file system.
pub(super) fn is_none(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV)
}

/// The names of the folders in a folder, if there is room for them all.
pub(super) fn folders_in(folder: impl AsFd, room: usize) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        if !is_folder(&folder, &entry) {
            continue;
        }
        if names.len() == room {
            return Err(Errno::NOSPC);
        }
        names.push(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
    }
    Ok(names)
}

fn is_folder(parent: impl AsFd, entry: &DirEntry) -> bool {
    if matches!(entry.file_name().to_bytes(), b"." | b"..") {
        return false;
    }
    match entry.file_type() {
        // Not all file systems say it (readdir(3)).
        FileType::Unknown => statat(parent, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory),
        kind => kind == FileType::Directory,
    }
}
