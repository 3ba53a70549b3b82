//! How long the runtime waits for what may never come.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// How long killed processes may take to go: one may be stuck in a disk that does not answer.
pub(super) const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Waits until a descriptor can be read, a pidfd's process has ended, or the time is over; says whether it was one of the former.
pub(super) fn readable_within(descriptor: BorrowedFd<'_>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            result => return result.is_ok_and(|ready| ready > 0),
        }
    }
}
