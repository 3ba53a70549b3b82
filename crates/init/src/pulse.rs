//! The pulse: every second the boot process tells process 1 that it lives, and after how long without that the machine is to be reset. Two bytes in a pipe, so that
//! process 1 has nothing to parse.

use rustix::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use std::time::Duration;

/// Between two beats.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// What one beat takes in the pipe.
const BEAT: usize = 2;

/// The boot process's end.
pub struct Heart(OwnedFd);

/// Process 1's end.
pub struct Pulse(OwnedFd);

/// What a beat says: how long the machine may hang; `None` is for ever.
pub type Limit = Option<Duration>;

/// A pipe that nobody ever waits for. The heart's end can be inherited, by the number that it has in the child, too.
pub fn pipe() -> rustix::io::Result<(Pulse, Heart)> {
    let (pulse, heart) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    fcntl_setfd(&heart, FdFlags::empty())?;
    Ok((Pulse(pulse), Heart(heart)))
}

impl Heart {
    /// How the boot process finds it.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The one that process 1 has given to this process, by its number; children do not inherit it.
    pub fn inherited(number: &str) -> Option<Heart> {
        let number: RawFd = number.parse().ok().filter(|number| *number > 2)?;
        // SAFETY: process 1 opened it for this process, which is new and has not used it yet. If there is no such descriptor, it is not used either.
        let heart = unsafe { OwnedFd::from_raw_fd(number) };
        if fcntl_getfd(&heart).is_err() {
            std::mem::forget(heart);
            return None;
        }
        fcntl_setfd(&heart, FdFlags::CLOEXEC).ok()?;
        Some(Heart(heart))
    }

    /// One beat. It is lost when process 1 has not taken the last ones for hours.
    pub fn beat(&self, limit: Limit) {
        let seconds = limit.map_or(0, |limit| u16::try_from(limit.as_secs()).unwrap_or(u16::MAX));
        let _ = rustix::io::write(&self.0, &seconds.to_ne_bytes());
    }
}

impl Pulse {
    /// What the last beat says, if there was one since the last call.
    pub fn take(&self) -> Option<Limit> {
        let mut last = None;
        let mut beats = [0; 32 * BEAT];
        while let Ok(length @ 1..) = rustix::io::read(&self.0, &mut beats) {
            // A write of so few bytes is never split (pipe(7)).
            last = beats.get(..length).and_then(<[u8]>::last_chunk::<BEAT>).copied().or(last);
        }
        let seconds = u16::from_ne_bytes(last?);
        Some((seconds > 0).then(|| Duration::from_secs(seconds.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_beat_counts() {
        let (pulse, heart) = pipe().unwrap();
        assert_eq!(pulse.take(), None);
        let minute = Some(Duration::from_secs(60));
        (0..100).for_each(|_| heart.beat(minute));
        assert_eq!(pulse.take(), Some(minute));
        heart.beat(minute);
        heart.beat(None);
        assert_eq!(pulse.take(), Some(None));
        assert_eq!(pulse.take(), None);
        drop(heart);
        assert_eq!(pulse.take(), None);
    }

    #[test]
    fn nobody_waits_when_nobody_listens() {
        let (_pulse, heart) = pipe().unwrap();
        (0..100_000).for_each(|_| heart.beat(None));
    }

    #[test]
    fn numbers_that_are_no_heart() {
        for number in ["", "x", "1", "-1", "999999"] {
            assert!(Heart::inherited(number).is_none(), "{number}");
        }
    }
}
