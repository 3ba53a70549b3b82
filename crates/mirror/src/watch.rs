//! All that changes below a folder, by inotify(7), as paths that have to be looked at.
//!
//! One rule keeps the map of watched folders right, however far the tree is ahead of its events: whatever an event says about a folder's name, what
//! is at that name *now* is watched there, with all below, and what was there before is not. Renames need no cookies, no pairing and no waiting. If the
//! look comes too early or too late, another event for it is still in the queue.
//!
//! Why not fanotify(7): its one mark for a whole file system saves the watches, but it reports what all containers do on the cache drive, gives handles
//! that tmpfs, NFS, virtiofs and btrfs subvolumes cannot all give or open on the kernels that we support (from 5.10), and names that are as stale.
//!
//! inotify does not see: writes through a shared mapping before the file is closed, writes by another name of the same file in another folder, and what other machines do
//! on a file server.

mod limits;
mod listing;
mod map;

use crate::folder::{Folder, is_gone};
use crate::temporary;
use map::Map;
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Each watch pins a folder in the kernel's memory, which costs up to 1.5 kB.
const MAX_FOLDERS: usize = 65_536;
/// A key in S3 is not longer (Amazon S3 User Guide, "Naming Amazon S3 objects"), so what is deeper can not be mirrored.
const MAX_PATH: usize = 1024;
/// Room for some hundred events.
const BUFFER: usize = 32 << 10;

const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

const MADE: ReadFlags = ReadFlags::CREATE;
const CAME_OR_WENT: ReadFlags = ReadFlags::MOVED_TO.union(ReadFlags::MOVED_FROM).union(ReadFlags::DELETE);

/// The watched tree.
#[derive(Debug)]
pub struct Watch {
    root: Folder,
    /// `None`: there is none to be had.
    inotify: Option<Arc<OwnedFd>>,
    map: Map,
    queue: usize,
    blind_spot: Option<String>,
}

impl Watch {
    /// Watches `root`, and all below. What is there already is not reported.
    pub fn new(root: OwnedFd) -> Watch {
        let queue = limits::raise(MAX_FOLDERS);
        let root = Folder::new(root);
        let mut watch = Watch { root, inotify: None, map: Map::default(), queue, blind_spot: None };
        watch.build();
        watch
    }

