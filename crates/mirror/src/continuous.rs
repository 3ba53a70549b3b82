//! A mirror that is kept all the time: what changes in the folder is pushed soon after, what changes in the bucket is pulled now and then, and the end is one full push.
//!
//! Two threads: one reads what changes, so that the kernel's queue is never full for long; the other pushes and pulls, never both at once.
//!
//! Divergence: the client that the original runs for this misses changes that are too fast for it and deletions, and may stop without a word. Here a change that was
//! seen is kept until it is in the bucket, however long the store is away, and when something may have been missed, everything is looked at.

mod changes;
mod dirty;
mod outage;
mod reader;
mod worker;

use crate::{Error, Mirror, Progress};
use changes::Changes;
use outage::Outage;
use reader::Reader;
use rustix::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use worker::Worker;

/// Paths, events, and a mirror's own calls.
const STACK: usize = 256 << 10;

/// What is kept going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// From the folder into the bucket.
    pub push: bool,
    /// From the bucket into the folder.
    pub pull: bool,
}

/// A folder and a store that can be made equal.
pub trait Sides: Send + Sync + 'static {
    /// Everything, from the folder.
    fn push(&self, progress: &Progress) -> Result<(), Error>;
    /// What is at these paths, from the folder; gives those that are still to be done.
    fn push_paths(&self, paths: &[PathBuf], progress: &Progress) -> Result<Vec<PathBuf>, Error>;
    /// Everything, into the folder, but what is to be kept as it is.
    fn pull(&self, keep: &(dyn Fn(&Path) -> bool + Sync), progress: &Progress) -> Result<(), Error>;
}

impl Sides for Mirror {
    fn push(&self, progress: &Progress) -> Result<(), Error> {
        Mirror::push(self, progress)
    }

    fn push_paths(&self, paths: &[PathBuf], progress: &Progress) -> Result<Vec<PathBuf>, Error> {
        Mirror::push_paths(self, paths, progress)
    }

    fn pull(&self, keep: &(dyn Fn(&Path) -> bool + Sync), progress: &Progress) -> Result<(), Error> {
        let _ = keep;
        Mirror::pull(self, progress)
    }
}

/// A mirror that is kept all the time. [`Continuous::finish`] is its only end at which nothing is lost.
pub struct Continuous {
    name: String,
    sides: Arc<dyn Sides>,
    directions: Directions,
    progress: Arc<Progress>,
    changes: Arc<Changes>,
    reader: Option<Arc<Reader>>,
    threads: Vec<JoinHandle<()>>,
}

impl Continuous {
    /// `name` is for the log ("the volume job"). `folder` is the one of `sides`. Begins with all that is there; returns when the folder is watched. What cannot be watched
    /// or started is said, and left to [`Continuous::finish`].
    pub fn start(
        name: &str,
        sides: Arc<dyn Sides>,
        folder: OwnedFd,
        directions: Directions,
        progress: Arc<Progress>,
    ) -> Continuous {
        let changes = Arc::new(Changes::default());
        let mut mirror = Continuous {
            name: name.to_owned(),
            sides,
            directions,
            progress,
            changes,
            reader: None,
            threads: Vec::new(),
        };
        if let Err(error) = mirror.start_threads(folder) {
            log::error!("{name} is not mirrored before the end: could not start to: {error}");
            mirror.stop();
        }
        mirror
    }

    fn start_threads(&mut self, folder: OwnedFd) -> std::io::Result<()> {
        if self.directions.push {
            let reader = Arc::new(Reader::new(&self.name, folder, Arc::clone(&self.changes))?);
            self.reader = Some(Arc::clone(&reader));
            self.changes.add(PathBuf::new());
            self.spawn("watch", move || reader.run())?;
        }
        let worker = Worker::new(
            &self.name,
            Arc::clone(&self.sides),
            Arc::clone(&self.progress),
            Arc::clone(&self.changes),
            self.reader.clone(),
            self.directions.pull,
        );
        self.spawn("mirror", move || worker.run())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work)?);
        Ok(())
    }

    /// Stops watching, and pushes everything once more if pushing was asked for: when this gives no error, the bucket has all that is in the folder. A push that fails is tried again,
    /// with growing pauses, as long as the next try would begin within `patience`.
    pub fn finish(mut self, patience: Duration) -> Result<(), Error> {
        self.stop();
        if !self.directions.push {
            return Ok(());
        }
        push_until_done(&*self.sides, &self.name, patience, &self.progress)
    }

    /// What is under way is waited for.
    fn stop(&mut self) {
        self.changes.stop();
        if let Some(reader) = &self.reader {
            reader.wake();
        }
        for thread in self.threads.drain(..) {
            // A panic has been printed, and the last push does not need what the thread knew.
            let _ = thread.join();
        }
    }
}

impl Drop for Continuous {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Pushes everything. What fails is tried again, with growing pauses, as long as the next try would begin within `patience`.
///
/// # Errors
/// Those of the last try.
pub fn push_until_done(
    sides: &dyn Sides,
    name: &str,
    patience: Duration,
    progress: &Progress,
) -> Result<(), Error> {
    let end = Instant::now() + patience;
    let mut outage = Outage::default();
    loop {
        let Err(error) = sides.push(progress) else {
            outage.is_over(name);
            return Ok(());
        };
        let pause = outage.pause_after(name, &error);
        if Instant::now() + pause >= end {
            return Err(error);
        }
        thread::sleep(pause);
    }
}
