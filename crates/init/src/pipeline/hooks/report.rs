//! What mirroring says while it takes long, and at its end. A farm takes a silent console for a dead machine.

use crate::console::CONSOLE;
use image::progress::{size, size_of};
use mirror::Progress;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two lines.
const INTERVAL: Duration = Duration::from_secs(10);
/// Enough to format a line.
const STACK: usize = 128 << 10;

/// Does `work` and says how it goes: one line an interval, and a summary. `what` begins the lines: `Volume job: pushed`.
pub fn while_mirroring<E>(what: &str, work: impl FnOnce(&Progress) -> Result<(), E>) -> Result<(), E> {
    let progress = Progress::default();
    let started = Instant::now();
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let say = || {
            while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                CONSOLE.line(&format!("{what} {} so far", counts(&progress, started)));
            }
        };
        // Without the thread there are no lines on the way.
        let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, say);
        let result = work(&progress);
        drop(done);
        if result.is_ok() {
            CONSOLE.line(&format!("{what} {}", summary(&progress, started)));
        }
        result
    })
}

/// `120 files, 3.4 MB in 1.2 s (2.8 MB/s)`.
fn counts(progress: &Progress, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let (files, bytes) = (get(&progress.files), get(&progress.bytes));
    format!("{files} files, {} in {seconds:.1} s ({}/s)", size(bytes), size_of(bytes as f64 / seconds))
}

/// The counts, and what else there was.
fn summary(progress: &Progress, started: Instant) -> String {
    let mut text = counts(progress, started);
    for (count, what) in [(&progress.removed, "removed"), (&progress.equal, "equal already")] {
        if get(count) > 0 {
            text += &format!(", {} {what}", get(count));
        }
    }
    text
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
