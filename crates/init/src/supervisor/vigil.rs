//! The watch over the boot process: while it gives signs of life, the watchdog is fed; when it does not, the machine ends.

use super::watchdog::Watchdog;
use crate::console::CONSOLE;
use crate::pulse::{Limit, Pulse};
use options::DEFAULT_WATCHDOG;
use std::time::{Duration, Instant};

/// The least patience without a watchdog; with one, what it gets beyond its time, for one that does not bite.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is counted between two looks at most. Process 1 looks every second; where it did not, the whole machine stood still (a host that stopped it, a machine that swaps
/// with all its might), and then the boot process could not give a sign either.
const MOST_AT_ONCE: Duration = Duration::from_secs(2);

/// See the module.
pub struct Vigil {
    pulse: Pulse,
    looked: Instant,
    /// How long there was no sign of life.
    silence: Duration,
    /// What the boot process wants. Until it has read the command line, the watchdog is left alone: some cannot be stopped again.
    limit: Limit,
    warned: bool,
}

impl Vigil {
    /// The boot process is about to be started.
    pub fn new(pulse: Pulse) -> Vigil {
        let (looked, limit) = (Instant::now(), Some(DEFAULT_WATCHDOG));
        Vigil { pulse, looked, silence: Duration::ZERO, limit, warned: false }
    }

    /// Looks after it; an error is a boot process that hangs.
    pub fn look(&mut self, watchdog: &mut Watchdog) -> Result<(), String> {
        let now = Instant::now();
        self.silence +=
            now.saturating_duration_since(std::mem::replace(&mut self.looked, now)).min(MOST_AT_ONCE);
        if let Some(limit) = self.pulse.take() {
            self.silence = Duration::ZERO;
            self.limit = limit;
            self.warned = false;
            watchdog.set(limit);
        }
        let Some(limit) = self.limit else {
            // Fed on if it cannot be stopped.
            watchdog.feed();
            return Ok(());
        };
        let armed = watchdog.is_armed();
        if armed && self.silence >= limit / 2 && !self.warned {
            self.warned = true;
            CONSOLE.error(&format!(
                "The boot process gives no sign of life; when that is so for {} s, the watchdog resets the machine",
                limit.as_secs()
            ));
        }
        let patience = if armed { limit + PATIENCE } else { limit.max(PATIENCE) };
        if self.silence < patience {
            return Ok(());
        }
        Err(format!("it hangs: no sign of life for {} s", patience.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pulse;

    /// What comes of a silence of so many seconds without a watchdog.
    fn silence(seconds: u64, limit: Limit) -> Result<(), String> {
        let (pulse, _heart) = pulse::pipe().unwrap();
        Vigil { limit, silence: Duration::from_secs(seconds), ..Vigil::new(pulse) }.look(&mut Watchdog::new())
    }

    #[test]
    fn a_machine_that_stood_still_as_a_whole_does_not_hang() {
        let (pulse, _heart) = pulse::pipe().unwrap();
        // A machine that tests run on has been up for longer.
        let looked = Instant::now().checked_sub(Duration::from_secs(300)).unwrap();
        let mut vigil = Vigil { looked, ..Vigil::new(pulse) };
        assert_eq!(vigil.look(&mut Watchdog::new()), Ok(()));
        assert!(vigil.silence <= MOST_AT_ONCE, "{:?}", vigil.silence);
    }

    #[test]
    fn without_a_watchdog_patience_is_a_minute_at_least() {
        let seconds = Duration::from_secs;
        assert_eq!(silence(59, Some(seconds(10))), Ok(()));
        assert_eq!(silence(61, Some(seconds(10))), Err("it hangs: no sign of life for 60 s".to_owned()));
        assert_eq!(silence(61, Some(seconds(90))), Ok(()));
        assert_eq!(silence(91, Some(seconds(90))), Err("it hangs: no sign of life for 90 s".to_owned()));
    }

    #[test]
    fn whoever_switches_it_off_may_hang_for_ever() {
        assert_eq!(silence(120, None), Ok(()));
    }
}
