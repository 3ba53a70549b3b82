//! Cuts at any instant while a volume is filled: the file system loses what was not flushed. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::Disk;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use volume::{Volumes, copy_up};

const CUTS: u32 = 10;
const FILES: usize = 200;

fn content(number: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(1500)
}

fn assert_filled(data: &Path) {
    assert_eq!(fs::read_dir(data).unwrap().count(), FILES);
    for number in 0..FILES {
        assert!(fs::read(data.join(number.to_string())).unwrap() == content(number), "{number} is torn");
    }
}

/// Fills a volume, is cut, and looks what the next boot makes of it.
fn cut_after(delay: Duration, disk: &Disk, rootfs: &Path, name: &str) {
    let fill = || {
        let data = Volumes::open(&disk.path().join("volumes"))?.ensure(name)?;
        copy_up(rootfs, Path::new("/data"), &data)
    };
    std::thread::scope(|scope| {
        let filling = scope.spawn(|| fill().is_ok());
        std::thread::sleep(delay);
        disk.cut();
        filling.join().unwrap();
    });
    disk.unmount();
    disk.mount();
    fill().unwrap();
    assert_filled(&disk.path().join("volumes").join(name).join("_data"));
}

#[test]
fn after_a_cut_at_any_instant_a_volume_is_filled_whole() {
    let rootfs = tempfile::tempdir().unwrap();
    fs::create_dir(rootfs.path().join("data")).unwrap();
    for number in 0..FILES {
        fs::write(rootfs.path().join("data").join(number.to_string()), content(number)).unwrap();
    }
    Disk::with(96, |disk| {
        let start = Instant::now();
        let data = Volumes::open(&disk.path().join("volumes")).unwrap().ensure("first").unwrap();
        copy_up(rootfs.path(), Path::new("/data"), &data).unwrap();
        let whole = start.elapsed();
        for number in 0..CUTS {
            cut_after(whole * number / (CUTS - 1), disk, rootfs.path(), &format!("cut-{number}"));
        }
    });
}
