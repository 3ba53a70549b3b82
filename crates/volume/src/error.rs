//! What can go wrong, in words that say what to do.

use std::{io, path::PathBuf};

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a name podman would take either.
    #[error(
        "volume name {name:?}: it must begin with a letter or digit, go on with letters, digits, '_', '.' and '-', and be at most {limit} long; choose another"
    )]
    Name {
        /// As it was asked for.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image that nobody made by accident.
    #[error(
        "cannot copy {} of the image into the volume: folders are nested more than {limit} deep; mount the volume elsewhere, or fill it first",
        path.display()
    )]
    TooDeep {
        /// Below the volume's destination.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
}

impl Error {
    /// Wraps a failure with what was tried on which path.
    pub(crate) fn io<E: Into<io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: source.into() }
    }
}
