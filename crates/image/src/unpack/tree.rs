//! Creates what a layer holds, inside the layer's folder and nowhere else.
//!
//! Every name is used with the descriptor of its folder, and folders are opened by the kernel with the order to stay beneath the layer's
//! folder and to follow no link: neither `..` nor a link that an earlier entry made can lead anywhere (CVE-2021-32760, CVE-2021-38511,
//! RUSTSEC-2026-0067).

use super::archive::{Entry, Kind, Metadata};
use super::path::{Place, link_target};
use super::{OPAQUE_XATTR, Reason, SUM_XATTR, UnpackError};
use flate2::Crc;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::{Errno, Result as SysResult};
use std::collections::HashMap;
use std::io;

/// Inside, and through no link of any kind.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CREATE_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// Of folders that no entry describes.
const IMPLIED_FOLDER: Mode = Mode::from_raw_mode(0o755);

/// What the current entry of an archive holds.
pub(super) trait Content {
    /// The next piece of it; empty at its end.
    fn content(&mut self) -> io::Result<&[u8]>;

    /// `count` bytes of [`Content::content`] were used.
    fn consume(&mut self, count: usize);
}

/// A layer's folder while it is being filled.
pub(super) struct Tree<'a> {
    root: BorrowedFd<'a>,
    /// The folder that was used last: archives list the content of a folder in a row.
    folder: Option<(Vec<u8>, OwnedFd)>,
    /// Set at the end, because creating something in a folder changes its time.
    folder_times: HashMap<Vec<u8>, Timespec>,
    /// Whether files get their checksums.
    sums: bool,
    /// One warning is enough.
    warned_of_xattrs: bool,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Tree<'a> {
        Tree { root, folder: None, folder_times: HashMap::new(), sums: false, warned_of_xattrs: false }
    }

    pub(super) fn with_sums(root: BorrowedFd<'a>) -> Tree<'a> {
        Tree { sums: true, ..Tree::new(root) }
    }

    /// The entry describes the layer's folder itself.
    pub(super) fn describe_root(&mut self, entry: &Entry) -> Result<(), Reason> {
        if !matches!(entry.kind, Kind::Directory) {
            return Err(Reason::Refused("the root is no folder in it"));
        }
        self.describe(self.root, &entry.meta)?;
        self.folder_times.insert(Vec::new(), entry.meta.mtime);
        Ok(())
    }

    /// Creates an entry; what the layer had under that name before is replaced, but folders are kept.
    pub(super) fn create(
        &mut self,
        place: &Place,
        entry: &Entry,
        archive: &mut impl Content,
    ) -> Result<(), UnpackError> {
        let failed = |reason: Reason| reason.of(&entry.path);
        if let Kind::File = entry.kind {
            let file = self.create_file(place).map_err(failed)?;
            self.write_content(&file, archive, &entry.path)?;
            return self
                .describe(file.as_fd(), &entry.meta)
                .and_then(|()| set_times(&file, entry))
                .map_err(failed);
        }
        self.create_other(place, entry).map_err(failed)
    }

    fn create_file(&mut self, place: &Place) -> Result<OwnedFd, Reason> {
        self.replacing(place, |folder| rustix::fs::openat(folder, &*place.name, CREATE_FILE, PRIVATE))
    }

    fn write_content(
        &self,
        file: &OwnedFd,
        archive: &mut impl Content,
        path: &[u8],
    ) -> Result<(), UnpackError> {
        let failed = |e: Errno| Reason::System(e).of(path);
        let mut sum = Crc::new();
        loop {
            let piece = archive.content().map_err(UnpackError::Read)?;
            if piece.is_empty() {
                break;
            }
            let written = rustix::io::retry_on_intr(|| rustix::io::write(file, piece)).map_err(failed)?;
            if self.sums {
                sum.update(&piece[..written]);
            }
            archive.consume(written);
        }
        if self.sums {
            let sum = sum.sum().to_le_bytes();
            rustix::fs::fsetxattr(file, SUM_XATTR, &sum, XattrFlags::empty()).map_err(failed)?;
        }
        Ok(())
    }

    fn create_other(&mut self, place: &Place, entry: &Entry) -> Result<(), Reason> {
        let name = &*place.name;
        let node = |kind: FileType, (major, minor): (u32, u32)| {
            move |folder: BorrowedFd<'_>| {
                rustix::fs::mknodat(folder, name, kind, PRIVATE, rustix::fs::makedev(major, minor))
            }
        };
        match &entry.kind {
            Kind::File => return Ok(()),
            Kind::Directory => return self.create_folder(place, &entry.meta),
            Kind::HardLink(target) => return self.create_hard_link(place, target),
            Kind::Symlink(text) if text.is_empty() => {
                return Err(Reason::Refused("it is a symbolic link to nothing"));
            }
            Kind::Symlink(text) => {
                self.replacing(place, |folder| rustix::fs::symlinkat(&**text, folder, name))?;
            }
            Kind::Fifo => self.replacing(place, node(FileType::Fifo, (0, 0)))?,
            Kind::CharDevice(major, minor) => {
                self.replacing(place, node(FileType::CharacterDevice, (*major, *minor)))?;
            }
            Kind::BlockDevice(major, minor) => {
                self.replacing(place, node(FileType::BlockDevice, (*major, *minor)))?;
            }
        }
        self.describe_name(place, entry)
    }

    fn create_folder(&mut self, place: &Place, meta: &Metadata) -> Result<(), Reason> {
        let folder = self.folder(&place.folder)?;
        let made = make_folder(folder, &place.name)?;
        self.describe(made.as_fd(), meta)?;
        let path = join(place);
        self.folder_times.insert(path.clone(), meta.mtime);
        // Its content comes next, as a rule.
        self.folder = Some((path, made));
        Ok(())
    }

    /// The target has to be in this layer already. Links share one inode, so the link's own metadata says nothing new.
    fn create_hard_link(&mut self, place: &Place, target: &[u8]) -> Result<(), Reason> {
        let target = link_target(target).map_err(Reason::Refused)?;
        if target == *place {
            return Err(Reason::Refused("it is a hard link to itself"));
        }
        let source = open_beneath(self.root, &target.folder).map_err(|e| match e {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => {
                Reason::Refused("its hard link's target is not in this layer")
            }
            e => Reason::System(e),
        })?;
        let linked = self.replacing(place, |folder| {
            rustix::fs::linkat(&source, &*target.name, folder, &*place.name, AtFlags::empty())
        });
        linked.map_err(|reason| match reason {
            Reason::System(Errno::NOENT) => Reason::Refused("its hard link's target is not in this layer"),
            Reason::System(Errno::PERM) => Reason::Refused("its hard link's target is a folder"),
            other => other,
        })
    }

    /// Hides a name of the layers below, as overlayfs wants it: a character device 0:0, or, where this layer has a folder of that name,
    /// an opaque folder. White-outs are about other layers, so what this one holds stays, whichever comes first.
    pub(super) fn hide(&mut self, place: &Place) -> Result<(), Reason> {
        let folder = self.folder(&place.folder)?;
        match look_up(folder, &place.name)? {
            Found::Folder => {
                let hidden = rustix::fs::openat(folder, &*place.name, OPEN_FOLDER, Mode::empty())?;
                set_opaque(&hidden)
            }
            Found::Whiteout | Found::Link | Found::Other => Ok(()),
            Found::Nothing => {
                let kind = FileType::CharacterDevice;
                rustix::fs::mknodat(folder, &*place.name, kind, Mode::empty(), rustix::fs::makedev(0, 0))?;
                Ok(())
            }
        }
    }

    /// Hides what the layers below have in a folder.
    pub(super) fn hide_content(&mut self, path: &[u8]) -> Result<(), Reason> {
        let folder = self.folder(path)?;
        set_opaque(rustix::fs::openat(folder, ".", OPEN_FOLDER, Mode::empty())?)
    }

    /// Sets the times of folders, now that nothing is created any more.
    pub(super) fn finish(self) -> Result<(), UnpackError> {
        for (path, mtime) in &self.folder_times {
            match open_beneath(self.root, path) {
                Ok(folder) => rustix::fs::futimens(&folder, &times(*mtime)),
                // A later entry replaced it.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
                Err(e) => Err(e),
            }
            .map_err(|e| Reason::System(e).of(path))?;
        }
        Ok(())
    }

    /// Runs `create` in the place's folder; if the name is taken, removes what has it and runs it again.
    fn replacing<T>(
        &mut self,
        place: &Place,
        create: impl Fn(BorrowedFd<'_>) -> SysResult<T>,
    ) -> Result<T, Reason> {
        let folder = self.folder(&place.folder)?;
        match create(folder) {
            Err(Errno::EXIST) => {
                remove(folder, &place.name)?;
                let made = create(folder)?;
                // What was removed may have been, or held, the folder at hand.
                self.folder = None;
                Ok(made)
            }
            made => Ok(made?),
        }
    }

    /// The descriptor of a folder, which is made if no entry did.
    fn folder(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Reason> {
        if path.is_empty() {
            return Ok(self.root);
        }
        let at_hand = matches!(&self.folder, Some((known, _)) if known == path);
        if !at_hand {
            let opened = match open_beneath(self.root, path) {
                Err(Errno::NOENT | Errno::NOTDIR) => make_folders(self.root, path)?,
                Err(Errno::LOOP) => return Err(Reason::Refused("its path goes through a symbolic link")),
                opened => opened?,
            };
            self.folder = Some((path.to_vec(), opened));
        }
        match &self.folder {
            Some((_, folder)) => Ok(folder.as_fd()),
            None => Ok(self.root),
        }
    }

    /// Owner first, because changing it clears capabilities and set-id bits.
    fn describe(&mut self, file: BorrowedFd<'_>, meta: &Metadata) -> Result<(), Reason> {
        rustix::fs::fchown(file, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)))?;
        for (name, value) in &meta.xattrs {
            if is_kept(name) {
                let set = rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty());
                self.tolerate_missing_xattrs(set, name)?;
            }
        }
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(meta.mode))?)
    }

    /// As [`Tree::describe`], for what cannot be opened without side effects.
    fn describe_name(&mut self, place: &Place, entry: &Entry) -> Result<(), Reason> {
        let folder = self.folder(&place.folder)?;
        let meta = &entry.meta;
        let name = &*place.name;
        let owner = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
        rustix::fs::chownat(folder, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        if !matches!(entry.kind, Kind::Symlink(_)) {
            // Follows links, but this is none.
            rustix::fs::chmodat(folder, name, Mode::from_raw_mode(meta.mode), AtFlags::empty())?;
        }
        rustix::fs::utimensat(folder, name, &times(meta.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
        let path = [format!("/proc/self/fd/{}/", folder.as_raw_fd()).as_bytes(), name].concat();
        for (key, value) in meta.xattrs.iter().filter(|(key, _)| is_kept(key)) {
            let set = rustix::fs::lsetxattr(&*path, key.as_slice(), value, XattrFlags::empty());
            self.tolerate_missing_xattrs(set, key)?;
        }
        Ok(())
    }

    /// tmpfs has `user.*` since Linux 6.6 only. An image is of use without them, and other engines go on, too.
    fn tolerate_missing_xattrs(&mut self, set: SysResult<()>, name: &[u8]) -> Result<(), Reason> {
        match set {
            Err(Errno::NOTSUP) => {
                if !std::mem::replace(&mut self.warned_of_xattrs, true) {
                    let name = String::from_utf8_lossy(name);
                    log::warn!(
                        "The store's file system cannot keep the extended attribute {name:?} of a layer"
                    );
                }
                Ok(())
            }
            set => Ok(set?),
        }
    }
}

/// overlayfs obeys these: they are ours to set, not the image's.
fn is_kept(xattr: &[u8]) -> bool {
    !xattr.starts_with(b"trusted.overlay.") && !xattr.starts_with(b"user.overlay.")
}

fn set_times(file: &OwnedFd, entry: &Entry) -> Result<(), Reason> {
    Ok(rustix::fs::futimens(file, &times(entry.meta.mtime))?)
}

fn times(mtime: Timespec) -> Timestamps {
    Timestamps { last_access: mtime, last_modification: mtime }
}

fn join(place: &Place) -> Vec<u8> {
    if place.folder.is_empty() {
        place.name.clone()
    } else {
        [&place.folder, &b"/"[..], &place.name].concat()
    }
}

fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> SysResult<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    rustix::fs::openat2(root, path, OPEN_FOLDER, Mode::empty(), BENEATH)
}

/// Makes what is missing of a path.
fn make_folders(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Reason> {
    let mut folder = open_beneath(root, b"")?;
    for name in path.split(|&b| b == b'/') {
        folder = match look_up(folder.as_fd(), name)? {
            Found::Folder => open_beneath(folder.as_fd(), name)?,
            Found::Link => return Err(Reason::Refused("its path goes through a symbolic link")),
            Found::Other => return Err(Reason::Refused("its path goes through something that is no folder")),
            Found::Nothing | Found::Whiteout => {
                let made = make_folder(folder.as_fd(), name)?;
                rustix::fs::fchmod(&made, IMPLIED_FOLDER)?;
                made
            }
        };
    }
    Ok(folder)
}

/// Makes or opens a folder. In the place of a white-out it hides what the white-out hid.
fn make_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Reason> {
    let mut opaque = false;
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Err(Errno::EXIST) => match look_up(parent, name)? {
            Found::Folder => {}
            found => {
                opaque = matches!(found, Found::Whiteout);
                rustix::fs::unlinkat(parent, name, AtFlags::empty())?;
                rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
            }
        },
        made => made?,
    }
    let made = rustix::fs::openat(parent, name, OPEN_FOLDER, Mode::empty())?;
    if opaque {
        set_opaque(&made)?;
    }
    Ok(made)
}

fn set_opaque(folder: impl AsFd) -> Result<(), Reason> {
    Ok(rustix::fs::fsetxattr(folder, OPAQUE_XATTR, b"y", XattrFlags::empty())?)
}

/// What has a name.
enum Found {
    Nothing,
    Folder,
    Link,
    Whiteout,
    Other,
}

fn look_up(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Found, Reason> {
    let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        stat => stat?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Found::Folder,
        FileType::Symlink => Found::Link,
        FileType::CharacterDevice if stat.st_rdev == 0 => Found::Whiteout,
        _ => Found::Other,
    })
}

/// Removes a file, or a folder with all it holds.
fn remove(parent: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        done => return done,
    }
    let mut folder = Dir::new(rustix::fs::openat(parent, name, OPEN_FOLDER, Mode::empty())?)?;
    while let Some(entry) = folder.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            remove(folder.fd()?, entry.file_name().to_bytes())?;
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}
