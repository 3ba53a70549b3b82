//! The watch over the boot process: while it gives signs of life, the watchdog is fed; when it does not, the machine ends.

use super::watchdog::Watchdog;
use crate::console::CONSOLE;
use crate::pulse::{Limit, Pulse};
use options::DEFAULT_WATCHDOG;
use std::time::{Duration, Instant};

/// The least patience without a watchdog; with one, what it gets beyond its time, for one that does not bite.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Vigil {
    pulse: Pulse,
    /// The last sign of life.
    last: Instant,
    /// What the boot process wants. Until it has read the command line, the watchdog is left alone: some cannot be stopped again.
    limit: Limit,
    warned: bool,
}

impl Vigil {
    /// The boot process is about to be started.
    pub fn new(pulse: Pulse) -> Vigil {
        Vigil { pulse, last: Instant::now(), limit: Some(DEFAULT_WATCHDOG), warned: false }
    }

    /// Looks after it; an error is a boot process that hangs.
    pub fn look(&mut self, watchdog: &mut Watchdog) -> Result<(), String> {
        if let Some(limit) = self.pulse.take() {
            self.last = Instant::now();
            self.limit = limit;
            self.warned = false;
            watchdog.set(limit);
        }
        let Some(limit) = self.limit else {
            // Fed on if it cannot be stopped.
            watchdog.feed();
            return Ok(());
        };
        let silence = self.last.elapsed();
        let armed = watchdog.is_armed();
        if armed && silence >= limit / 2 && !self.warned {
            self.warned = true;
            CONSOLE.error(&format!(
                "The boot process gives no sign of life; when that is so for {} s, the watchdog resets the machine",
                limit.as_secs()
            ));
        }
        if silence < if armed { limit + PATIENCE } else { limit.max(PATIENCE) } {
            return Ok(());
        }
        Err(format!("it hangs: no sign of life for {} s", silence.as_secs()))
    }
}
