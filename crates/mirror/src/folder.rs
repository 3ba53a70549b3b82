//! The local side. Every path is opened below the folder's own descriptor, and no link on the way is followed: containers may put links
//! anywhere, and change them at any time.

use rustix::fs::{
    AtFlags, DirEntry, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, fstatvfs, mkdirat, openat2,
    readlinkat, statx, syncfs, unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// statx(2) of the file itself, not of what a link points at.
pub(crate) fn stat_at(folder: BorrowedFd<'_>, name: &Path) -> Result<Statx, Errno> {
    statx(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

/// statx(2) of what is open.
pub(crate) fn stat_of(file: BorrowedFd<'_>) -> Result<Statx, Errno> {
    statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

pub(crate) fn kind(stat: &Statx) -> FileType {
    FileType::from_raw_mode(stat.stx_mode.into())
}

/// What an entry of a folder that is being read is. Not all file systems say it (readdir(3)).
pub(crate) fn kind_of(folder: BorrowedFd<'_>, entry: &DirEntry) -> Result<FileType, Errno> {
    match entry.file_type() {
        FileType::Unknown => {
            let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
            stat_at(folder, name).map(|stat| kind(&stat))
        }
        kind => Ok(kind),
    }
}

/// Whether an error says that there is nothing with this path: not there, or below something that is no folder.
pub(crate) fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

/// The folder that something is in, and its name there. The empty path has none.
pub(crate) fn split(path: &Path) -> Option<(&Path, &Path)> {
    Some((path.parent()?, Path::new(path.file_name()?)))
}

/// A folder that belongs to containers.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    pub(crate) fn new(root: OwnedFd) -> Folder {
        Folder(root)
    }

    /// A folder in it; the empty path is itself.
    pub(crate) fn open_folder(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        self.open(path, READ | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)
    }

    /// A file in it, for reading. Should it have become something else meanwhile, opening it does not block.
    /// `through_links`: those that lead to another file in it are followed.
    pub(crate) fn open_file(&self, path: &Path, through_links: bool) -> Result<File, Errno> {
        let resolve = if through_links { ResolveFlags::empty() } else { ResolveFlags::NO_SYMLINKS };
        self.open(path, READ | OFlags::NONBLOCK | OFlags::NOCTTY, resolve).map(File::from)
    }

    fn open(&self, path: &Path, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&self.0, path, flags, Mode::empty(), resolve) {
                // Something was renamed meanwhile (openat2(2)).
                Err(Errno::AGAIN | Errno::INTR) => {}
                opened => return opened,
            }
        }
    }

    pub(crate) fn stat(&self, path: &Path) -> Result<Statx, Errno> {
        let (parent, name) = self.parent(path)?;
        stat_at(parent.as_fd(), name)
    }

    /// What a link leads to, if that is a regular file in the folder.
    pub(crate) fn stat_through_links(&self, path: &Path) -> Option<Statx> {
        let file = self.open(path, OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::empty()).ok()?;
        stat_of(file.as_fd()).ok().filter(|stat| kind(stat) == FileType::RegularFile)
    }

    pub(crate) fn read_link(&self, path: &Path) -> Result<PathBuf, Errno> {
        let (parent, name) = self.parent(path)?;
        Ok(OsString::from_vec(readlinkat(&parent, name, Vec::new())?.into_bytes()).into())
    }

    /// Opens a folder, and makes it, and those above it, if need be; says whether it did.
    pub(crate) fn make_folder(&self, path: &Path) -> Result<(OwnedFd, bool), Errno> {
        match self.open_folder(path) {
            Err(Errno::NOENT) => {}
            opened => return opened.map(|folder| (folder, false)),
        }
        let (parent, name) = split(path).ok_or(Errno::NOENT)?;
        let (parent, _) = self.make_folder(parent)?;
        match mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            // Another thread was faster.
            Err(Errno::EXIST) => self.open_folder(path).map(|folder| (folder, false)),
            Err(errno) => Err(errno),
            Ok(()) => self.open_folder(path).map(|folder| (folder, true)),
        }
    }

    /// Removes a file, a link or an empty folder, and then the folders above it that have nothing in them any more, as minio's client does.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        match unlinkat(&parent, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => unlinkat(&parent, name, AtFlags::REMOVEDIR)?,
            answer => answer?,
        }
        for above in path.ancestors().skip(1).take_while(|above| !above.as_os_str().is_empty()) {
            let removed =
                self.parent(above).and_then(|(parent, name)| unlinkat(&parent, name, AtFlags::REMOVEDIR));
            if removed.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Bytes that an ordinary user may still write.
    pub(crate) fn free(&self) -> u64 {
        fstatvfs(&self.0).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Flushes the whole file system: one wait for many files.
    pub(crate) fn flush(&self) -> Result<(), Errno> {
        syncfs(&self.0)
    }

    fn parent<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a Path), Errno> {
        let (parent, name) = split(path).ok_or(Errno::NOENT)?;
        Ok((self.open_folder(parent)?, name))
    }
}
