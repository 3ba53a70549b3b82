//! The hardware's watchdog (Linux, Documentation/watchdog/watchdog-api.rst): once armed, it resets the machine unless it is fed in time.

use crate::ending::Ending;
use crate::pulse::{INTERVAL, Limit};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Setter, Updater, ioctl, opcode};
use std::time::{Duration, Instant};

/// The first one of the machine.
const DEVICE: &str = "/dev/watchdog";
/// A last byte that says that the end is meant ("magic close").
const MAGIC: &[u8] = b"V";
/// Anything else is food.
const FOOD: &[u8] = b"b";

/// For a restart: the firmware of a server looks at its memory for minutes, and a network boot takes its time. systemd gives as much.
const RESTART: Duration = Duration::from_secs(600);

/// WDIOC_SETTIMEOUT: seconds in, what the hardware makes of them out.
const SET_TIMEOUT: rustix::ioctl::Opcode = opcode::read_write::<libc::c_int>(b'W', 6);
/// WDIOC_SETOPTIONS, whose name says "read".
const SET_OPTIONS: rustix::ioctl::Opcode = opcode::read::<libc::c_int>(b'W', 4);
/// WDIOS_DISABLECARD
const DISABLE: libc::c_int = 1;

/// One that may not be there yet: its driver may be a module.
pub struct Watchdog {
    armed: Option<Armed>,
}

struct Armed {
    device: OwnedFd,
    /// What was asked for.
    limit: Duration,
    fed: Instant,
}

impl Watchdog {
    /// Not armed.
    pub fn new() -> Watchdog {
        Watchdog { armed: None }
    }

    /// Whether somebody resets the machine if nobody feeds it.
    pub fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Arms it, or changes its time, or disarms it; and feeds it.
    pub fn set(&mut self, limit: Limit) {
        match limit {
            Some(limit) => self.arm(limit),
            None => self.disarm(),
        }
        self.feed();
    }

    /// For another while of life.
    pub fn feed(&mut self) {
        if let Some(armed) = &mut self.armed
            // Some sit behind a slow bus.
            && armed.fed.elapsed() >= INTERVAL / 2
        {
            armed.fed = Instant::now();
            let _ = rustix::io::write(&armed.device, FOOD);
        }
    }

    /// Before the kernel's last word: a machine that is to stay off must not be reset; one that hangs while it starts again must be, but not one that only takes long.
    pub fn end(&mut self, ending: Ending) {
        self.feed();
        let has_time = self.armed.as_ref().is_some_and(|armed| set_time(&armed.device, RESTART).is_some());
        if ending != Ending::Reboot || !has_time {
            self.disarm();
        }
    }

    fn arm(&mut self, limit: Duration) {
        if self.armed.as_ref().is_some_and(|armed| armed.limit == limit) {
            return;
        }
        let device = match self.armed.take() {
            Some(armed) => armed.device,
            // It starts with that. There is none yet, or a container was first (EBUSY): the next beat tries again.
            None => match rustix::fs::open(DEVICE, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
                Ok(device) => device,
                Err(_) => return,
            },
        };
        // What the hardware cannot do leaves its own time, which is as good: it is fed every second.
        let time = set_time(&device, limit).map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
        tell(&format!("the watchdog resets this machine if it hangs{time}"));
        self.armed = Some(Armed { device, limit, fed: Instant::now() });
    }

    /// One that cannot be stopped once it runs (`nowayout`) stays armed, and has to be fed on.
    fn disarm(&mut self) {
        let Some(armed) = &self.armed else { return };
        let _ = rustix::io::write(&armed.device, MAGIC);
        // SAFETY: WDIOC_SETOPTIONS takes a pointer to an int, and reads it.
        let stopped = unsafe { ioctl(&armed.device, Setter::<SET_OPTIONS, libc::c_int>::new(DISABLE)) };
        // A driver without that call is stopped by the magic close alone.
        if stopped != Err(rustix::io::Errno::BUSY) {
            self.armed = None;
        }
    }
}

/// Sets the time until a reset; gives what the hardware makes of it. `None`: it cannot do that.
fn set_time(device: &OwnedFd, limit: Duration) -> Option<libc::c_int> {
    let mut seconds = libc::c_int::try_from(limit.as_secs()).unwrap_or(libc::c_int::MAX);
    // SAFETY: WDIOC_SETTIMEOUT takes a pointer to an int, reads and writes it.
    let set = unsafe { ioctl(device, Updater::<SET_TIMEOUT, libc::c_int>::new(&mut seconds)) };
    set.is_ok().then_some(seconds)
}

/// In the kernel's log, for the console may be a container's at the moment. Who has no /dev/kmsg does not read it.
fn tell(text: &str) {
    if let Ok(log) = rustix::fs::open("/dev/kmsg", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::io::write(log, format!("<6>boot2container: {text}\n").as_bytes());
    }
}
