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
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use worker::Worker;

/// TLS and HTTP need most of it: a listing is read in the thread itself.
const STACK: usize = 512 << 10;

/// What is kept going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// From the folder into the bucket.
    pub push: bool,
    /// From the bucket into the folder.
    pub pull: bool,
}

/// A mirror that is kept all the time. [`Continuous::finish`] is its only end at which nothing is lost.
pub struct Continuous {
    name: String,
    mirror: Arc<Mirror>,
    directions: Directions,
    progress: Arc<Progress>,
    changes: Arc<Changes>,
    reader: Option<Arc<Reader>>,
    threads: Vec<JoinHandle<()>>,
}

impl Continuous {
    /// `name` is for the log ("the volume job"). Begins with all that is there; comes back when the folder is watched. What cannot be watched or started is said, and
    /// left to [`Continuous::finish`].
    pub fn start(
        name: &str,
        mirror: Arc<Mirror>,
        directions: Directions,
        progress: Arc<Progress>,
    ) -> Continuous {
        let mut continuous = Continuous {
            name: name.to_owned(),
            mirror,
            directions,
            progress,
            changes: Arc::default(),
            reader: None,
            threads: Vec::new(),
        };
        if let Err(error) = continuous.start_threads() {
            log::error!("{name} is not mirrored before the end, for that could not be started: {error}");
            continuous.stop();
        }
        continuous
    }

    fn start_threads(&mut self) -> io::Result<()> {
        if self.directions.push {
            let folder = self.mirror.folder.open_folder(Path::new(""))?;
            let reader = Arc::new(Reader::new(&self.name, folder, Arc::clone(&self.changes))?);
            self.reader = Some(Arc::clone(&reader));
            self.changes.add(PathBuf::new());
            self.spawn("watch", move || reader.run())?;
        }
        let worker = Worker {
            name: self.name.clone(),
            mirror: Arc::clone(&self.mirror),
            progress: Arc::clone(&self.progress),
            changes: Arc::clone(&self.changes),
            reader: self.reader.clone(),
            pull: self.directions.pull.then(Instant::now),
            has_pulled: false,
            outage: Outage::default(),
        };
        self.spawn("mirror", move || worker.run())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work)?);
        Ok(())
    }

    /// Stops watching, and pushes everything once more if pushing was asked for: when this gives no error, the bucket has all that is in the folder. A push that fails is tried again,
    /// as [`Mirror::push_until_done`] has it.
    ///
    /// # Errors
    /// That of the last try.
    pub fn finish(mut self, patience: Duration) -> Result<(), Error> {
        self.stop();
        if !self.directions.push {
            return Ok(());
        }
        self.mirror.push_until_done(&self.name, patience, &self.progress)
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

impl Mirror {
    /// As [`Mirror::push`]; what fails is tried again, with growing pauses, for as long as `patience`. Only a store that
    /// gives no answer is asked again: one that refuses has given it.
    ///
    /// # Errors
    /// Those of the last try.
    pub fn push_until_done(&self, name: &str, patience: Duration, progress: &Progress) -> Result<(), Error> {
        let end = Instant::now() + patience;
        let mut outage = Outage::default();
        loop {
            let Err(error) = self.push(progress) else {
                outage.is_over(name);
                return Ok(());
            };
            let may_pass = matches!(&error, Error::S3(error) if error.refusal().is_none());
            if !may_pass || Instant::now() >= end {
                return Err(error);
            }
            thread::sleep(outage.pause_after(name, &error));
        }
    }
}
