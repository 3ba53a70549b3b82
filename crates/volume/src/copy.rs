//! A whole tree from one folder to another, by descriptors: no path is ever followed.

use crate::{Error, metadata};
use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, Statx, ftruncate, linkat, makedev, mkdirat, mknodat,
        openat, readlinkat, seek, symlinkat,
    },
    io::Errno,
};
use std::{
    collections::HashMap,
    ffi::{CStr, OsStr},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

/// Two descriptors are open for each level; real images have less than 50.
const MAX_DEPTH: usize = 256;
/// So much is remembered about files with several names. Beyond it, each name becomes a file of its own.
const MAX_LINKED: usize = 65_536;
const MAX_LINKED_PATH: usize = 512;

/// Copies all that is in `source`, and the folder's own attributes, into the empty folder `target`: owners, modes, times,
/// extended attributes, links, hard links,
/// devices; holes stay holes.
pub(crate) fn tree(source: OwnedFd, target: OwnedFd) -> Result<(), Error> {
    let mut tree = Tree {
        top: target,
        levels: Vec::new(),
        path: PathBuf::new(),
        linked: HashMap::new(),
        metadata: metadata::Copier::default(),
    };
    tree.copy(source).map_err(|failure| match failure {
        Failure::TooDeep => Error::TooDeep { path: tree.path.clone(), limit: MAX_DEPTH },
        Failure::Io(error) => Error::io("copy to the volume the image's", &tree.path)(error),
    })
}

/// `.` and `..`.
pub(crate) fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[derive(Debug)]
enum Failure {
    TooDeep,
    Io(io::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A folder that is being copied.
#[derive(Debug)]
struct Level {
    /// Names still to come.
    entries: Dir,
    target: OwnedFd,
    attributes: Statx,
}

#[derive(Debug)]
struct Tree {
    top: OwnedFd,
    levels: Vec<Level>,
    /// Where the copy is, below `top`; also says where it failed.
    path: PathBuf,
    /// Device and inode of a file with several names → its first copy, below `top`.
    linked: HashMap<(u32, u32, u64), PathBuf>,
    metadata: metadata::Copier,
}

impl Tree {
    /// A list of open folders instead of recursion: the depth is the image's, the stack is ours.
    fn copy(&mut self, source: OwnedFd) -> Result<(), Failure> {
        let top = self.top.try_clone()?;
        self.enter(source, top)?;
        while let Some(level) = self.levels.last_mut() {
            match level.entries.read() {
                None => self.leave()?,
                Some(entry) => {
                    let entry = entry?;
                    if !is_dots(entry.file_name()) {
                        self.path.push(OsStr::from_bytes(entry.file_name().to_bytes()));
                        self.copy_entry(entry.file_name())?;
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, source: OwnedFd, target: OwnedFd) -> Result<(), Failure> {
        if self.levels.len() >= MAX_DEPTH {
            return Err(Failure::TooDeep);
        }
        let attributes = metadata::of(source.as_fd(), c".")?;
        self.levels.push(Level { entries: Dir::new(source)?, target, attributes });
        Ok(())
    }

    /// A folder's own attributes come last: what is put into it changes its times, and its mode may forbid even that.
    fn leave(&mut self) -> Result<(), Failure> {
        if let Some(level) = self.levels.pop() {
            let source = level.entries.fd()?;
            self.metadata.copy((source, c"."), (level.target.as_fd(), c"."), &level.attributes)?;
            self.path.pop();
        }
        Ok(())
    }

    /// One name of the innermost open folder, which is the last part of `path`.
    fn copy_entry(&mut self, name: &CStr) -> Result<(), Failure> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let (source, target) = (level.entries.fd()?, level.target.as_fd());
        let attributes = metadata::of(source, name)?;
        let kind = metadata::kind(&attributes);
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            mkdirat(target, name, Mode::RWXU)?;
            let folders =
                (openat(source, name, flags, Mode::empty())?, openat(target, name, flags, Mode::empty())?);
            return self.enter(folders.0, folders.1);
        }
        let inode = (attributes.stx_dev_major, attributes.stx_dev_minor, attributes.stx_ino);
        if let Some(first) = self.linked.get(&inode) {
            linkat(&self.top, first, target, name, AtFlags::empty())?;
        } else {
            match kind {
                FileType::RegularFile => copy_file(source, target, name)?,
                FileType::Symlink => symlinkat(readlinkat(source, name, Vec::new())?, target, name)?,
                kind => {
                    let device = makedev(attributes.stx_rdev_major, attributes.stx_rdev_minor);
                    mknodat(target, name, kind, Mode::RUSR, device)?;
                }
            }
            self.metadata.copy((source, name), (target, name), &attributes)?;
            let is_small = self.path.as_os_str().len() <= MAX_LINKED_PATH && self.linked.len() < MAX_LINKED;
            if attributes.stx_nlink > 1 && is_small {
                self.linked.insert(inode, self.path.clone());
            }
        }
        self.path.pop();
        Ok(())
    }
}

/// The content of a regular file. Should the file have become something else meanwhile, opening it neither blocks nor follows a link.
fn copy_file(source: impl AsFd, target: impl AsFd, name: &CStr) -> Result<(), Failure> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let source = File::from(openat(source, name, read, Mode::empty())?);
    let target = File::from(openat(target, name, write, Mode::RUSR | Mode::WUSR)?);
    let meta = source.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is being changed").into());
    }
    copy_content(&source, &target, meta.len())?;
    Ok(())
}

/// Only what is written: a lastlog of a terabyte with one line in it must not fill the memory.
fn copy_content(mut source: &File, mut target: &File, size: u64) -> io::Result<()> {
    let mut end = 0;
    while end < size {
        let start = match seek(source, SeekFrom::Data(end)) {
            Ok(start) => start,
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno.into()),
        };
        end = seek(source, SeekFrom::Hole(start))?;
        seek(source, SeekFrom::Start(start))?;
        seek(target, SeekFrom::Start(start))?;
        io::copy(&mut (&mut source).take(end.saturating_sub(start)), &mut target)?;
    }
    ftruncate(target, size)?;
    Ok(())
}
