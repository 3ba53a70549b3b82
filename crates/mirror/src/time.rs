//! Points in time: nanoseconds since 1970-01-01T00:00:00Z, as listings have them.

use rustix::fs::StatxTimestamp;
use rustix::time::{ClockId, clock_gettime};

const SECOND: i128 = 1_000_000_000;

pub(crate) fn of(time: StatxTimestamp) -> i128 {
    join(time.tv_sec, time.tv_nsec)
}

pub(crate) fn join(seconds: i64, nanoseconds: u32) -> i128 {
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
}

/// Seconds, and nanoseconds below a second. `None`: no file can have it.
pub(crate) fn split(nanoseconds: i128) -> Option<(i64, i64)> {
    Some((nanoseconds.div_euclid(SECOND).try_into().ok()?, nanoseconds.rem_euclid(SECOND).try_into().ok()?))
}

/// By the machine's clock.
pub(crate) fn now() -> i128 {
    read(ClockId::Realtime)
}

/// When the machine was started, by its clock as it goes now.
pub(crate) fn boot() -> i128 {
    now() - read(ClockId::Boottime)
}

fn read(clock: ClockId) -> i128 {
    let time = clock_gettime(clock);
    i128::from(time.tv_sec) * SECOND + i128::from(time.tv_nsec)
}
