//! One object becomes a file.

use crate::Error;
use crate::attributes::Attributes;
use crate::folder::{is_gone, kind, split, stat_at};
use crate::known::Record;
use crate::report::lock;
use crate::run::{Run, Trouble, count};
use crate::temporary::Temporary;
use crate::walk::Entry;
use rustix::fs::{AtFlags, FallocateFlags, FileType, fallocate, ftruncate, unlinkat};
use rustix::io::Errno;
use s3::{Head, Object};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Flushed together, and given their names together.
const BATCH: usize = 128;
/// Whether there is room is tried for larger ones, so that a full disk shows before all is fetched in vain.
const LARGE: u64 = 1 << 20;
/// `PATH_MAX` of linux/limits.h.
const MAX_TARGET: usize = 4095;

/// An object that is to be a file.
pub(crate) struct Fetch {
    pub(crate) object: Object,
    pub(crate) path: PathBuf,
    pub(crate) local: Option<Entry>,
    /// There will be no other pass.
    pub(crate) is_last: bool,
}

/// A file that is whole, but not yet under its name.
pub(crate) struct Ready {
    temporary: Temporary,
    path: PathBuf,
    key: String,
    record: Record,
    replace: bool,
}

pub(crate) type Batch = Mutex<Vec<Ready>>;

