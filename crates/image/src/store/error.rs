//! Why the store cannot be used, with the numbers where it is a matter of space.

use crate::progress::size;
use std::io;
use std::path::{Path, PathBuf};

/// The store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system said no.
    #[error("the image store cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It would not be enough if everything were removed that is not in use.
    #[error("the image store is full: more than {} are needed, but {room}; {}", size(*needed), room.hint())]
    NoRoom {
        /// In bytes, as far as it is known.
        needed: u64,
        /// What there is.
        room: Room,
    },
}

/// The space that a store has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What the file system still has.
    pub free: u64,
    /// What the file system has in all.
    pub total: u64,
    /// What the store's layers and partial downloads take.
    pub used: u64,
    /// How much of that this boot has not used.
    pub idle: u64,
    /// What the store may take, if somebody said so.
    pub budget: Option<u64>,
    /// Whether the file system is in memory.
    pub in_memory: bool,
}

impl Room {
    fn hint(&self) -> &'static str {
        match (self.in_memory, self.budget) {
            (true, _) => "give the machine more memory or a cache drive (b2c.cache_device)",
            (false, Some(budget)) if budget < self.total => {
                "use a larger budget, a larger disk or smaller images"
            }
            (false, _) => "use a larger disk or smaller images",
        }
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} are free", size(self.free), size(self.total))?;
        if !self.in_memory {
            write!(f, " and images take {}", size(self.used))?;
        }
        if let Some(budget) = self.budget {
            write!(f, " of a budget of {}", size(budget))?;
        }
        match self.idle {
            _ if self.in_memory => Ok(()),
            0 => f.write_str(", all of it in use by this boot"),
            idle => write!(f, ", of which {} could be removed", size(idle)),
        }
    }
}

impl StoreError {
    /// Wraps a failure with what was tried on which path.
    pub(super) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { action, path, source: source.into() }
    }

    /// Whether the file system had no room.
    pub(crate) fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, StoreError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
