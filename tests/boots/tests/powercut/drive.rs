//! The drive itself: it loses what was not flushed, and only that. Without this, the other tests would show nothing.

use crate::content::{FSYNC, check_files, write_files, written};
use crate::cut::{PATIENCE, machine};
use crate::words::{busybox, run};
use harness::{Boot, Drive, Outcome, WriteCache};
use std::process::Command;

const FILES: u32 = 15;

/// A drive that is one ext4.
fn formatted(cache: WriteCache) -> Drive {
    let drive = Drive::new(64 << 20, cache);
    let status = Command::new("mke2fs").args(["-q", "-t", "ext4"]).arg(drive.image()).status().unwrap();
    assert!(status.success(), "mke2fs: {status}");
    drive
}

/// A machine with that drive at /data, mounted with `options`, which runs `command`.
fn boot(drive: &Drive, options: &str, command: &str) -> Boot {
    let mount = format!("mkdir /data && mount -t ext4 -o {options} /dev/vda /data");
    machine(&run("", busybox(), &format!("{mount} && {{ {command}; }}")), drive)
}

/// What a second boot finds of the files that a first one has flushed before the power was cut.
fn files_after_a_cut(drive: &Drive, options: &str) -> Outcome {
    let mut vm = boot(drive, options, &format!("{}; sleep 1000", write_files("/data", FILES, FSYNC))).spawn();
    vm.wait_for(&format!("wrote {FILES}"), PATIENCE);
    let console = vm.kill().console;
    drive.cut(7);
    boot(drive, "barrier=1", &check_files("/data", written(&console))).run()
}

#[test]
fn what_was_flushed_survives_a_cut() {
    let outcome = files_after_a_cut(&formatted(WriteCache::Writeback), "barrier=1");
    outcome.expect_line(&format!("all of {FILES} are whole")).expect_status(0);
}

#[test]
fn what_was_written_through_survives_a_cut() {
    let outcome = files_after_a_cut(&formatted(WriteCache::None), "barrier=1");
    outcome.expect_line(&format!("all of {FILES} are whole")).expect_status(0);
}

#[test]
fn what_was_not_flushed_is_torn() {
    let outcome = files_after_a_cut(&formatted(WriteCache::Writeback), "barrier=0");
    assert_ne!(outcome.status(), Some(0), "a drive that was never flushed lost nothing:\n{}", outcome.tail());
}
