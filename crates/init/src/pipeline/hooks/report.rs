//! What mirroring says while it takes long, and at its end. A farm takes a silent console for a dead machine.

use crate::console::CONSOLE;
use crate::report;
use ::report::{Millis, Transfer};
use image::progress::{size, size_of};
use mirror::Progress;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two lines.
const INTERVAL: Duration = Duration::from_secs(10);
/// Enough to format a line.
const STACK: usize = 128 << 10;

/// Counts of one piece of work, and what it is called.
pub struct Report {
    /// The volume's name.
    volume: String,
    /// `pushed`, perhaps with more words behind it.
    done: &'static str,
    /// When hooks run, as options name it.
    moment: &'static str,
    /// Counted by whoever works.
    pub progress: Arc<Progress>,
    started: Instant,
    started_ms: Millis,
    /// The time that passes is that of the work.
    timed: bool,
}

impl Report {
    /// Of work that begins now. The lines begin `Volume job: pushed`; the first word of `done` is the direction.
    pub fn new(volume: &str, done: &'static str, moment: &'static str) -> Report {
        let (progress, started, started_ms) = (Arc::default(), Instant::now(), report::now());
        Report { volume: volume.to_owned(), done, moment, progress, started, started_ms, timed: true }
    }

    /// Of work that is done now and then for as long as the pipeline runs: how long that was says nothing.
    pub fn of_the_whole_pipeline(self) -> Report {
        Report { timed: false, ..self }
    }

    /// Does the work, or the rest of it: one line an interval, and a summary at its end.
    pub fn during<E: Display>(&self, work: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let say = move || {
                while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    CONSOLE.line(&format!("{} {} so far", self.what(), self.counts()));
                }
            };
            // Without the thread there are no lines on the way.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, say);
            let result = work();
            drop(done);
            if result.is_ok() {
                CONSOLE.line(&format!("{} {}", self.what(), self.summary()));
            }
            report::transfer(self.transfer(result.as_ref().err().map(ToString::to_string)));
            result
        })
    }

    fn what(&self) -> String {
        format!("Volume {}: {}", self.volume, self.done)
    }

    fn transfer(&self, error: Option<String>) -> Transfer {
        Transfer {
            volume: self.volume.clone(),
            direction: self.done.split(' ').next().unwrap_or_default().to_owned(),
            moment: self.moment.to_owned(),
            start_ms: self.started_ms,
            duration_ms: report::now().saturating_sub(self.started_ms),
            files: get(&self.progress.files),
            bytes: get(&self.progress.bytes),
            removed: get(&self.progress.removed),
            error,
        }
    }

    /// `120 files, 3.4 MB in 1.2 s (2.8 MB/s)`.
    fn counts(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let (files, bytes) = (get(&self.progress.files), get(&self.progress.bytes));
        if !self.timed {
            return format!("{files} files, {}", size(bytes));
        }
        format!("{files} files, {} in {seconds:.1} s ({}/s)", size(bytes), size_of(bytes as f64 / seconds))
    }

    /// The counts, and what else there was.
    fn summary(&self) -> String {
        let mut text = self.counts();
        let Progress { removed, equal, kept, .. } = &*self.progress;
        for (count, what) in [(removed, "removed"), (equal, "equal already"), (kept, "left as they are")] {
            if get(count) > 0 {
                text += &format!(", {} {what}", get(count));
            }
        }
        text
    }
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
