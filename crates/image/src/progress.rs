//! What a pull says while it takes long, and at its end. A farm takes a silent console for a dead machine.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two lines.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Bytes of a pull.
pub(crate) struct Progress {
    pub(crate) received: AtomicU64,
    total: AtomicU64,
    started: Instant,
}

impl Progress {
    pub(crate) fn new(total: u64) -> Progress {
        Progress { received: AtomicU64::new(0), total: AtomicU64::new(total), started: Instant::now() }
    }

    /// So many bytes came.
    pub(crate) fn add(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that need not be fetched.
    pub(crate) fn skip(&self, bytes: u64) {
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that were fetched in vain, and bytes that were skipped in vain.
    pub(crate) fn take_back(&self, fetched: u64, skipped: u64) {
        self.received.fetch_sub(fetched, Ordering::Relaxed);
        self.total.fetch_add(skipped, Ordering::Relaxed);
    }

    /// `12.0 MB of 480.0 MB, 6.0 MB/s, 78 s left`; `before` are the bytes at the last line.
    pub(crate) fn line(&self, before: u64) -> String {
        let received = self.received();
        let rate = received.saturating_sub(before) as f64 / INTERVAL.as_secs_f64();
        let total = self.total.load(Ordering::Relaxed);
        let mut line = format!("{} of {}, {}/s", size(received), size(total), size_of(rate));
        // From the average: the last seconds alone jump about.
        let left =
            total.saturating_sub(received) as f64 * self.started.elapsed().as_secs_f64() / (received as f64);
        if left.is_finite() {
            let _ = write!(line, ", {left:.0} s left");
        }
        line
    }

    /// `480.0 MB in 6.1 s (78.7 MB/s)`.
    pub(crate) fn summary(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let received = self.received();
        format!("{} in {seconds:.1} s ({}/s)", size(received), size_of(received as f64 / seconds))
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// `1.2 GB`.
pub fn size(bytes: u64) -> String {
    size_of(bytes as f64)
}

/// As [`size`], for rates.
pub fn size_of(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} B"),
        ..1e6 => format!("{:.1} kB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 999, 1000, 480_000_000, 1_300_000_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "480.0 MB", "1.30 GB"]);
    }

    #[test]
    fn a_line_has_bytes_rate_and_time_left() {
        let progress = Progress::new(480_000_000);
        assert_eq!(progress.line(0), "0 B of 480.0 MB, 0 B/s");
        progress.received.store(240_000_000, Ordering::Relaxed);
        let line = progress.line(230_000_000);
        assert!(line.starts_with("240.0 MB of 480.0 MB, 2.0 MB/s, ") && line.ends_with(" s left"), "{line}");
    }
}
