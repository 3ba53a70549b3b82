//! The folders in a folder.

use crate::folder::kind_of;
use rustix::fd::AsFd;
use rustix::fs::{Dir, DirEntry, FileType};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Their names, if there is room for them all.
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
    !matches!(entry.file_name().to_bytes(), b"." | b"..")
        && kind_of(parent.as_fd(), entry) == Ok(FileType::Directory)
}
