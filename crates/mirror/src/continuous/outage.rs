//! Patience with a store that is away: one line when it goes, one when it is back.

use crate::Error;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Zero while all is well.
#[derive(Debug, Default)]
pub(super) struct Outage {
    pause: Duration,
}

impl Outage {
    /// For how long to leave the store alone.
    pub(super) fn pause_after(&mut self, name: &str, error: &Error) -> Duration {
        if self.pause.is_zero() {
            log::warn!("{name} could not be mirrored yet, and is tried again: {error}");
        }
        self.pause = (2 * self.pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.pause
    }

    pub(super) fn is_over(&mut self, name: &str) {
        if !self.pause.is_zero() {
            log::info!("{name} is mirrored again");
        }
        self.pause = Duration::ZERO;
    }
}
