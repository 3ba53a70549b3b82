//! Small files: of the image, which is foreign, and of the machine.

use super::BuildError;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Nobody's passwd is larger; an image's may be a sparse file of a terabyte (CVE-2024-9676).
const MAX_IMAGE_FILE: u64 = 1 << 20;
/// For files that the user names.
const MAX_MACHINE_FILE: u64 = 1 << 20;

pub(super) fn open_root(path: &Path) -> Result<OwnedFd, BuildError> {
    open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| BuildError::Root(path.to_owned(), error.into()))
}

/// What is at `path` in the image, not opened for reading yet; `None` if nothing is. Links are followed, but never out of the image.
pub(super) fn find(root: impl AsFd, path: &Path) -> Result<Option<OwnedFd>, Errno> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, relative, flags, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file of accounts in the image; empty if there is none. Bytes that are no UTF-8 become replacement characters.
pub(super) fn read_image_text(root: impl AsFd, path: &'static str) -> Result<String, BuildError> {
    let wrong = |why: String| BuildError::ImageFile { path, why };
    let Some(found) = find(root, Path::new(path)).map_err(|error| wrong(error.to_string()))? else {
        return Ok(String::new());
    };
    read_regular(&found, MAX_IMAGE_FILE).map_err(|error| wrong(error.to_string()))
}

/// A text file of the machine that the user names.
pub(super) fn read_machine_text(path: &Path) -> io::Result<String> {
    let found = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    read_regular(&found, MAX_MACHINE_FILE)
}

/// The type is looked at before the file is opened: opening a FIFO would wait for ever, and opening a device may do anything.
fn read_regular(found: &OwnedFd, limit: u64) -> io::Result<String> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
    let status = fstat(found)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return refuse("it is not a regular file");
    }
    if u64::try_from(status.st_size).is_ok_and(|size| size > limit) {
        return refuse("it is larger than 1 MiB");
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(reopen(found, flags)?);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens what a descriptor names, not what is at its path by now.
pub(super) fn reopen(found: &OwnedFd, flags: OFlags) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    Ok(open(format!("/proc/self/fd/{}", found.as_raw_fd()), flags, Mode::empty())?)
}

/// Writes a file for the container, readable by all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    use std::os::unix::fs::PermissionsExt;
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        // Whatever b2c's own umask is.
        file.set_permissions(PermissionsExt::from_mode(0o644))?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| BuildError::Write(path.to_owned(), error))
}
