//! One run in either direction: what both have in common.

use crate::known::Record;
use crate::pairs::{Pairs, objects};
use crate::report::{Report, lock};
use crate::walk::{Entry, Kind, View};
use crate::{Error, Keep, Mirror, Progress, key, time};
use rustix::io::Errno;
use s3::Object;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many keys are remembered to be deleted at the end of a pass. If there are more, another pass follows.
const MAX_EXTRA: usize = 100_000;

/// Reasons of a store ("Error responses" in the Amazon S3 API Reference) that are not about one object. `AccessDenied` may be: policies are
/// about keys, too. Whoever may do nothing may not list either, and that ends a run.
const FOR_ALL: [&str; 6] = [
    "NoSuchBucket",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
];

/// A run, and what it found.
pub(crate) struct Run<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) progress: &'a Progress,
    pub(crate) report: Report,
    /// The bucket and the folder are kept equal while both change.
    pub(crate) keep: Option<&'a Keep<'a>>,
    /// The destination has them, the source has not.
    extra: Mutex<Vec<Box<str>>>,
    /// Counted in this pass.
    equal: AtomicU64,
}

/// Why one file was not transferred.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is not there any more.
    Gone,
    /// It was written to meanwhile.
    Changed,
    /// It alone cannot be transferred.
    One(String),
    /// No other can be transferred either.
    All(Error),
}

impl<'a> Run<'a> {
    /// `by_name`: what could not be transferred is told by name, not by an error.
    pub(crate) fn new(mirror: &'a Mirror, progress: &'a Progress, by_name: bool) -> Run<'a> {
        Run {
            mirror,
            progress,
            report: Report::new(by_name),
            keep: None,
            extra: Mutex::default(),
            equal: AtomicU64::new(0),
        }
    }

    /// The folder, with what is noted on the way going to `report`.
    pub(crate) fn view<'b>(&'b self, report: &'b Report) -> View<'b> {
        let max_key = key::MAX_KEY.saturating_sub(self.mirror.prefix.len());
        View { folder: &self.mirror.folder, report, preserve: self.mirror.rules.preserve, max_key }
    }

    /// Both sides below a folder, whose key is empty or ends in `/`; `prefix` is that key behind the mirror's own prefix.
    pub(crate) fn pairs<'b>(
        &'b self,
        key: String,
        path: PathBuf,
    ) -> Pairs<impl Iterator<Item = Entry> + 'b, impl Iterator<Item = Result<Object, Error>> + 'b> {
        let exclude = &self.mirror.exclude;
        let listing = self.mirror.bucket.list(&self.key(&key));
        let local = self.view(&self.report).walk(key, path).filter(|entry| !exclude.is_match(&entry.key));
        Pairs::new(local, objects(listing, &self.mirror.prefix, exclude))
    }

    /// The whole key of one below the prefix.
    pub(crate) fn key(&self, relative: &str) -> String {
        format!("{}{relative}", self.mirror.prefix)
    }

    /// What [`Run::key`] was made of.
    pub(crate) fn relative<'b>(&self, key: &'b str) -> &'b str {
        key.strip_prefix(&self.mirror.prefix).unwrap_or(key)
    }

    /// What was written down about a file when it was transferred.
    pub(crate) fn record(&self, entry: &Entry) -> Option<Record> {
        self.mirror.known.get(&entry.key).or_else(|| {
            let through_links = match entry.kind {
                Kind::File => false,
                Kind::FileBehindLink => true,
                Kind::Link | Kind::EmptyFolder => return None,
            };
            self.mirror.known.load(self.mirror.folder.open_file(&entry.path, through_links).ok()?.as_fd())
        })
    }

    /// What takes part at a path now.
    pub(crate) fn now(&self, key: &str, path: &Path) -> Option<Entry> {
        let stat = self.mirror.folder.stat(path).ok()?;
        self.view(&Report::default()).entry(key.to_owned(), path.to_owned(), stat)
    }

    /// Whether a pull has to leave this path alone.
    pub(crate) fn keeps(&self, path: &Path) -> bool {
        self.keep.is_some_and(|keep| keep(path))
    }

    pub(crate) fn count_equal(&self) {
        count(&self.equal);
        count(&self.progress.equal);
    }

    /// Before a pass that looks at everything again.
    pub(crate) fn start_over(&self) {
        self.progress.equal.fetch_sub(self.equal.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        self.report.clear();
    }

    pub(crate) fn extra(&self, key: &str) {
        let mut extra = lock(&self.extra);
        if extra.len() <= MAX_EXTRA {
            extra.push(key.into());
        }
    }

    /// Those of the pass, and whether there are more.
    pub(crate) fn take_extra(&self) -> (Vec<Box<str>>, bool) {
        let mut extra = std::mem::take(&mut *lock(&self.extra));
        let are_more = extra.len() > MAX_EXTRA;
        extra.truncate(MAX_EXTRA);
        (extra, are_more)
    }

    /// Puts down how the transfer of one file ended.
    pub(crate) fn settle(&self, path: &Path, result: Result<(), Trouble>) {
        match result {
            Ok(()) | Err(Trouble::Gone) => {}
            Err(Trouble::Changed) => self.report.again(path.to_owned()),
            Err(Trouble::One(reason)) => self.report.fail(path, reason),
            Err(Trouble::All(error)) => self.report.fatal(error),
        }
    }

    /// What an answer of the operating system about the file at `path` means for the others. `size` is what has to be written.
    pub(crate) fn trouble(&self, action: &'static str, path: &Path, size: u64) -> impl Fn(Errno) -> Trouble {
        move |errno| match errno {
            Errno::NOSPC | Errno::DQUOT => Trouble::All(Error::Full {
                path: path.to_owned(),
                needed: size,
                free: self.mirror.folder.free(),
            }),
            Errno::ROFS | Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
                Trouble::All(Error::io(action, path)(errno))
            }
            errno => Trouble::One(format!("cannot {action} it: {}", io::Error::from(errno))),
        }
    }

    /// What an answer of the store, or about the local file that the store's client reads or writes, means for the others.
    pub(crate) fn store_trouble(&self, path: &Path, size: u64) -> impl Fn(s3::Error) -> Trouble {
        move |error| match error {
            s3::Error::SourceChanged => Trouble::Changed,
            s3::Error::File { source, .. } => {
                let errno = Errno::from_io_error(&source).unwrap_or(Errno::IO);
                self.trouble("read or write", path, size)(errno)
            }
            s3::Error::Protocol { .. } => Trouble::One(error.to_string()),
            s3::Error::Refused(ref refused)
                if refused.status < 500 && !FOR_ALL.contains(&refused.code.as_str()) =>
            {
                Trouble::One(error.to_string())
            }
            error => Trouble::All(error.into()),
        }
    }

    /// When a file was changed.
    pub(crate) fn mtime(entry: &Entry) -> i128 {
        time::of(entry.stat.stx_mtime)
    }
}

/// Adds one to a count of [`Progress`].
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
