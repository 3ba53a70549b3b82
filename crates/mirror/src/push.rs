//! From the folder into the bucket: what has to be sent, and what deleted.

use crate::folder::{is_gone, kind};
use crate::pairs::{Pair, objects};
use crate::run::{Run, Trouble};
use crate::upload::Effort;
use crate::walk::{Entry, Kind};
use crate::{Error, key, pool, time};
use rustix::fs::{FileType, Statx};
use s3::Object;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// Before each time that files which changed while they were read are tried. The last time, a copy is made first.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1500)];
/// Amazon S3 API Reference, DeleteObjects: at most 1000 keys.
const DELETED_AT_ONCE: usize = 1000;

/// What is to be done for one key.
enum Job {
    /// The bucket lacks it, or has something else.
    Put(Entry),
    /// What the bucket has is not known.
    Compare(Entry),
    /// There is no such file in the folder, or none that takes part.
    Gone(String),
    /// There is no such folder.
    GoneFolder(String),
}

impl Run<'_> {
    pub(crate) fn push(&self) -> Result<(), Error> {
        let mut paths = vec![PathBuf::new()];
        for (attempt, pause) in PAUSES.iter().enumerate() {
            thread::sleep(*pause);
            let is_last = attempt + 1 == PAUSES.len();
            self.push_once(&paths, if is_last { Effort::Copy } else { Effort::Ordinary })?;
            paths = self.report.take_again();
            if paths.is_empty() {
                break;
            }
        }
        for path in paths {
            self.report.fail(path, "it changes all the time");
        }
        self.report.warn();
        self.progress.kept.fetch_add(self.report.kept(), Ordering::Relaxed);
        self.report.finish()
    }

    pub(crate) fn push_paths(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        if !self.push_once(paths, Effort::Ordinary)? {
            paths.iter().cloned().for_each(|path| self.report.again(path));
        }
        Ok(self.report.take_again())
    }

    /// Says whether all could be read; if not, nothing was deleted.
    fn push_once(&self, paths: &[PathBuf], effort: Effort) -> Result<bool, Error> {
        loop {
            if paths.iter().any(|path| path.as_os_str().is_empty()) {
                self.start_over();
            }
            pool::run(
                |job| self.do_job(job, effort),
                |send| {
                    paths
                        .iter()
                        .take_while(|_| !self.report.is_stopped())
                        .for_each(|path| self.look(path, send));
                },
            );
            self.report.check()?;
            let (extra, are_more) = self.take_extra();
            if !self.report.take_complete() {
                return Ok(false);
            }
            if self.delete(&extra)? == 0 || !are_more {
                return Ok(true);
            }
        }
    }

    /// Finds out what there is to be done under one path.
    fn look(&self, path: &Path, send: &mut dyn FnMut(Job)) {
        let Some(key) = key::of_path(path) else { return };
        if key.is_empty() {
            return self.compare(key, PathBuf::new(), send);
        }
        // An unfinished file, for example.
        let Ok(path) = key::to_path(&key) else { return };
        match self.mirror.folder.stat(&path) {
            Ok(stat) if kind(&stat) == FileType::Directory => {
                // Should it be a file again the next time, what is put below now has to go then.
                self.mirror.known.forget(&key);
                self.gone(Job::Gone(key.clone()), send);
                self.compare(key + "/", path, send);
            }
            Ok(stat) => self.look_at_file(key, path, stat, send),
            Err(errno) if is_gone(errno) => {
                self.gone(Job::Gone(key.clone()), send);
                self.gone(Job::GoneFolder(key), send);
            }
            Err(errno) => self.report.fail(path, errno),
        }
    }

    fn look_at_file(&self, key: String, path: PathBuf, stat: Statx, send: &mut dyn FnMut(Job)) {
        // A file that was put here is no folder since, or that was found out then.
        if self.mirror.known.get(&key).is_none() {
            self.gone(Job::GoneFolder(key.clone()), send);
        }
        if self.mirror.exclude.is_match(&key) {
            return;
        }
        let view = self.view(&self.report);
        match view.entry(key.clone(), path, stat).filter(|entry| entry.key.len() <= view.max_key) {
            Some(entry) => self.ask(entry, send),
            None => self.gone(Job::Gone(key), send),
        }
    }

    fn gone(&self, job: Job, send: &mut dyn FnMut(Job)) {
        if self.mirror.rules.remove {
            send(job);
        }
    }

    /// Compares all that is below a folder.
    fn compare(&self, key: String, path: PathBuf, send: &mut dyn FnMut(Job)) {
        for pair in self.pairs(key, path) {
            if self.report.is_stopped() {
                break;
            }
            match pair {
                Err(error) => self.report.fatal(error),
                Ok(Pair::Local(entry)) => send(Job::Put(entry)),
                Ok(Pair::Both(entry, object)) if object.etag.is_empty() => self.ask(entry, send),
                Ok(Pair::Both(entry, object)) => {
                    if self.has_to_be_put(&entry, &object) {
                        send(Job::Put(entry));
                    }
                }
                Ok(Pair::Object(object)) => {
                    if self.mirror.rules.remove {
                        self.extra_object(&object);
                    }
                }
            }
        }
    }

    /// Without a listing, or one without ETags. What this mirror has put there itself, the store need not be asked about.
    fn ask(&self, entry: Entry, send: &mut dyn FnMut(Job)) {
        if self.mirror.known.is_unchanged(&entry.key, &entry.stat) {
            self.count_equal();
        } else {
            send(Job::Compare(entry));
        }
    }

    fn has_to_be_put(&self, entry: &Entry, object: &Object) -> bool {
        if self.is_in_bucket(entry, object) {
            self.count_equal();
            return false;
        }
        let may_replace = self.mirror.rules.overwrite
            || self.record(entry).is_some_and(|record| self.mirror.known.is_ours(record, &object.etag));
        if !may_replace {
            self.report.kept.add(&entry.path, "");
        }
        may_replace
    }

    /// Whether the bucket has what the folder has. Without a record, times decide, but not about what was written since the machine was
    /// started: its clock may have been behind the store's, and what is unpacked or copied may keep a time of the past.
    fn is_in_bucket(&self, entry: &Entry, object: &Object) -> bool {
        if entry.kind == Kind::EmptyFolder {
            return object.size == 0;
        }
        let (mtime, ctime) = (Self::mtime(entry), time::of(entry.stat.stx_ctime));
        entry.stat.stx_size == object.size
            && match self.record(entry) {
                Some(record) => self.mirror.known.is_equal(record, &object.etag, &entry.stat),
                None => {
                    let is_older = mtime <= object.modified && mtime.max(ctime) <= self.mirror.boot;
                    mtime == object.modified || is_older
                }
            }
    }

    fn do_job(&self, job: Job, effort: Effort) {
        if self.report.is_stopped() {
            return;
        }
        match job {
            Job::Put(entry) => self.settle(&entry.path, self.put(&entry, effort)),
            Job::Compare(entry) => self.settle(&entry.path, self.put_if_different(&entry, effort)),
            Job::Gone(key) => {
                let path = key::to_path(&key).unwrap_or_default();
                self.settle(&path, self.find_object(&key, &path));
            }
            Job::GoneFolder(key) => self.find_below(&key).unwrap_or_else(|error| self.report.fatal(error)),
        }
    }

    fn put_if_different(&self, entry: &Entry, effort: Effort) -> Result<(), Trouble> {
        let may_replace = self.mirror.rules.overwrite && self.mirror.known.get(&entry.key).is_some();
        if may_replace {
            return self.put(entry, effort);
        }
        let trouble = self.store_trouble(&entry.path, entry.stat.stx_size);
        if let Some(head) = self.mirror.bucket.head(&self.key(&entry.key)).map_err(trouble)? {
            let object =
                Object { key: entry.key.clone(), size: head.size, etag: head.etag, modified: head.modified };
            if !self.has_to_be_put(entry, &object) {
                return Ok(());
            }
        }
        self.put(entry, effort)
    }

    /// Notes what the bucket has for a file that is not there any more.
    fn find_object(&self, key: &str, path: &Path) -> Result<(), Trouble> {
        if self.mirror.exclude.is_match(key) {
            return Ok(());
        }
        let head = self.mirror.bucket.head(&self.key(key));
        if head.map_err(self.store_trouble(path, 0))?.is_some() {
            self.extra(key);
        }
        Ok(())
    }

    /// Notes all that the bucket has for a folder that is not there any more.
    fn find_below(&self, key: &str) -> Result<(), Error> {
        let below = self.key(&format!("{key}/"));
        for object in objects(self.mirror.bucket.list(&below), &self.mirror.prefix, &self.mirror.exclude) {
            self.extra_object(&object?);
        }
        Ok(())
    }

    /// What a pull has to leave out was never in the folder, so that the folder lacks it says nothing.
    fn extra_object(&self, object: &Object) {
        if key::path_of(object).is_ok() {
            self.extra(&object.key);
        }
    }

    /// Deletes what the folder still has not; says how many.
    fn delete(&self, keys: &[Box<str>]) -> Result<usize, Error> {
        let mut deleted = 0;
        for keys in keys.chunks(DELETED_AT_ONCE) {
            // Whatever is there when it is looked at the next time: the bucket may have something else.
            keys.iter().for_each(|key| self.mirror.known.forget(key));
            let keys: Vec<String> =
                keys.iter().filter(|key| !self.is_back(key)).map(|key| self.key(key)).collect();
            let failed = self.mirror.bucket.delete(&keys)?;
            deleted += keys.len() - failed.len().min(keys.len());
            for (key, reason) in failed {
                let path = key::to_path(self.relative(&key)).unwrap_or_default();
                self.report.fail(path, format!("cannot delete {key:?}: {reason}"));
            }
        }
        self.progress.removed.fetch_add(deleted as u64, Ordering::Relaxed);
        Ok(deleted)
    }

    /// Whether a file that was not there was made since.
    fn is_back(&self, key: &str) -> bool {
        key::to_path(key).is_ok_and(|path| !key.ends_with('/') && self.now(key, &path).is_some())
    }
}
