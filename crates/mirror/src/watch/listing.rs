//! The folders in a folder.

use crate::folder::{kind, stat_at};
use rustix::fd::AsFd;
use rustix::fs::{Dir, DirEntry, FileType};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
    let name = entry.file_name().to_bytes();
    if matches!(name, b"." | b"..") {
        return false;
    }
    match entry.file_type() {
        // Not all file systems say it (readdir(3)).
        FileType::Unknown => stat_at(parent.as_fd(), Path::new(OsStr::from_bytes(name)))
            .is_ok_and(|stat| kind(&stat) == FileType::Directory),
        kind => kind == FileType::Directory,
    }
}
