//! The thread that pushes and pulls.

use super::changes::{Changes, Work};
use super::outage::Outage;
use super::reader::Reader;
use crate::{Error, Mirror, Progress};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From the end of one pull to the begin of the next.
const PULL: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    pub(super) name: String,
    pub(super) mirror: Arc<Mirror>,
    pub(super) progress: Arc<Progress>,
    pub(super) changes: Arc<Changes>,
    pub(super) reader: Option<Arc<Reader>>,
    /// When to pull, if ever.
    pub(super) pull: Option<Instant>,
    pub(super) outage: Outage,
}

impl Worker {
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
            self.mirror.push(&self.progress).map(|()| Vec::new())
        } else {
            self.mirror.push_paths(&paths, &self.progress)
        };
        match pushed {
            Ok(left) => {
                self.changes.put_back(left);
                Ok(())
            }
            Err(error) => {
                paths.into_iter().for_each(|path| self.changes.add(path));
                Err(error)
            }
        }
    }

    fn pull(&mut self) -> Result<(), Error> {
        let pulled = match self.reader.as_deref() {
            Some(reader) => self.mirror.pull_but(&|path| reader.keeps(path), &self.progress),
            None => self.mirror.pull(&self.progress),
        };
        self.pull = Some(Instant::now() + PULL);
        pulled
    }
}
