//! The image's content for a new volume.

use crate::{Error, copy, metadata};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, ResolveFlags, flock, mkdirat, openat, openat2,
        renameat, statat, syncfs, unlinkat,
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
    if !is_empty(&target, volume)? {
        return Ok(false);
    }
    let Some(source) = resolve(rootfs, destination)? else { return Ok(false) };
    if let Err(error) = stage(source, &target, volume) {
        remove_staging(volume)?;
        return Err(error);
    }
    take_out(&target).map_err(Error::io("write to", volume))?;
    Ok(true)
}

/// Whether the volume holds nothing. Sees to an interrupted copy first.
fn is_empty(target: &OwnedFd, volume: &Path) -> Result<bool, Error> {
    match contents(target).map_err(Error::io("read", volume))? {
        (false, others) => Ok(!others),
        // Not yet whole, as far as one can tell.
        (true, false) => remove_staging(volume).map(|()| true),
        // Things are taken out only when it is whole.
        (true, true) => take_out(target).map(|()| false).map_err(Error::io("write to", volume)),
    }
}

/// Whether there is an interrupted copy, and whether there is anything else.
fn contents(target: &OwnedFd) -> Result<(bool, bool), Errno> {
    let (mut staging, mut others) = (false, false);
    match statat(target, STAGING, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => staging = true,
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    for entry in Dir::read_from(target)? {
        let entry = entry?;
        others |= !copy::is_dots(entry.file_name()) && entry.file_name() != STAGING;
        if others {
            break;
        }
    }
    Ok((staging, others))
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

/// Makes a whole copy to one side, and flushes it.
fn stage(source: OwnedFd, target: &OwnedFd, volume: &Path) -> Result<(), Error> {
    if statat(&source, STAGING, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(Error::io("write to", volume)(io::Error::other(format!(
            "the image itself has a {STAGING:?}"
        ))));
    }
    mkdirat(target, STAGING, Mode::RWXU).map_err(Error::io("write to", volume))?;
    let staging = open_staging(target).map_err(Error::io("open", volume))?;
    copy::tree(source, staging)?;
    syncfs(target).map_err(Error::io("flush", volume))
}

/// Moves everything from the whole copy to its place, and gives the volume the attributes that the copy's folder has.
fn take_out(target: &OwnedFd) -> Result<(), Errno> {
    let staging = open_staging(target)?;
    // Moving things out changes the folder's times.
    let attributes = metadata::of(staging.as_fd(), c".")?;
    let names = Dir::read_from(&staging)?.map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    for name in names.collect::<Result<Vec<CString>, _>>()?.iter().filter(|name| !copy::is_dots(name)) {
        renameat(&staging, name, target, name)?;
    }
    metadata::Copier::default().copy((staging.as_fd(), c"."), (target.as_fd(), c"."), &attributes)?;
    unlinkat(target, STAGING, AtFlags::REMOVEDIR)?;
    metadata::set_times(target.as_fd(), c".", &attributes)
}

fn open_staging(target: &OwnedFd) -> Result<OwnedFd, Errno> {
    openat(target, STAGING, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

fn remove_staging(volume: &Path) -> Result<(), Error> {
    let path = volume.join(OsStr::from_bytes(STAGING.to_bytes()));
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
