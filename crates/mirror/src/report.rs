//! What a run has to say at its end, collected from all its threads.

use crate::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what no thread leaves half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Paths with something in common: how many, and the first.
#[derive(Debug, Default)]
pub(crate) struct Group(Mutex<(u64, PathBuf, String)>);

impl Group {
    pub(crate) fn add(&self, path: impl AsRef<Path>, reason: impl Display) {
        let mut group = lock(&self.0);
        if group.0 == 0 {
            *group = (0, path.as_ref().to_owned(), reason.to_string());
        }
        group.0 += 1;
    }

    fn clear(&self) {
        *lock(&self.0) = Default::default();
    }
}

/// Of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// They differ, and are not to be replaced.
    pub(crate) kept: Group,
    /// They cannot be at the destination.
    pub(crate) refused: Group,
    /// Devices, FIFOs, sockets.
    pub(crate) special: Group,
    /// They lead to no file of the folder.
    pub(crate) links: Group,
    /// They could not be transferred.
    left: Group,
    /// Those that could not be transferred are told by name, instead of by an error.
    by_name: bool,
    /// To be looked at once more.
    again: Mutex<Vec<PathBuf>>,
    /// Not all of the folder could be read.
    is_incomplete: AtomicBool,
    fatal: Mutex<Option<Error>>,
    is_stopped: AtomicBool,
}

impl Report {
    pub(crate) fn new(by_name: bool) -> Report {
        Report { by_name, ..Report::default() }
    }

    /// How many files differ and stay.
    pub(crate) fn kept(&self) -> u64 {
        lock(&self.kept.0).0
    }

    /// Forgets what is about to be found out again.
    pub(crate) fn clear(&self) {
        for group in [&self.kept, &self.refused, &self.special, &self.links, &self.left] {
            group.clear();
        }
    }

    /// This one could not be transferred; the others can.
    pub(crate) fn fail(&self, path: impl AsRef<Path>, reason: impl Display) {
        if self.by_name {
            log::debug!("cannot mirror {:?}: {reason}", path.as_ref());
            self.again(path.as_ref().to_owned());
        } else {
            self.left.add(path, reason);
        }
    }

    pub(crate) fn again(&self, path: PathBuf) {
        lock(&self.again).push(path);
    }

    /// Each once.
    pub(crate) fn take_again(&self) -> Vec<PathBuf> {
        let mut paths = std::mem::take(&mut *lock(&self.again));
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// What was not seen must not be taken for missing.
    pub(crate) fn incomplete(&self) {
        self.is_incomplete.store(true, Ordering::Relaxed);
    }

    /// Whether all was seen, since it was last asked.
    pub(crate) fn take_complete(&self) -> bool {
        !self.is_incomplete.swap(false, Ordering::Relaxed)
    }

    /// Nothing new is begun from now on. The first is the one that is told.
    pub(crate) fn fatal(&self, error: Error) {
        lock(&self.fatal).get_or_insert(error);
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        lock(&self.fatal).take().map_or(Ok(()), Err)
    }

    /// A line for each group.
    pub(crate) fn warn(&self) {
        for (group, what) in [
            (&self.kept, "differ at the destination and stay as they are, for \"overwrite\" is not set"),
            (&self.refused, "cannot be at the destination"),
            (&self.special, "are devices, FIFOs or sockets, and are not mirrored"),
            (
                &self.links,
                "are links that lead to no file of the volume, and are mirrored with \"preserve\" only",
            ),
        ] {
            let (count, first, reason) = &*lock(&group.0);
            let colon = if reason.is_empty() { "" } else { ": " };
            if *count > 0 {
                log::warn!("{count} of the files {what}; the first is {first:?}{colon}{reason}");
            }
        }
    }

    /// All went well, or what did not.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let (count, first, reason) = std::mem::take(&mut *lock(&self.left.0));
        if count > 0 { Err(Error::Left { count, first, reason }) } else { Ok(()) }
    }
}
