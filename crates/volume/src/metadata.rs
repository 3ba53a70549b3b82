//! What a file is besides its content: owner, mode, extended attributes, times.

use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, Statx, StatxFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat,
        chownat, lgetxattr, llistxattr, lsetxattr, statx, utimensat,
    },
    io::Errno,
};
use std::{
    ffi::{CStr, OsStr},
    os::{
        fd::{AsRawFd, BorrowedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

/// A file by its folder and its name there; `.` is the folder itself.
pub(crate) type Place<'a> = (BorrowedFd<'a>, &'a CStr);

/// The kernel's bound for one value and for the list of names (linux/limits.h, `XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MAX_XATTR: usize = 64 << 10;

/// statx(2) of the file itself, not of what a link points at.
pub(crate) fn of(folder: BorrowedFd<'_>, name: &CStr) -> Result<Statx, Errno> {
    statx(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

/// The kind of file.
pub(crate) fn kind(of: &Statx) -> FileType {
    FileType::from_raw_mode(u32::from(of.stx_mode))
}

pub(crate) fn set_times(folder: BorrowedFd<'_>, name: &CStr, of: &Statx) -> Result<(), Errno> {
    let last_access = Timespec { tv_sec: of.stx_atime.tv_sec, tv_nsec: of.stx_atime.tv_nsec.into() };
    let last_modification = Timespec { tv_sec: of.stx_mtime.tv_sec, tv_nsec: of.stx_mtime.tv_nsec.into() };
    utimensat(folder, name, &Timestamps { last_access, last_modification }, AtFlags::SYMLINK_NOFOLLOW)
}

/// Copies metadata; keeps its buffers from file to file.
#[derive(Debug)]
pub(crate) struct Copier {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Copier {
    fn default() -> Self {
        Self { names: vec![0; MAX_XATTR], value: vec![0; MAX_XATTR] }
    }
}

impl Copier {
    /// Gives `target` all that `source` has. The order matters: a change of owner clears set-user-ID bits and capabilities,
    /// and everything changes times.
    pub(crate) fn copy(&mut self, source: Place<'_>, target: Place<'_>, of: &Statx) -> Result<(), Errno> {
        let (folder, name) = target;
        let owner = (Uid::from_raw(of.stx_uid), Gid::from_raw(of.stx_gid));
        chownat(folder, name, Some(owner.0), Some(owner.1), AtFlags::SYMLINK_NOFOLLOW)?;
        if kind(of) != FileType::Symlink {
            chmodat(folder, name, Mode::from_raw_mode(u32::from(of.stx_mode) & 0o7777), AtFlags::empty())?;
        }
        self.copy_xattrs(&path(source), &path(target))?;
        set_times(folder, name, of)
    }

    fn copy_xattrs(&mut self, source: &Path, target: &Path) -> Result<(), Errno> {
        let length = match llistxattr(source, self.names.as_mut_slice()) {
            Err(Errno::OPNOTSUPP) => return Ok(()),
            length => length?,
        };
        let names = self.names.get(..length).unwrap_or_default();
        for name in names.split(|&byte| byte == 0).filter(|name| is_wanted(name)) {
            let length = match lgetxattr(source, name, self.value.as_mut_slice()) {
                // It is listed, but this process must not see it (security modules).
                Err(Errno::NODATA) => continue,
                length => length?,
            };
            let value = self.value.get(..length).unwrap_or_default();
            match lsetxattr(target, name, value, XattrFlags::empty()) {
                // A tmpfs has no `user.` attributes before Linux 6.6.
                Err(Errno::OPNOTSUPP) => {
                    log::debug!(
                        "the volume's file system has no place for {}",
                        String::from_utf8_lossy(name)
                    );
                }
                answer => answer?,
            }
        }
        Ok(())
    }
}

/// overlayfs' own notes are about its layers, not about the file.
fn is_wanted(xattr: &[u8]) -> bool {
    !xattr.is_empty() && !xattr.starts_with(b"trusted.overlay.")
}

/// There are no system calls for extended attributes by folder and name before Linux 6.13.
fn path((folder, name): Place<'_>) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    path.push(OsStr::from_bytes(name.to_bytes()));
    path
}
