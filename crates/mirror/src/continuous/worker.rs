//! The thread that pushes and pulls.

use super::Sides;
use super::changes::{Changes, Work};
use super::outage::Outage;
use super::reader::Reader;
use crate::{Error, Progress};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From the end of one pull to the begin of the next.
const PULL: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    name: String,
    sides: Arc<dyn Sides>,
    progress: Arc<Progress>,
    changes: Arc<Changes>,
    reader: Option<Arc<Reader>>,
    /// When to pull, if ever.
    pull: Option<Instant>,
    outage: Outage,
}

impl Worker {
    pub(super) fn new(
        name: &str,
        sides: Arc<dyn Sides>,
        progress: Arc<Progress>,
        changes: Arc<Changes>,
        reader: Option<Arc<Reader>>,
        pull: bool,
    ) -> Worker {
        let pull = pull.then(Instant::now);
        Worker { name: name.to_owned(), sides, progress, changes, reader, pull, outage: Outage::default() }
    }

    pub(super) fn run(mut self) {
        while let Some(work) = self.changes.next(self.pull) {
            let done = match work {
                Work::Push(paths) => self.push(paths),
                Work::Pull => self.pull(),
            };
            match done {
                Ok(()) => self.outage.is_over(&self.name),
                Err(error) => self.changes.pause(self.outage.pause_after(&self.name, &error)),
            }
        }
    }

    /// What could not be pushed is still to be pushed.
    fn push(&self, paths: Vec<PathBuf>) -> Result<(), Error> {
        let everything = paths.iter().any(|path| path.as_os_str().is_empty());
        let pushed = if everything {
            self.sides.push(&self.progress).map(|()| Vec::new())
        } else {
            self.sides.push_paths(&paths, &self.progress)
        };
        let (left, result) = match pushed {
            Ok(left) => (left, Ok(())),
            Err(error) => (paths, Err(error)),
        };
        left.into_iter().for_each(|path| self.changes.add(path));
        result
    }

    fn pull(&mut self) -> Result<(), Error> {
        let reader = self.reader.as_deref();
        let keep = |path: &Path| reader.is_some_and(|reader| reader.keeps(path));
        let pulled = self.sides.pull(&keep, &self.progress);
        self.pull = Some(Instant::now() + PULL);
        pulled
    }
}
