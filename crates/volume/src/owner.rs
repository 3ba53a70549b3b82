//! Giving a volume to a container's user.

use crate::{Error, copy::is_dots};
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, openat2, statat},
    io::Errno,
};
use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Gives `path`, and all that is in it if it is a folder, to a user and a group, as the option `U` of `--volume` does
/// (podman-run(1)). A link below is given away itself; it is not followed.
///
/// What has that owner already is not touched, because a change of owner clears set-user-ID bits and capabilities.
///
/// # Errors
/// When something cannot be read or changed, on a read-only file system for example.
pub fn give(path: &Path, uid: u32, gid: u32) -> Result<(), Error> {
    let owner = Owner { uid, gid };
    if owner.give(CWD, path, AtFlags::empty()).map_err(failed(path))? != FileType::Directory {
        return Ok(());
    }
    let root = open(CWD, path, ResolveFlags::empty()).map_err(failed(path))?;
    // Paths instead of open folders: the depth is the container's, the descriptors are ours.
    let mut pending = vec![PathBuf::from(".")];
    while let Some(folder) = pending.pop() {
        give_content(owner, &root, &folder, &mut pending).map_err(failed(&path.join(&folder)))?;
    }
    Ok(())
}

/// What is directly in `folder`; folders become pending.
fn give_content(
    owner: Owner,
    root: &OwnedFd,
    folder: &Path,
    pending: &mut Vec<PathBuf>,
) -> Result<(), Errno> {
    // Whatever a container puts in its place meanwhile.
    let opened = open(root.as_fd(), folder, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)?;
    for entry in Dir::read_from(&opened)? {
        let entry = entry?;
        let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
        if !is_dots(entry.file_name())
            && owner.give(opened.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)? == FileType::Directory
        {
            pending.push(folder.join(name));
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Says what it is.
    fn give(self, folder: BorrowedFd<'_>, name: &Path, flags: AtFlags) -> Result<FileType, Errno> {
        let stat = statat(folder, name, flags)?;
        if (stat.st_uid, stat.st_gid) != (self.uid, self.gid) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            chownat(folder, name, Some(uid), Some(gid), flags)?;
        }
        Ok(FileType::from_raw_mode(stat.st_mode))
    }
}

fn open(at: BorrowedFd<'_>, path: &Path, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    loop {
        match openat2(at, path, FOLDER, Mode::empty(), resolve) {
            // Something was renamed meanwhile (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(Errno) -> Error {
    Error::io("change the owner of", path)
}
