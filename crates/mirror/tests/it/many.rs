//! Many files in little memory.

use crate::store::*;
use harness::Garage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::tempdir;

const FILES: usize = 20_000;
/// Most of it is for TLS, threads and pages of listings; the program is not optimised.
const MEMORY: u64 = 40 << 20;

/// The example program, which cargo builds with the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/mirror")
}

/// Runs it, and gives the most memory that it had.
fn run(direction: &str, place: &str, folder: &Path) -> u64 {
    let mut child = Command::new(program())
        .args([
            direction,
            "--overwrite",
            "--remove",
            &garage().endpoint(),
            Garage::ACCESS_KEY,
            Garage::SECRET_KEY,
            place,
        ])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success(), "{direction}: {status}");
    peak << 10
}

#[test]
fn memory_does_not_grow_with_the_count() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    for number in 0..FILES {
        write(here.path(), &format!("folder {}/{number}", number / 5000), number.to_string());
    }
    new_bucket("many");
    for (direction, folder) in [("push", &here), ("push", &here), ("pull", &there), ("pull", &there)] {
        let peak = run(direction, "many/some/prefix", folder.path());
        assert!(peak < MEMORY, "{direction}: {} MiB", peak >> 20);
    }
    assert!(tree(here.path()) == tree(there.path()));
}
