//! From the bucket into the folder: what has to be brought, and what removed.

use crate::download::{Batch, Fetch};
use crate::folder::is_gone;
use crate::known::Record;
use crate::pairs::{Files, Pair};
use crate::report::lock;
use crate::run::{Run, count};
use crate::walk::{Entry, Kind};
use crate::{Error, key, pool};
use s3::Object;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// The second brings what had no place before something was removed.
const PASSES: usize = 2;

impl Run<'_> {
    pub(crate) fn pull(&self) -> Result<(), Error> {
        for pass in 1..=PASSES {
            while self.pull_once(pass == PASSES)? {}
            if self.report.take_again().is_empty() {
                break;
            }
        }
        self.report.warn();
        self.progress.kept.fetch_add(self.report.kept(), Ordering::Relaxed);
        self.report.finish()
    }

    /// Says whether there is more to be removed.
    fn pull_once(&self, is_last: bool) -> Result<bool, Error> {
        self.start_over();
        let batch = Batch::default();
        pool::run(|fetch| self.bring(fetch, &batch), |send| self.find(is_last, send));
        self.commit(&mut lock(&batch));
        self.report.check()?;
        // The listing was read to its end.
        let (extra, are_more) = self.take_extra();
        let removed = extra.iter().filter(|key| self.remove(key)).count();
        Ok(are_more && removed > 0)
    }

    /// Compares both sides.
    fn find(&self, is_last: bool, send: &mut dyn FnMut(Fetch)) {
        let mut files = Files::default();
        for pair in self.pairs(String::new(), PathBuf::new()) {
            if self.report.is_stopped() {
                break;
            }
            let (local, object) = match pair {
                Err(error) => return self.report.fatal(error),
                Ok(Pair::Local(entry)) => {
                    if self.mirror.rules.remove {
                        self.extra(&entry.key);
                    }
                    continue;
                }
                Ok(Pair::Object(object)) => (None, object),
                Ok(Pair::Both(entry, object)) => (Some(entry), object),
            };
            match self.place(&object, &mut files) {
                Err(reason) => self.report.refused.add(&object.key, reason),
                Ok(_) if local.as_ref().is_some_and(|local| self.is_in_folder(local, &object)) => {
                    self.count_equal();
                }
                Ok(path) => send(Fetch { object, path, local, is_last }),
            }
        }
    }

    /// Where an object goes.
    fn place(&self, object: &Object, files: &mut Files) -> Result<PathBuf, &'static str> {
        let path = key::path_of(object)?;
        if files.block(&object.key) {
            return Err("another object is a file where it needs a folder");
        }
        Ok(path)
    }

    /// Whether the folder has what the bucket has, or something newer: what was transferred once and has not changed in the bucket since is no
    /// reason to undo what changed here. Without a record, sizes and times decide.
    fn is_in_folder(&self, local: &Entry, object: &Object) -> bool {
        local.kind == Kind::EmptyFolder
            || match self.record(local) {
                Some(record) => self.is_settled(record, local, &object.etag),
                None => local.stat.stx_size == object.size && object.modified <= Self::mtime(local),
            }
    }

    /// Whether what is in the folder may stay. If it is pushed, that is for as long as the object has nothing newer, for what was changed here is pushed yet; else only while
    /// nothing was changed here.
    pub(crate) fn is_settled(&self, record: Record, local: &Entry, etag: &str) -> bool {
        match self.mirror.resets {
            true => self.mirror.known.is_equal(record, etag, &local.stat),
            false => self.mirror.known.is_covered(record, etag),
        }
    }

    /// Says whether it did.
    fn remove(&self, key: &str) -> bool {
        let Ok(path) = key::to_path(key) else { return false };
        if self.keeps(&path) || self.keep.is_some() && self.is_new(key, &path) {
            return false;
        }
        self.mirror.known.forget(key);
        let removed = self.mirror.folder.remove(&path);
        match removed {
            Ok(()) => count(&self.progress.removed),
            Err(errno) if is_gone(errno) => {}
            Err(errno) => self.settle(&path, Err(self.trouble("remove", &path, 0)(errno))),
        }
        removed.is_ok()
    }

    /// Whether a file was made or changed since it was transferred, if ever. What is not watched (too many folders, a file server's other
    /// machines) can be found out only so.
    fn is_new(&self, key: &str, path: &Path) -> bool {
        self.now(key, path).is_some_and(|entry| {
            self.record(&entry).is_none_or(|record| record.file != self.mirror.known.file(&entry.stat))
        })
    }
}
