//! A new volume starts with what the image has at its place.
//!
//! The image is foreign and the volume is the machine's: the tree is walked by descriptors, no link is followed below the volume's
//! place, and nothing is ever written to a volume that holds anything (CVE-2020-1726).

use super::files::{find, reopen};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fchown, fstat, mkdirat,
    mknodat, openat, readlinkat, statat, symlinkat,
};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Each level holds two descriptors open.
const DEEPEST: usize = 100;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Copies the image's directory `place` to the empty `folder`; does nothing if there is no such directory, or if `folder` is not empty.
pub(super) fn fill(root: &OwnedFd, place: &Path, folder: &Path) -> io::Result<()> {
    let Some(found) = find(root, place)? else { return Ok(()) };
    let status = fstat(&found)?;
    let volume = openat(CWD, folder, DIRECTORY, Mode::empty())?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Directory || !is_empty(&volume)? {
        return Ok(());
    }
    let image = reopen(&found, DIRECTORY.difference(OFlags::NOFOLLOW))?;
    copy_directory(&image, &volume, 0)
}

fn is_empty(directory: &OwnedFd) -> io::Result<bool> {
    let mut entries = Dir::read_from(directory)?;
    Ok(entries.all(|entry| entry.is_ok_and(|entry| is_self_or_parent(entry.file_name()))))
}

fn is_self_or_parent(name: &CStr) -> bool {
    name == c"." || name == c".."
}

/// Entries first, then owner and mode: a directory may forbid writing.
fn copy_directory(from: &OwnedFd, to: &OwnedFd, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::Error::other(format!("directories are nested more than {DEEPEST} deep")));
    }
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        if !is_self_or_parent(entry.file_name()) {
            copy_entry(from, to, entry.file_name(), depth)?;
        }
    }
    copy_owner_and_mode(to, &fstat(from)?)
}

fn copy_entry(from: &OwnedFd, to: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
    let status = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::RWXU)?;
            let inner = openat(from, name, DIRECTORY, Mode::empty())?;
            copy_directory(&inner, &openat(to, name, DIRECTORY, Mode::empty())?, depth + 1)
        }
        FileType::RegularFile => copy_file(from, to, name),
        FileType::Symlink => {
            symlinkat(&readlinkat(from, name, Vec::new())?, to, name)?;
            Ok(chownat(
                to,
                name,
                Some(Uid::from_raw(status.st_uid)),
                Some(Gid::from_raw(status.st_gid)),
                AtFlags::SYMLINK_NOFOLLOW,
            )?)
        }
        kind => {
            mknodat(to, name, kind, Mode::RUSR, status.st_rdev)?;
            let node = openat(to, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            let owner = (Some(Uid::from_raw(status.st_uid)), Some(Gid::from_raw(status.st_gid)));
            chownat(&node, c"", owner.0, owner.1, AtFlags::EMPTY_PATH)?;
            Ok(rustix::fs::chmodat(to, name, mode(&status), AtFlags::empty())?)
        }
    }
}

fn copy_file(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> io::Result<()> {
    // Between the look and this a file cannot become a FIFO, as nobody runs in the image yet; O_NONBLOCK costs nothing.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let source = openat(from, name, flags, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let target = openat(to, name, flags, Mode::RUSR)?;
    let status = fstat(&source)?;
    let mut target = File::from(target);
    io::copy(&mut File::from(source), &mut target)?;
    copy_owner_and_mode(&target.into(), &status)
}

/// The mode last: changing the owner clears the set-user-ID bit.
fn copy_owner_and_mode(to: &OwnedFd, status: &Stat) -> io::Result<()> {
    fchown(to, Some(Uid::from_raw(status.st_uid)), Some(Gid::from_raw(status.st_gid)))?;
    Ok(fchmod(to, mode(status))?)
}

fn mode(status: &Stat) -> Mode {
    Mode::from_raw_mode(status.st_mode & 0o7777)
}
