//! What can go wrong, in words that say what to do.

use std::io;
use std::path::PathBuf;

/// Why a mirror could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store.
    #[error(transparent)]
    S3(#[from] s3::Error),
    /// The operating system said no to something that the rest needs too.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// A verb.
        action: &'static str,
        /// Below the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk is full.
    #[error(
        "no room for {path:?}, which has {needed} bytes: {free} bytes are free; make room, or use a larger drive"
    )]
    Full {
        /// Below the folder.
        path: PathBuf,
        /// Its size.
        needed: u64,
        /// What an ordinary user may still write.
        free: u64,
    },
    /// All but some files was mirrored.
    #[error("{count} of the files could not be mirrored, the first is {first:?}: {reason}")]
    Left {
        /// How many.
        count: u64,
        /// Below the folder.
        first: PathBuf,
        /// Why not the first.
        reason: String,
    },
}

impl Error {
    /// Wraps a failure with what was tried on which path.
    pub(crate) fn io<E: Into<io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source: source.into() }
    }
}
