//! Archives as a boot loader loads them, unpacked for real into a folder of a tmpfs that nobody else sees. Needs root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};
use std::fs;

/// Debian has it, and nothing is in it.
const TMPFS: &str = "/mnt";
const FOLDER: &str = "/mnt/archive";

fuzz_target!(init: set_up(), |data: &[u8]| {
    fs::create_dir(FOLDER).expect("the last round's folder was removed");
    let folder = openat(CWD, FOLDER, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("it was made");
    if let Err(error) = image::unpack::unpack_initramfs(data, &folder, &["lib/modules", "lib/firmware"], false) {
        let _ = error.to_string();
    }
    assert_eq!(fs::read_dir(TMPFS).expect("it is mounted").count(), 1, "something is beside the archive's folder");
    fs::remove_dir_all(FOLDER).expect("what was unpacked can be removed");
});

fn set_up() {
    // SAFETY: no thread has been started that could be surprised by mounts of its own.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("fuzzing archives needs root");
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .expect("the namespace is ours");
    mount("b2c-fuzz", TMPFS, c"tmpfs", MountFlags::empty(), Some(c"size=64m,nr_inodes=20k")).expect("tmpfs");
}
