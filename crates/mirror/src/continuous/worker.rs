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
    pub(super) has_pulled: bool,
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
        match self.mirror.push_paths(&paths, &self.progress) {
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

    /// What changed is pushed first, settled or not: what was deleted here must not come back. But at the start, the bucket may know more than
    /// the volume: until it was pulled once, nothing is pushed.
    fn pull(&mut self) -> Result<(), Error> {
        if let (true, Some(reader)) = (self.has_pulled, &self.reader) {
            reader.catch_up();
            let news = self.changes.take_news();
            if !news.is_empty() {
                self.push(news)?;
            }
        }
        let pulled = match self.reader.as_deref() {
            Some(reader) => self.mirror.pull_but(&|path| reader.keeps(path), &self.progress),
            None => self.mirror.pull(&self.progress),
        };
        self.has_pulled |= matches!(pulled, Ok(()) | Err(Error::Left { .. }));
        if self.has_pulled {
            self.pull = Some(Instant::now() + PULL);
        }
        pulled
    }
}
