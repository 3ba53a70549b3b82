//! Swap on the kernel that runs the tests, on loop devices: on, and off again.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod loops;

use disk::device::{self, Content};
use disk::signature::Family;
use disk::swap::{self, Error};
use loops::{Loop, own_mounts, run};
use std::fs;
use std::path::Path;

/// What swaps are on, by the kernel.
fn is_on(path: &Path) -> bool {
    let swaps = fs::read_to_string("/proc/swaps").unwrap();
    // A file is shown with its mount point, which is another one in each namespace.
    swaps.lines().any(|line| line.starts_with(path.to_str().unwrap()))
}

#[test]
fn a_file_on_each_file_system_that_can_hold_one() {
    own_mounts();
    for program in ["mkfs.ext4 -q", "mkfs.ext4 -q -O ^extent,^64bit", "mkfs.xfs -q", "mkfs.btrfs -q"] {
        let device = Loop::made_by(program, 320 << 20);
        let folder = tempfile::tempdir().unwrap();
        run("mount", &[device.path().to_str().unwrap(), folder.path().to_str().unwrap()]);
        fs::write(folder.path().join("swapfile"), "of an earlier boot").unwrap();
        let swap =
            swap::on_file(folder.path(), 20 << 20).unwrap_or_else(|error| panic!("{program}: {error}"));
        let path = swap.path().to_owned();
        assert!(is_on(&path), "{program}");
        assert!(run("blkid", &["-p", path.to_str().unwrap()]).contains("TYPE=\"swap\""));
        swap.off().unwrap();
        assert!(!is_on(&path) && !path.exists(), "{program}");
        run("umount", &[folder.path().to_str().unwrap()]);
    }
}

#[test]
fn a_file_that_does_not_fit_or_cannot_be_swapped_to_leaves_nothing() {
    own_mounts();
    let device = Loop::made_by("mkfs.ext4 -q", 64 << 20);
    let folder = tempfile::tempdir().unwrap();
    run("mount", &[device.path().to_str().unwrap(), folder.path().to_str().unwrap()]);
    assert!(matches!(swap::on_file(folder.path(), 1 << 30), Err(Error::NoSpace { needed: 0x4000_0000, .. })));
    assert!(matches!(swap::on_file(folder.path(), 4096), Err(Error::Size { size: 4096 })));
    assert!(!folder.path().join("swapfile").exists());
    run("mount", &["-t", "tmpfs", "none", folder.path().to_str().unwrap()]);
    assert!(matches!(swap::on_file(folder.path(), 1 << 20), Err(Error::NotADrive { medium: "memory", .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_device_is_made_swap_space_and_known_as_such() {
    let device = Loop::blank(20 << 20);
    let found = device::wait_for(device.path()).unwrap();
    assert_eq!(device::content(&found).unwrap(), Content::Blank);
    swap::make_device(device.path()).unwrap();
    assert!(
        matches!(device::content(&found).unwrap(), Content::Known(known) if known.family == Family::Swap)
    );
    let swap = swap::on_device(device.path()).unwrap();
    assert!(is_on(device.path()));
    swap.off().unwrap();
    assert!(!is_on(device.path()));
    fs::write(device.path(), "something else".repeat(1000)).unwrap();
    assert_eq!(device::content(&found).unwrap(), Content::Unknown);
    assert!(matches!(swap::on_device(device.path()), Err(Error::On { .. })));
}