impl Run<'_> {
    pub(crate) fn bring(&self, fetch: Fetch, batch: &Batch) {
        if self.report.is_stopped() {
            return;
        }
        let path = fetch.path.clone();
        let result =
            if fetch.object.key.ends_with('/') { self.make_folder(&fetch) } else { self.fetch(fetch, batch) };
        self.settle(&path, result);
    }

    /// For an empty folder's marker. A folder that is there stays as it is.
    fn make_folder(&self, fetch: &Fetch) -> Result<(), Trouble> {
        if self.keeps(&fetch.path) {
            return Ok(());
        }
        let (folder, is_new) = match self.mirror.folder.make_folder(&fetch.path) {
            Err(errno) if is_gone(errno) => return self.conflict(fetch),
            made => made.map_err(self.trouble("make", &fetch.path, 0))?,
        };
        if !is_new {
            self.count_equal();
            return Ok(());
        }
        let head = || self.mirror.bucket.head(&self.key(&fetch.object.key));
        if self.mirror.rules.preserve
            && let Some(head) = head().map_err(self.store_trouble(&fetch.path, 0))?
        {
            let attributes = Attributes::from_metadata(&head.metadata);
            attributes.apply(folder.as_fd()).map_err(self.trouble("write", &fetch.path, 0))?;
        }
        count(&self.progress.files);
        Ok(())
    }

    fn fetch(&self, fetch: Fetch, batch: &Batch) -> Result<(), Trouble> {
        if let Some(local) = &fetch.local {
            if self.is_equal_when_asked(local, &fetch.object)? {
                self.count_equal();
                return Ok(());
            }
            if !self.may_replace(local) {
                self.report.kept.add(&fetch.path, "");
                return Ok(());
            }
        }
        let Some((parent, name)) = split(&fetch.path) else { return Ok(()) };
        let failed = self.trouble("write", &fetch.path, fetch.object.size);
        let folder = match self.mirror.folder.make_folder(parent) {
            Ok((folder, _)) => folder,
            Err(errno) if is_gone(errno) => return self.conflict(&fetch),
            Err(errno) => return Err(failed(errno)),
        };
        if !self.is_free(&folder, name).map_err(&failed)? {
            return self.conflict(&fetch);
        }
        let (temporary, file) = Temporary::file(folder).map_err(&failed)?;
        try_room(&file, fetch.object.size).map_err(&failed)?;
        let head = self.mirror.bucket.get(&self.key(&fetch.object.key), &file, &self.progress.bytes);
        let Some(head) = head.map_err(self.store_trouble(&fetch.path, fetch.object.size))? else {
            return Err(Trouble::Gone);
        };
        give_back_room(&file, fetch.object.size, head.size).map_err(&failed)?;
        let record = self.dress(&temporary, &file, &head, &fetch.object).map_err(&failed)?;
        let replace = self.mirror.rules.overwrite || fetch.local.is_some();
        self.add(
            batch,
            Ready { temporary, path: fetch.path.clone(), key: fetch.object.key, record, replace },
        );
        Ok(())
    }

    /// What a listing cannot tell: the time that a file had before it was pushed, which only its object's metadata knows, and the ETag, should
    /// the store not list it.
    fn is_equal_when_asked(&self, local: &Entry, object: &Object) -> Result<bool, Trouble> {
        let record = self.record(local);
        let is_undecided = match record {
            Some(_) => object.etag.is_empty(),
            None => self.mirror.rules.preserve && local.stat.stx_size == object.size,
        };
        if !is_undecided {
            return Ok(false);
        }
        let head = self.mirror.bucket.head(&self.key(&object.key));
        let Some(head) = head.map_err(self.store_trouble(&local.path, object.size))? else {
            return Ok(false);
        };
        Ok(match record {
            Some(record) => self.is_settled(record, local, &head.etag),
            None => Attributes::from_metadata(&head.metadata).mtime == Some(Self::mtime(local)),
        })
    }

    fn may_replace(&self, local: &Entry) -> bool {
        self.mirror.rules.overwrite || self.mirror.known.is_unchanged(&local.key, &local.stat)
    }

    /// Whether a file may get this name: there is no folder with it, or an empty one that the source lacks.
    fn is_free(&self, folder: &OwnedFd, name: &Path) -> Result<bool, Errno> {
        match stat_at(folder.as_fd(), name) {
            Ok(stat) if kind(&stat) == FileType::Directory => {}
            Err(errno) if errno != Errno::NOENT => return Err(errno),
            _ => return Ok(true),
        }
        let may_remove = self.mirror.rules.overwrite && self.mirror.rules.remove;
        Ok(may_remove && unlinkat(folder, name, AtFlags::REMOVEDIR).is_ok())
    }

    /// A folder where a file should be, or the other way round. What is there is removed at the end of a pass, if the rules say so and nothing
    /// in it is excluded.
    fn conflict(&self, fetch: &Fetch) -> Result<(), Trouble> {
        let may_remove = self.mirror.rules.overwrite && self.mirror.rules.remove;
        if may_remove && !fetch.is_last {
            self.report.again(fetch.path.clone());
        } else {
            let reason = "a folder is where it needs a file, or a file or link where it needs a folder";
            self.report.refused.add(&fetch.path, reason);
        }
        Ok(())
    }

    /// Gives a file its attributes.
    /// Divergence: without others, it gets the object's time, so that neither side looks newer than the other; minio's client gives it the
    /// time of the pull.
    fn dress(
        &self,
        temporary: &Temporary,
        file: &File,
        head: &Head,
        object: &Object,
    ) -> Result<Record, Errno> {
        let mut attributes = if self.mirror.rules.preserve {
            Attributes::from_metadata(&head.metadata)
        } else {
            Attributes::default()
        };
        // A listing knows more than whole seconds.
        let modified = if head.etag == object.etag { object.modified } else { head.modified };
        attributes.mode = attributes.mode.or(Some(0o644));
        attributes.mtime = attributes.mtime.or(Some(modified));
        let known = &self.mirror.known;
        let stat = || stat_at(temporary.folder(), temporary.name());
        if attributes.is_link() {
            temporary.replace_by_link(&read_target(file)?)?;
            attributes.apply_to_link(temporary.folder(), temporary.name())?;
            return Ok(known.fetched(&head.etag, &stat()?));
        }
        attributes.apply(file.as_fd())?;
        let record = known.fetched(&head.etag, &stat()?);
        known.save(file.as_fd(), record);
        Ok(record)
    }

    /// Each has its folder open: while some get their names, the other threads wait, so that no more are open than make a batch.
    fn add(&self, batch: &Batch, ready: Ready) {
        let mut waiting = lock(batch);
        waiting.push(ready);
        if waiting.len() >= BATCH {
            self.commit(&mut waiting);
        }
    }

    /// Only what is on the disk gets its name: after a power cut, there is no half file. What got none vanishes.
    pub(crate) fn commit(&self, batch: &mut Vec<Ready>) {
        let batch = std::mem::take(batch);
        if batch.is_empty() {
            return;
        }
        if let Err(errno) = self.mirror.folder.flush() {
            return self.report.fatal(Error::io("flush", "")(errno));
        }
        for ready in batch {
            let Some((_, name)) = split(&ready.path) else { continue };
            if self.keeps(&ready.path) {
                continue;
            }
            // It may have been changed while this was fetched.
            let overwrite = self.mirror.rules.overwrite;
            if !overwrite && self.now(&ready.key, &ready.path).is_some_and(|local| !self.may_replace(&local))
            {
                self.report.kept.add(&ready.path, "");
                continue;
            }
            match ready.temporary.rename(name, ready.replace) {
                Ok(()) => {
                    self.mirror.known.remember(&ready.key, ready.record);
                    count(&self.progress.files);
                }
                Err(Errno::EXIST) => self.report.kept.add(&ready.path, ""),
                Err(errno) => self.settle(&ready.path, Err(self.trouble("write", &ready.path, 0)(errno))),
            }
        }
    }
}

fn try_room(file: &File, size: u64) -> Result<(), Errno> {
    if size < LARGE {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        // A file system that does not know how (FAT, NFS before 4.2).
        Err(Errno::OPNOTSUPP) => Ok(()),
        answer => answer,
    }
}

/// The object was replaced by a shorter one after it was listed.
fn give_back_room(file: &File, made_for: u64, size: u64) -> Result<(), Errno> {
    if size < made_for { ftruncate(file, size) } else { Ok(()) }
}

fn read_target(file: &File) -> Result<PathBuf, Errno> {
    let mut target = vec![0; MAX_TARGET + 1];
    let length =
        file.read_at(&mut target, 0).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if length > MAX_TARGET {
        return Err(Errno::NAMETOOLONG);
    }
    target.truncate(length);
    Ok(OsString::from_vec(target).into())
}
