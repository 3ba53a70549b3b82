//! The image's content for a new volume.

use crate::{Error, copy, metadata};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, ResolveFlags, flock, mkdirat, openat, openat2,
        renameat, statat, syncfs,
    },
    io::Errno,
};
use std::{
    ffi::{CStr, CString, OsStr},
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

/// Holds the copy inside the volume until it is whole. Inside, because a volume can be a mount point, or encrypted with a key
/// of its own.
const STAGING: &CStr = c".b2c-copy-up";
/// Holds it from then on, until all of it is taken out.
const WHOLE: &CStr = c".b2c-copied-up";

/// Reading a folder: never through a link, never inherited.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Copies what the image has at `destination` into the data folder `volume`, which then also gets the owner, mode and times of
/// the folder in the image.
/// `false`: nothing to copy, or the volume holds something already, be it one hidden file, and stays as it is (CVE-2020-1726).
///
/// `destination` is looked up as the container would see it: links lead nowhere outside `rootfs`. The copy appears only when it
/// is whole; one that a power cut
/// interrupted is finished or begun anew by the next call.
///
/// # Errors
/// When something cannot be read or written. The volume is then empty as before.
pub fn copy_up(rootfs: &Path, destination: &Path, volume: &Path) -> Result<bool, Error> {
    let target =
        openat(CWD, volume, FOLDER | OFlags::NOFOLLOW, Mode::empty()).map_err(Error::io("open", volume))?;
    // Two containers that start at the same time with the same volume: the second finds it filled. A lock on the volume itself could be held
    // by a container for ever.
    let above = openat(&target, c"..", FOLDER, Mode::empty()).map_err(Error::io("lock", volume))?;
    flock(&above, FlockOperation::LockExclusive).map_err(Error::io("lock", volume))?;
    remove(&target, STAGING, volume)?;
    if open_folder(&target, WHOLE).is_ok() {
        take_out(&target, volume)?;
        return Ok(false);
    }
    if !is_empty(&target).map_err(Error::io("read", volume))? {
        return Ok(false);
    }
    let Some(source) = resolve(rootfs, destination)? else { return Ok(false) };
    if let Err(error) = stage(source, &target, volume) {
        remove(&target, STAGING, volume)?;
        return Err(error);
    }
    take_out(&target, volume)?;
    Ok(true)
}

/// Whether the volume holds nothing.
pub(crate) fn is_empty(target: &OwnedFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(target)? {
        if !copy::is_dots(entry?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None`: the image has no folder there.
fn resolve(rootfs: &Path, destination: &Path) -> Result<Option<OwnedFd>, Error> {
    let root = openat(CWD, rootfs, FOLDER, Mode::empty()).map_err(Error::io("open", rootfs))?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(&root, destination, FOLDER, Mode::empty(), resolve) {
            Ok(folder) => return Ok(Some(folder)),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            // Something was renamed meanwhile (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(Error::io("open", in_root(rootfs, destination))(errno)),
        }
    }
}

/// For messages only.
fn in_root(rootfs: &Path, destination: &Path) -> PathBuf {
    rootfs.join(destination.strip_prefix("/").unwrap_or(destination))
}

/// Makes a whole copy to one side, flushes it, and only then gives it the name of a whole one.
fn stage(source: OwnedFd, target: &OwnedFd, volume: &Path) -> Result<(), Error> {
    for name in [STAGING, WHOLE] {
        if statat(&source, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            let reason = io::Error::other(format!("the image itself has a {name:?}"));
            return Err(Error::io("write to", volume)(reason));
        }
    }
    mkdirat(target, STAGING, Mode::RWXU).map_err(Error::io("write to", volume))?;
    let staging = open_folder(target, STAGING).map_err(Error::io("open", volume))?;
    copy::tree(source, staging)?;
    syncfs(target).map_err(Error::io("flush", volume))?;
    renameat(target, STAGING, target, WHOLE).map_err(Error::io("write to", volume))
}

/// Moves everything from the whole copy to its place, and gives the volume the attributes that the copy's folder has.
fn take_out(target: &OwnedFd, volume: &Path) -> Result<(), Error> {
    let take_out = || {
        let whole = open_folder(target, WHOLE)?;
        // Moving things out changes the folder's times.
        let attributes = metadata::of(whole.as_fd(), c".")?;
        let names = Dir::read_from(&whole)?.map(|entry| entry.map(|entry| entry.file_name().to_owned()));
        for name in names.collect::<Result<Vec<CString>, _>>()?.iter().filter(|name| !copy::is_dots(name)) {
            // After a power cut, a container may have been there before us.
            if statat(target, name, AtFlags::SYMLINK_NOFOLLOW).is_err() {
                renameat(&whole, name, target, name)?;
            }
        }
        metadata::Copier::default().copy((whole.as_fd(), c"."), (target.as_fd(), c"."), &attributes)?;
        Ok::<_, Errno>(attributes)
    };
    let attributes = take_out().map_err(Error::io("write to", volume))?;
    remove(target, WHOLE, volume)?;
    metadata::set_times(target.as_fd(), c".", &attributes).map_err(Error::io("write to", volume))
}

/// One of our folders in the volume.
fn open_folder(target: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(target, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

fn remove(target: &OwnedFd, name: &CStr, volume: &Path) -> Result<(), Error> {
    if statat(target, name, AtFlags::SYMLINK_NOFOLLOW).is_err() {
        return Ok(());
    }
    let path = volume.join(OsStr::from_bytes(name.to_bytes()));
    fs::remove_dir_all(&path).map_err(Error::io("remove", path))
}
