//! A folder and a prefix of an S3 bucket, made equal: once ([`Mirror::pull`], [`Mirror::push`]), or all the time ([`continuous::Continuous`]).
//!
//! The folder belongs to containers, which may change it, and put links anywhere, at any time: nothing here follows a path that leads outside.
//!
//! Both sides are read in the order of their keys and compared as they go by; what differs is handed to some threads. Memory does not grow
//! with the count of files, but for what is remembered of those that were transferred.

mod attributes;
pub mod continuous;
mod download;
mod error;
mod folder;
pub mod glob;
mod key;
mod known;
mod pairs;
mod pool;
mod pull;
mod push;
mod report;
mod run;
mod temporary;
mod time;
mod upload;
mod walk;
pub mod watch;

pub use error::Error;

use folder::Folder;
use glob::Globs;
use known::Known;
use run::Run;
use s3::Bucket;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

/// What to do where both sides differ.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Replace what differs at the destination.
    pub overwrite: bool,
    /// Delete at the destination what the source lacks.
    pub remove: bool,
    /// Keep mode, owner and times.
    pub preserve: bool,
    /// Globs of what does not take part.
    pub exclude: Vec<String>,
}

/// Counts, for progress lines and summaries; all may be read while work goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that were transferred.
    pub files: AtomicU64,
    /// Bytes that were transferred.
    pub bytes: AtomicU64,
    /// Files or objects that were deleted at the destination.
    pub removed: AtomicU64,
    /// Files that were equal already.
    pub equal: AtomicU64,
    /// Files that differ at the destination, and stay so, because the rules do not let them be replaced.
    pub kept: AtomicU64,
}

/// Says of a path, relative to the folder, that a pull must not touch it.
pub type Keep<'a> = dyn Fn(&Path) -> bool + Sync + 'a;

/// The two sides, and the rules. One run at a time: others wait for its end.
pub struct Mirror {
    folder: Folder,
    bucket: Bucket,
    /// Empty, or with a `/` at its end.
    prefix: String,
    rules: Rules,
    /// A pull undoes what was changed in the folder.
    resets: bool,
    exclude: Globs,
    known: Known,
    /// When the machine was started, by its own clock.
    boot: i128,
    turn: Mutex<()>,
}

impl Mirror {
    /// `folder`: opened by the caller. `prefix`: without slashes around it; may be empty.
    pub fn new(folder: OwnedFd, bucket: Bucket, prefix: &str, rules: Rules) -> Mirror {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let exclude = Globs::new(&rules.exclude);
        let known = Known::new(&format!("{}/{prefix}", bucket.name()), rules.preserve);
        let (folder, boot) = (Folder::new(folder), time::boot());
        Mirror { folder, bucket, prefix, rules, resets: false, exclude, known, boot, turn: Mutex::default() }
    }

    /// For a folder that is not pushed to where it is pulled from: with `overwrite`, a pull undoes what was changed in it, so that every boot finds the same.
    #[must_use]
    pub fn reset_by_pulls(self) -> Mirror {
        Mirror { resets: true, ..self }
    }

    /// From the bucket into the folder.
    ///
    /// # Errors
    /// When the store or the disk fails; nothing is deleted then. When single files could not be mirrored; all others are.
    pub fn pull(&self, progress: &Progress) -> Result<(), Error> {
        let _turn = report::lock(&self.turn);
        Run::new(self, progress, false).pull()
    }

    /// As [`Mirror::pull`], for a folder that is pushed as well: paths that `keep` wants to be left alone are, and it is asked right before each
    /// change. Only files that were transferred, and have not changed since, are removed.
    ///
    /// # Errors
    /// As [`Mirror::pull`].
    pub fn pull_but(&self, keep: &Keep<'_>, progress: &Progress) -> Result<(), Error> {
        let _turn = report::lock(&self.turn);
        let mut run = Run::new(self, progress, false);
        run.keep = Some(keep);
        run.pull()
    }

    /// From the folder into the bucket.
    ///
    /// # Errors
    /// When the store fails; nothing is deleted then. When single files could not be mirrored; all others are.
    pub fn push(&self, progress: &Progress) -> Result<(), Error> {
        let _turn = report::lock(&self.turn);
        Run::new(self, progress, false).push()
    }

    /// As [`Mirror::push`], but looks only at these paths, relative to the folder (files, links, or whole folders with all below; what is not
    /// there any more is removed in the bucket if the rules say so). Gives those that have to be looked at again: they changed meanwhile, or
    /// could not be read.
    ///
    /// # Errors
    /// When the store fails. All of the paths have to be looked at again then.
    pub fn push_paths(&self, paths: &[PathBuf], progress: &Progress) -> Result<Vec<PathBuf>, Error> {
        let _turn = report::lock(&self.turn);
        Run::new(self, progress, true).push_paths(paths)
    }
}
