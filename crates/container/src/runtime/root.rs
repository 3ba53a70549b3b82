//! Paths inside a root file system that may be hostile: links never lead out of it, and what was looked at is what is used.
//!
//! Everything is a descriptor. A path is resolved once, by the kernel, as if the process were already inside the root
//! (`RESOLVE_IN_ROOT`); the type is checked on the descriptor, and the mount goes on the descriptor, so there is no second look-up that
//! somebody could steer elsewhere (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579, CVE-2026-47766).

use super::error::{During, Step, setup};
use rustix::fs::{
    FileType, FsWord, Mode, OFlags, ResolveFlags, Stat, fstat, fstatfs, mkdirat, openat, openat2, readlinkat,
};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// As many as the kernel follows: `MAXSYMLINKS` (linux/namei.h).
const MOST_LINKS: u32 = 40;
/// openat2(2) asks to be called again when something was renamed during the look-up.
const MOST_RETRIES: u32 = 64;

/// What is made where a path leads to nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// A directory.
    Directory,
    /// An empty file, to mount a file on.
    File,
}

/// Whether symbolic links on the way are followed (inside the root, always).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// They are.
    Follow,
    /// They are an error: `ELOOP`.
    Refuse,
}

/// A directory that is the root of all look-ups.
pub(super) struct Root(OwnedFd);

impl Root {
    /// Takes the descriptor of a directory or of a mount.
    pub(super) fn new(directory: OwnedFd) -> Self {
        Self(directory)
    }

    /// Opens what is there.
    pub(super) fn open(&self, path: &Path, flags: OFlags, links: Links) -> Result<OwnedFd, Errno> {
        let mut resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        if links == Links::Refuse {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let mut retries = 0;
        loop {
            match openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if retries < MOST_RETRIES => retries += 1,
                result => return result,
            }
        }
    }

    /// The place itself (`O_PATH`), with no link on the way; `None` if there is nothing.
    pub(super) fn find(&self, path: &Path) -> Step<Option<OwnedFd>> {
        match self.open(path, OFlags::PATH, Links::Refuse) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            result => named(result, path, Links::Refuse).map(Some),
        }
    }

    /// The place to mount on (`O_PATH`), made if there is nothing, with its parents.
    ///
    /// In /proc, /sys and /dev no link is followed: what is put there has a meaning to the kernel or to this runtime.
    pub(super) fn place(&self, path: &Path, missing: Missing) -> Step<OwnedFd> {
        let kernels = ["/proc", "/sys", "/dev"].iter().any(|tree| path.starts_with(tree));
        let links = if kernels { Links::Refuse } else { Links::Follow };
        let found = match self.open(path, OFlags::PATH, links) {
            Err(Errno::NOENT) => self.make(path, links, missing),
            result => result,
        };
        named(found, path, links)
    }

    /// Walks the path one component at a time, makes what is missing. Dangling links are followed too: many an image's
    /// /etc/resolv.conf is one.
    fn make(&self, path: &Path, links: Links, missing: Missing) -> Result<OwnedFd, Errno> {
        let mut ahead: Vec<OsString> = names(path).collect();
        ahead.reverse();
        // The directories from the root to here, so that `..` needs no look-up and cannot lead out.
        let mut trail: Vec<OwnedFd> = Vec::new();
        let mut links_left = if links == Links::Follow { MOST_LINKS } else { 0 };
        while let Some(name) = ahead.pop() {
            if name == ".." {
                trail.pop();
                continue;
            }
            let here = trail.last().unwrap_or(&self.0).as_fd();
            let made = if ahead.is_empty() { missing } else { Missing::Directory };
            let found = enter(here, &name, made)?;
            if file_type(&fstat(&found)?) != FileType::Symlink {
                trail.push(found);
                continue;
            }
            links_left = links_left.checked_sub(1).ok_or(Errno::LOOP)?;
            let target = readlinkat(&found, c"", Vec::new())?;
            let target = Path::new(OsStr::from_bytes(target.as_bytes()));
            if target.is_absolute() {
                trail.clear();
            }
            let rest = ahead.len();
            ahead.extend(names(target));
            ahead[rest..].reverse();
        }
        trail.pop().map_or_else(|| fcntl_dupfd_cloexec(&self.0, 0), Ok)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Says which path failed, and why it was a link's fault.
fn named(result: Result<OwnedFd, Errno>, path: &Path, links: Links) -> Step<OwnedFd> {
    match result {
        Err(Errno::LOOP) if links == Links::Refuse => Err(setup(format_args!(
            "{} in the container: a symbolic link of the image leads there, refused",
            path.display()
        ))),
        _ => result.during(|| format!("{} in the container", path.display())),
    }
}

/// The components that lead somewhere.
fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// One step of a walk; a link is entered itself, not followed.
fn enter(directory: BorrowedFd<'_>, name: &OsStr, missing: Missing) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(directory, name, step, Mode::empty()) {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    match missing {
        Missing::Directory => mkdirat(directory, name, Mode::from_raw_mode(0o755))?,
        Missing::File => {
            let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            drop(openat(directory, name, create, Mode::from_raw_mode(0o644))?);
        }
    }
    openat(directory, name, step, Mode::empty())
}

/// The type of an inode.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Whether a descriptor is on a file system of this kind (linux/magic.h).
pub(super) fn is_on(fd: impl AsFd, magic: FsWord) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.f_type == magic)
}
