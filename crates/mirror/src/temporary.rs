//! Files that are being written: under a name of their own in the folder where they will be, so that nobody ever sees half of one.

use crate::time;
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, StatxFlags, fstatfs, openat, renameat, renameat_with, statx,
    symlinkat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// All their names begin so.
const PREFIX: &str = ".b2c-mirror-";
/// Begins the names of all that is unfinished in a volume, also of what is copied into it from an image.
const UNFINISHED: &str = ".b2c-";
/// Those of this process go on so; all others were left behind by a power cut.
static OURS: LazyLock<String> =
    LazyLock::new(|| format!("{PREFIX}{:016x}-", RandomState::new().hash_one(PREFIX)));
/// File systems of servers, by their numbers (statfs(2), `f_type`): NFS, SMB 1, 2 and 3, 9P, FUSE, Ceph.
const SHARED: [u32; 6] = [0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997, 0x6573_5546, 0x00C3_6400];
/// What nobody has touched on a server for so long is not being written any more.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Whether a name is kept for unfinished files.
pub(crate) fn is_one(name: &[u8]) -> bool {
    name.starts_with(UNFINISHED.as_bytes())
}

/// Removes it if it was left behind. That it cannot be removed is no reason to do nothing: it is never mirrored.
pub(crate) fn clean(folder: BorrowedFd<'_>, name: &CStr) {
    let begins = |start: &str| name.to_bytes().starts_with(start.as_bytes());
    if begins(PREFIX) && !begins(&OURS) && (!is_shared(folder) || is_old(folder, name)) {
        let _ = unlinkat(folder, name, AtFlags::empty());
    }
}

/// Whether other machines may write here, too.
fn is_shared(folder: BorrowedFd<'_>) -> bool {
    #[allow(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "32 bits, in a word that some machines extend by its sign"
    )]
    let number = fstatfs(folder).map_or(0, |found| found.f_type as u32);
    SHARED.contains(&number)
}

/// The time of its last change is the server's own: the other one is the object's already when it waits for its name.
fn is_old(folder: BorrowedFd<'_>, name: &CStr) -> bool {
    let stat = statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::CTIME);
    stat.is_ok_and(|stat| time::now() - time::of(stat.stx_ctime) > LEFT_BEHIND.as_nanos().cast_signed())
}

/// Vanishes when it is dropped, unless it was given its real name.
#[derive(Debug)]
pub(crate) struct Temporary {
    folder: OwnedFd,
    name: String,
}

impl Temporary {
    /// A new file, which nobody else may read yet.
    pub(crate) fn file(folder: OwnedFd) -> Result<(Temporary, File), Errno> {
        let temporary = Temporary::new(folder);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&temporary.folder, &temporary.name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok((temporary, file.into()))
    }

    /// A link instead of the file.
    pub(crate) fn replace_by_link(&self, target: &Path) -> Result<(), Errno> {
        unlinkat(&self.folder, &self.name, AtFlags::empty())?;
        symlinkat(target, &self.folder, &self.name)
    }

    fn new(folder: OwnedFd) -> Temporary {
        Temporary { folder, name: format!("{}{:x}", *OURS, NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    pub(crate) fn name(&self) -> &Path {
        Path::new(&self.name)
    }

    /// Gives it its real name. Without `replace`, what has that name by now stays, and `EEXIST` is the answer.
    pub(crate) fn rename(mut self, name: &Path, replace: bool) -> Result<(), Errno> {
        if replace {
            renameat(&self.folder, &self.name, &self.folder, name)?;
        } else {
            match renameat_with(&self.folder, &self.name, &self.folder, name, RenameFlags::NOREPLACE) {
                // A file system that does not know how (9p, NFS, FAT); a moment ago, nothing had that name.
                Err(Errno::INVAL) => renameat(&self.folder, &self.name, &self.folder, name)?,
                answer => answer?,
            }
        }
        self.name.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}