    /// Reports what has changed until now: paths relative to the root, each to be looked at with all below. The empty one is everything, for when the kernel's queue was too
    /// short. A path may be reported more than once, and too often, but never too seldom.
    pub fn read(&mut self, report: &mut dyn FnMut(PathBuf)) {
        let Some(inotify) = self.inotify.clone() else { return };
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&*inotify, &mut buffer);
        // What comes while this reads may wait for the next time, or this might never end. The event for a full queue comes on top.
        let mut left = self.queue.saturating_add(1);
        while left > 0 || !reader.is_buffer_empty() {
            left = left.saturating_sub(1);
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => continue,
                Err(errno) => return self.is_blind(Path::new(""), errno),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                self.build();
                return report(PathBuf::new());
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            self.take(event.wd(), event.events(), name, report);
        }
    }

    /// What to wait for with poll(2); another one after the queue was too short.
    pub fn inotify(&self) -> Option<Arc<OwnedFd>> {
        self.inotify.clone()
    }

    /// The first folder that cannot be watched, and why: everything has to be looked at now and then.
    pub fn blind_spot(&self) -> Option<&str> {
        self.blind_spot.as_deref()
    }

    /// Whether there is anything at `path`. At the empty one, the root is.
    pub(crate) fn has(&self, path: &Path) -> bool {
        path.as_os_str().is_empty() || self.root.stat(path).is_ok()
    }

    /// Begins anew with an empty queue.
    fn build(&mut self) {
        self.map = Map::default();
        self.blind_spot = None;
        self.inotify = None;
        match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
            Ok(inotify) => self.inotify = Some(Arc::new(inotify)),
            Err(errno) => return self.is_blind(Path::new(""), errno),
        }
        let root = self.root.open_folder(Path::new("")).and_then(|root| Ok((self.add(&root)?, root)));
        match root {
            Ok((watch, root)) => {
                self.map.insert_root(watch);
                let found = self.folders_in(&root, Path::new(""), watch, MAX_FOLDERS);
                self.look_at(found);
            }
            Err(errno) => self.is_blind(Path::new(""), errno),
        }
    }

    fn take(&mut self, watch: i32, events: ReadFlags, name: Option<&OsStr>, report: &mut dyn FnMut(PathBuf)) {
        // A folder that is not watched any more was looked at, with all below, when it went.
        let Some(mut path) = self.map.path(watch) else { return };
        let Some(name) = name else {
            return self.ignored(watch, events);
        };
        if temporary::is_one(name.as_bytes()) {
            return;
        }
        path.push(name);
        if !events.contains(ReadFlags::ISDIR) {
            return report(path);
        }
        // A folder's own attributes are not worth a look at all that is in it.
        if !events.intersects(MADE.union(CAME_OR_WENT)) {
            return;
        }
        let news = self.look_at(vec![(watch, name.to_owned())]);
        // A new one that was found when its parent was listed has been reported with that.
        if news || events.intersects(CAME_OR_WENT) {
            report(path);
        }
    }

    /// The kernel takes a watch away when its folder is gone.
    fn ignored(&mut self, watch: i32, events: ReadFlags) {
        if !events.contains(ReadFlags::IGNORED) {
            return;
        }
        self.map.remove(watch);
        if self.map.is_root(watch) {
            self.is_blind(Path::new(""), Errno::NOENT);
        }
    }

    /// Makes the map right for these names, and for all below. `true`: it was not.
    fn look_at(&mut self, mut names: Vec<(i32, OsString)>) -> bool {
        let mut news = false;
        while let Some((parent, name)) = names.pop() {
            let Some(path) = self.map.path(parent).map(|path| path.join(&name)) else { continue };
            let (watch, found) = match self.place(parent, &name, &path) {
                Ok(Some(placed)) => placed,
                Ok(None) => continue,
                Err(errno) => {
                    self.is_blind(&path, errno);
                    news = true;
                    continue;
                }
            };
            news = true;
            let room = MAX_FOLDERS.saturating_sub(self.map.len() + names.len());
            names.extend(self.folders_in(&found, &path, watch, room));
        }
        news
    }

    /// Watches the folder that is at a name now. `None`: there is none, or it is watched there already.
    fn place(&mut self, parent: i32, name: &OsStr, path: &Path) -> Result<Option<(i32, OwnedFd)>, Errno> {
        if path.as_os_str().len() > MAX_PATH {
            return Ok(None);
        }
        let before = self.map.at(parent, name);
        let found = match self.root.open_folder(path) {
            Ok(found) => found,
            Err(errno) => {
                before.into_iter().for_each(|before| self.forget(before));
                return if is_gone(errno) { Ok(None) } else { Err(errno) };
            }
        };
        let mut watch = self.add(&found)?;
        if before == Some(watch) || self.map.is_root(watch) {
            return Ok(None);
        }
        before.into_iter().for_each(|before| self.forget(before));
        if self.map.has(watch) {
            // It was somewhere else when its last event was read.
            self.forget(watch);
            watch = self.add(&found)?;
        }
        if !self.map.insert(watch, parent, name) {
            // It was above this place, and all that was below it is forgotten: the events that say how it came here are still to be read.
            self.remove(watch);
            return Ok(None);
        }
        Ok(Some((watch, found)))
    }

    /// The name leads to the descriptor, whatever is at its path meanwhile: nothing else can be watched by it.
    fn add(&self, folder: &OwnedFd) -> Result<i32, Errno> {
        let inotify = self.inotify.as_ref().ok_or(Errno::BADF)?;
        if self.map.len() >= MAX_FOLDERS {
            return Err(Errno::NOSPC);
        }
        inotify::add_watch(inotify, format!("/proc/self/fd/{}", folder.as_raw_fd()), EVENTS)
    }

    fn forget(&mut self, watch: i32) {
        for watch in self.map.remove(watch) {
            self.remove(watch);
        }
    }

    fn remove(&self, watch: i32) {
        if let Some(inotify) = &self.inotify {
            // It is gone already if the folder is.
            let _ = inotify::remove_watch(inotify, watch);
        }
    }

    fn folders_in(&mut self, folder: &OwnedFd, path: &Path, watch: i32, room: usize) -> Vec<(i32, OsString)> {
        match listing::folders_in(folder, room) {
            Ok(names) => names.into_iter().map(|name| (watch, name)).collect(),
            Err(errno) => {
                self.is_blind(path, errno);
                Vec::new()
            }
        }
    }

    fn is_blind(&mut self, path: &Path, errno: Errno) {
        let reason = match errno {
            Errno::NOSPC => "there are too many folders".to_owned(),
            errno => errno.to_string(),
        };
        self.blind_spot.get_or_insert_with(|| format!("{}: {reason}", Path::new("/").join(path).display()));
    }
}
