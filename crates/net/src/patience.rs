//! How long and how often a server is asked again.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When to give up. All times are since the last byte that came.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For anything that may pass.
    pub silence: Duration,
    /// For anything that may pass, where it can be done without.
    pub question: Duration,
    /// For a host name that has no address.
    pub unknown_name: Duration,
    /// Before the second attempt; doubled before each further one.
    pub first_pause: Duration,
    /// Between two attempts.
    pub longest_pause: Duration,
    /// How far a server's `Retry-After` is obeyed.
    pub longest_asked_pause: Duration,
    /// For so long, who could not be reached is not asked again, where others can be asked.
    pub absence: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            silence: Duration::from_secs(60),
            // A server that is restarted is away for some 10 s; with this, the last attempt comes after 11 to 16 s.
            question: Duration::from_secs(20),
            unknown_name: Duration::from_secs(15),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(8),
            longest_asked_pause: Duration::from_secs(30),
            absence: Duration::from_secs(300),
        }
    }
}

impl Limits {
    /// Where it can be done without.
    #[must_use]
    pub fn for_question(self) -> Limits {
        let silence = self.silence.min(self.question);
        Limits { silence, unknown_name: self.unknown_name.min(self.question), ..self }
    }

    /// Where the first failure decides.
    #[must_use]
    pub fn for_one_attempt(self) -> Limits {
        Limits { silence: Duration::ZERO, unknown_name: Duration::ZERO, ..self }
    }
}

/// Whether the same attempt may work later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It will not.
    Never,
    /// Soon, and less soon each time.
    Soon,
    /// As the server asks.
    After(Duration),
    /// A name that is not found may be a resolver that is not ready yet, but is more often a wrong name.
    Name,
}

/// Ends all transfers that belong together when one has failed for good.
#[derive(Debug, Default)]
pub struct Cancel {
    cancelled: Mutex<bool>,
    bell: Condvar,
}

impl Cancel {
    /// Ends them.
    pub fn cancel(&self) {
        *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// For another attempt; whoever was to be ended has to have ended.
    pub fn reset(&self) {
        *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Whether they are to end.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps; at most until cancelled.
    fn sleep(&self, duration: Duration) {
        let guard = self.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.bell.wait_timeout_while(guard, duration, |cancelled| !*cancelled));
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next attempt, after that pause.
    Wait(Duration),
    /// Nothing: for so long nothing came.
    GiveUp(Duration),
    /// Nothing: it cannot work.
    Fail,
}

/// What is left of it for one transfer.
#[derive(Debug)]
pub struct Patience<'a> {
    limits: Limits,
    cancel: &'a Cancel,
    last_progress: Instant,
    attempts: u32,
}

impl<'a> Patience<'a> {
    /// All of it.
    pub fn new(limits: Limits, cancel: &'a Cancel) -> Patience<'a> {
        Patience { limits, cancel, last_progress: Instant::now(), attempts: 0 }
    }

    /// Bytes came: all is well again.
    pub fn progress(&mut self) {
        self.last_progress = Instant::now();
        self.attempts = 0;
    }

    /// Whether it is over, because of somebody else's failure.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Sleeps; at most until cancelled.
    pub fn sleep(&self, pause: Duration) {
        self.cancel.sleep(pause);
    }

    /// What to do after a failure.
    pub fn judge(&mut self, again: Again) -> Verdict {
        let (budget, pause) = match again {
            Again::Never => return Verdict::Fail,
            Again::Soon => (self.limits.silence, self.next_pause()),
            Again::Name => (self.limits.unknown_name, self.next_pause()),
            // Whoever says "at once" each time is not asked in a circle.
            Again::After(asked) => {
                (self.limits.silence, asked.max(self.next_pause()).min(self.limits.longest_asked_pause))
            }
        };
        let silence = self.last_progress.elapsed();
        if silence + pause > budget { Verdict::GiveUp(silence) } else { Verdict::Wait(pause) }
    }

    /// Doubles each time. Up to a quarter is left to chance, so that a farm's machines do not come back all at once.
    fn next_pause(&mut self) -> Duration {
        let pause = self.limits.first_pause.saturating_mul(1 << self.attempts.min(16));
        self.attempts += 1;
        let pause = pause.min(self.limits.longest_pause);
        pause - pause * u32::from(random_byte()) / 1024
    }
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without a random byte all is as random as it was.
    let _ = rustix::rand::getrandom(&mut byte, rustix::rand::GetRandomFlags::NONBLOCK);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        silence: Duration::from_millis(200),
        question: Duration::from_millis(100),
        unknown_name: Duration::from_millis(20),
        first_pause: Duration::from_millis(4),
        longest_pause: Duration::from_millis(16),
        longest_asked_pause: Duration::from_millis(50),
        absence: Duration::ZERO,
    };

    /// How many attempts the limits allow.
    fn attempts(again: Again) -> u32 {
        let cancel = Cancel::default();
        let mut patience = Patience::new(LIMITS, &cancel);
        let mut count = 1;
        while let Verdict::Wait(pause) = patience.judge(again) {
            patience.sleep(pause);
            count += 1;
        }
        count
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let cancel = Cancel::default();
        let mut patience = Patience::new(LIMITS, &cancel);
        for full in [4u32, 8, 16, 16] {
            let pause = patience.next_pause();
            let full = Duration::from_millis(full.into());
            assert!(pause <= full && pause >= full * 3 / 4, "{pause:?} of {full:?}");
        }
        patience.progress();
        assert!(patience.next_pause() <= Duration::from_millis(4));
    }

    #[test]
    fn patience_depends_on_the_fault() {
        assert_eq!(attempts(Again::Never), 1);
        assert!(attempts(Again::Soon) > attempts(Again::Name));
        // An hour is asked for, the longest asked pause is waited.
        let asked = attempts(Again::After(Duration::from_secs(3600)));
        assert!((2..=5).contains(&asked), "{asked}");
    }

    #[test]
    fn a_cancelled_pause_ends_at_once() {
        let cancel = Cancel::default();
        cancel.cancel();
        Patience::new(Limits::default(), &cancel).sleep(Duration::from_secs(3600));
    }
}
