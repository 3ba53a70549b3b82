//! The machine's two clocks: the system's, and the hardware's, which goes on without power.

use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use std::ffi::c_int;
use std::io;
use std::path::Path;

/// The hardware's.
const HARDWARE: &str = "/dev/rtc0";
/// RTC_SET_TIME (rtc(4))
const SET_TIME: Opcode = opcode::write::<RtcTime>(b'p', 0x0a);

/// Seconds since 1970 by the system's clock; 0 for all before.
pub fn now() -> u64 {
    u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0)
}

/// Sets both clocks. A machine may have no hardware clock, or one that cannot be set; the system's is what counts.
pub fn set(time: Timespec) -> io::Result<()> {
    clock_settime(ClockId::Realtime, time)?;
    if let Err(error) = set_hardware(Path::new(HARDWARE), time.tv_sec) {
        log::debug!("{HARDWARE} is not set: {error}");
    }
    Ok(())
}

/// Sets the system's clock to `floor`, in seconds since 1970, if it shows an earlier time; gives what it showed then. The hardware's is left as it is, so that the next
/// boot sees that nobody knows the time.
pub fn not_before(floor: u64) -> io::Result<Option<u64>> {
    let shown = now();
    if shown >= floor {
        return Ok(None);
    }
    clock_settime(ClockId::Realtime, Timespec { tv_sec: i64::try_from(floor).unwrap_or(0), tv_nsec: 0 })?;
    Ok(Some(shown))
}

/// `2027-01-31`, in UTC.
pub fn date(seconds: u64) -> String {
    let time = broken_down(i64::try_from(seconds).unwrap_or(i64::MAX));
    // The C library counts years from 1900 and months from 0.
    format!("{:04}-{:02}-{:02}", i64::from(time.tm_year) + 1900, time.tm_mon + 1, time.tm_mday)
}

/// `struct rtc_time`: the first fields of `struct tm`.
#[repr(C)]
struct RtcTime([c_int; 9]);

/// Always in UTC, as the kernel reads it when it starts.
fn set_hardware(device: &Path, seconds: i64) -> rustix::io::Result<()> {
    let time = broken_down(seconds);
    let time = RtcTime([
        time.tm_sec,
        time.tm_min,
        time.tm_hour,
        time.tm_mday,
        time.tm_mon,
        time.tm_year,
        time.tm_wday,
        time.tm_yday,
        0,
    ]);
    let device = rustix::fs::open(device, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    // SAFETY: RTC_SET_TIME takes a pointer to a struct rtc_time, and reads it.
    unsafe { ioctl(&device, Setter::<SET_TIME, RtcTime>::new(time)) }
}

fn broken_down(seconds: i64) -> libc::tm {
    // SAFETY: zero is a valid value of each field of a tm, and both pointers are valid. A year that does not fit leaves zeros.
    unsafe {
        let mut time: libc::tm = std::mem::zeroed();
        libc::gmtime_r(&raw const seconds, &raw mut time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
            (4_102_444_800, "2100-01-01"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone() {
        assert_eq!(not_before(1_704_067_200).unwrap(), None);
    }
}
