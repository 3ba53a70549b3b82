//! Layers: plain, gzip or zstd, unpacked for real into a folder of a tmpfs that nobody else sees. Needs root.
#![no_main]

use image::compression::{Compression, decompress};
use libfuzzer_sys::fuzz_target;
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};
use std::{fs, io::Read};

/// Debian has it, and nothing is in it.
const TMPFS: &str = "/mnt";
const FOLDER: &str = "/mnt/layer";
/// Most that a small input may inflate to.
const MAX_INFLATED: u64 = 1 << 20;

fuzz_target!(init: set_up(), |data: &[u8]| {
    fs::create_dir(FOLDER).expect("the last round's folder was removed");
    let folder = openat(CWD, FOLDER, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("it was made");
    let said = match data {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    };
    match decompress(data, said) {
        Ok(plain) => {
            if let Err(error) = image::unpack::unpack(plain.take(MAX_INFLATED), &folder) {
                let _ = error.to_string();
            }
        }
        Err(error) => drop(error.to_string()),
    }
    assert_eq!(fs::read_dir(TMPFS).expect("it is mounted").count(), 1, "something is beside the layer's folder");
    fs::remove_dir_all(FOLDER).expect("what was unpacked can be removed");
});

fn set_up() {
    // SAFETY: no thread has been started that could be surprised by mounts of its own.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("fuzzing layers needs root");
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .expect("the namespace is ours");
    mount("b2c-fuzz", TMPFS, c"tmpfs", MountFlags::empty(), Some(c"size=64m,nr_inodes=20k")).expect("tmpfs");
}
