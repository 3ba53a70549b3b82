//! A folder and a prefix of an S3 bucket, made equal: once ([`Mirror::pull`], [`Mirror::push`]), or all the time (`Continuous`).
//!
//! The folder belongs to containers, which may change it, and put links anywhere, at any time: nothing here follows a path that leads outside.

pub mod continuous;
pub mod watch;

use s3::Bucket;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
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
}

/// Why a mirror could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store.
    #[error(transparent)]
    S3(#[from] s3::Error),
}

/// The two sides, and the rules.
pub struct Mirror {
    _folder: OwnedFd,
    _bucket: Bucket,
    _prefix: String,
    _rules: Rules,
}

impl Mirror {
    /// `folder`: opened by the caller. `prefix`: without slashes around it; may be empty.
    pub fn new(folder: OwnedFd, bucket: Bucket, prefix: &str, rules: Rules) -> Result<Mirror, Error> {
        Ok(Mirror { _folder: folder, _bucket: bucket, _prefix: prefix.to_owned(), _rules: rules })
    }

    /// From the bucket into the folder.
    pub fn pull(&self, progress: &Progress) -> Result<(), Error> {
        let _ = progress;
        Ok(())
    }

    /// From the folder into the bucket.
    pub fn push(&self, progress: &Progress) -> Result<(), Error> {
        let _ = progress;
        Ok(())
    }

    /// As [`Mirror::push`], but looks only at these paths, relative to the folder (files, links, or whole folders with all below; what is not there any more is
    /// removed in the bucket if the rules say so). Gives those that have to be looked at again (they changed meanwhile, or the store failed for them).
    pub fn push_paths(&self, paths: &[PathBuf], progress: &Progress) -> Result<Vec<PathBuf>, Error> {
        let _ = (paths, progress);
        Ok(Vec::new())
    }
}
