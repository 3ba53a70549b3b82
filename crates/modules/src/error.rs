//! What can go wrong, in words that say what to do.

use std::{io, path::PathBuf};

/// Why a module could not be found or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the module tree could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither built in, nor loaded, nor in any tree.
    #[error("there is no kernel module {name:?}: it is not built into this kernel, and {searched}")]
    NotFound {
        /// As it was asked for.
        name: String,
        /// Where it was looked for, and what to do.
        searched: String,
    },
    /// A chain of dependencies longer than any real one.
    #[error(
        "kernel module {name:?}: its dependencies are nested more than {limit} deep; run depmod again on the module tree"
    )]
    TooDeep {
        /// The module where the search gave up.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// A parameter that cannot be handed to the kernel.
    #[error("kernel module {name:?}: its parameters {params:?} hold a NUL byte")]
    Parameters {
        /// The module.
        name: String,
        /// What was to be handed over.
        params: String,
    },
    /// The kernel said no.
    #[error("kernel module {name:?} ({}): {reason}", path.display())]
    Refused {
        /// The module.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The kernel's error number in words, and what to do.
        reason: String,
        /// The kernel's error number.
        errno: i32,
    },
}

impl Error {
    /// Wraps an I/O error with the path it is about.
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}
