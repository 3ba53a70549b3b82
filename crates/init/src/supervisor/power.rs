//! The end of the machine: everything is killed, written back and unmounted, and the kernel has the last word.

use crate::console::CONSOLE;
use crate::ending::Ending;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::{Pid, Signal, WaitOptions};
use std::process::ExitCode;
use std::time::Duration;

/// Ends the machine. Every step is tried, whatever happened to the one before.
pub fn end(ending: Ending) -> ExitCode {
    kill_all();
    rustix::fs::sync();
    unmount_all();
    rustix::fs::sync();
    let errno = rustix::system::reboot(ending.reboot_command()).err();
    // Only reached when the kernel refuses; process 1 must not return, or the kernel panics.
    CONSOLE.error(&format!("The kernel refused to end ({ending:?}): {errno:?}"));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Kills all other processes and waits until the last has gone, so that nothing holds a file system.
fn kill_all() {
    let everyone = Pid::from_raw(-1);
    // SAFETY: kill(2) takes numbers and touches no memory. rustix has no call for "every process but me".
    let killed = everyone.is_none_or(|_| unsafe { libc::kill(-1, Signal::KILL.as_raw()) } == 0);
    while killed
        && matches!(rustix::process::wait(WaitOptions::empty()), Ok(_) | Err(rustix::io::Errno::INTR))
    {}
}

/// Unmounts all that is not the kernel's own, the last mount first; what cannot be unmounted becomes read-only.
fn unmount_all() {
    let Ok(table) = std::fs::read_to_string("/proc/self/mounts") else { return };
    let targets = table.lines().rev().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?))
    });
    for (source, target) in
        targets.filter(|(source, target)| source.starts_with('/') || target.starts_with("/storage/"))
    {
        if unmount(target, UnmountFlags::NOFOLLOW).is_err() && source.starts_with('/') {
            // Nothing more can be done for it: sync(2) has written back what there was.
            let _ = mount_remount(target, MountFlags::RDONLY, "");
        }
    }
}
