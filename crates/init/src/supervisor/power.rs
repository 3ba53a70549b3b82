//! The end of the machine: everything is killed, written back and unmounted, and the kernel has the last word.

use super::watchdog::Watchdog;
use crate::console::CONSOLE;
use crate::ending::Ending;
use crate::patience;
use crate::report::debug_exit;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::{Signal, WaitOptions};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Ends the machine. Every step is tried, whatever happened to the one before.
pub fn end(ending: Ending, mut watchdog: Watchdog) -> ExitCode {
    kill_all(&mut watchdog);
    // There is nobody left to tell if it stands still.
    let work = || {
        rustix::fs::sync();
        unmount_all();
        rustix::fs::sync();
    };
    patience::write_back(work, || watchdog.feed());
    watchdog.end(ending);
    if let Ending::DebugExit(status) = ending
        && let Err(error) = debug_exit::exit(status)
    {
        CONSOLE.error(&format!("The machine cannot end with its status: {error}"));
    }
    let errno = rustix::system::reboot(ending.reboot_command()).err();
    // Only reached when the kernel refuses; process 1 must not return, or the kernel panics.
    CONSOLE.error(&format!("The kernel refused to end ({ending:?}): {errno:?}"));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// A process that hangs in the kernel (a GPU, a file server that went away) cannot be killed, and must not keep the machine up.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the processes that are left.
const TICK: Duration = Duration::from_millis(10);

/// Kills all other processes and waits until the last has gone, so that nothing holds a file system.
fn kill_all(watchdog: &mut Watchdog) {
    // SAFETY: kill(2) takes numbers and touches no memory. rustix has no call for "every process but me".
    let killed = unsafe { libc::kill(-1, Signal::KILL.as_raw()) } == 0;
    let deadline = Instant::now() + KILL_PATIENCE;
    while killed && Instant::now() < deadline {
        watchdog.feed();
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => std::thread::sleep(TICK),
            // There are no more children.
            Err(_) => return,
        }
    }
}

/// Unmounts all that is not the kernel's own, the last mount first; what cannot be unmounted becomes read-only.
fn unmount_all() {
    let Ok(table) = std::fs::read_to_string("/proc/self/mounts") else { return };
    let targets = table.lines().rev().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?))
    });
    for (source, target) in
        targets.filter(|(source, target)| source.starts_with('/') || target.starts_with("/storage"))
    {
        if unmount(target, UnmountFlags::NOFOLLOW).is_err() && source.starts_with('/') {
            // Nothing more can be done for it: sync(2) has written back what there was.
            let _ = mount_remount(target, MountFlags::RDONLY, "");
        }
    }
}
