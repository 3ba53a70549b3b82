//! The store after accidents: power cuts, full disks, several at once. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Faults, Image as Source, Layer, Registry};
use image::{Policy, Store};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Machine, noise, read, small};

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_was_half_written_is_removed_when_the_store_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("v1/staging/7-7/deep");
    drop(Store::open(folder.path()).unwrap());
    fs::create_dir_all(&half).unwrap();
    let first = Store::open(folder.path()).unwrap();
    assert!(!half.exists());
    // Whoever has the store open may be writing.
    fs::create_dir_all(&half).unwrap();
    let second = Store::open(folder.path()).unwrap();
    assert!(half.exists());
    drop((first, second));
    drop(Store::open(folder.path()).unwrap());
    assert!(!half.exists());
}

/// As a power cut leaves files whose content was not yet on the disk.
#[test]
fn torn_manifests_are_fetched_again() {
    let front = Faults::before(Registry::shared());
    let layer = || Layer::new().file("file", 0o644, noise(10_000, 5));
    Source::new().layer(layer()).push(Registry::shared(), "torn");
    let mut machine = Machine::new();
    machine.options.policy = Policy::Missing;
    let name = format!("{}/torn", front.address());
    let image = machine.pull(&name).unwrap();
    let blobs = files(&machine.base.join("v1/blobs/sha256"));
    assert_eq!(blobs.len(), 2);
    for blob in &blobs {
        let whole = fs::read(blob).unwrap();
        for torn in [Vec::new(), whole[..whole.len() / 2].to_vec(), vec![0; whole.len()]] {
            fs::write(blob, torn).unwrap();
            let asked = front.requests().len();
            assert_eq!(machine.pull(&name).unwrap().digest, image.digest);
            let requests = front.requests();
            assert!(requests.len() > asked && fs::read(blob).unwrap() == whole);
            let layers = requests[asked..].iter().filter(|r| r.path.contains("/blobs/")).count();
            assert!(layers <= 1, "the layer is still there: {requests:?}");
        }
    }
    let record = files(&machine.base.join("v1/refs"));
    fs::write(&record[0], "{").unwrap();
    assert_eq!(machine.pull(&name).unwrap().digest, image.digest);
}

#[test]
fn a_layer_that_is_gone_is_fetched_again() {
    let layer = |number| Layer::new().file("file", 0o644, noise(1000, number));
    Source::new().layer(layer(1)).layer(layer(2)).push(Registry::shared(), "gone");
    let mut machine = Machine::new();
    machine.options.policy = Policy::Missing;
    let front = Faults::before(Registry::shared());
    let name = format!("{}/gone", front.address());
    let image = machine.pull(&name).unwrap();
    fs::remove_dir_all(&image.layers[0]).unwrap();
    let asked = front.requests().len();
    let again = machine.pull(&name).unwrap();
    assert_eq!((&again.layers, again.fetched.layers), (&image.layers, 1));
    assert!(image.layers[0].join("file").exists());
    let blobs = front.requests()[asked..].iter().filter(|r| r.path.contains("/blobs/")).count();
    assert_eq!(blobs, 1);
}

#[test]
fn the_same_image_can_be_pulled_by_many_at_once() {
    let layer = |number| Layer::new().file("file", 0o644, noise(300_000, number));
    (1..4).fold(Source::new(), |s, number| s.layer(layer(number))).push(Registry::shared(), "at-once");
    let machine = Machine::new();
    let name = format!("{}/at-once", Registry::shared().address());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(machine.pull(&name).unwrap().layers.len(), 3));
        }
    });
    machine.assert_nothing_half_done();
    assert_eq!(machine.layers(), 3);
}

#[test]
fn a_full_store_is_told_and_left_clean() {
    let mut machine = Machine::new();
    let small_disk = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(small_disk.path()).status();
    assert!(mounted.unwrap().success());
    machine.store = Store::open(small_disk.path()).unwrap();
    Source::new()
        .layer(Layer::new().file("file", 0o644, noise(4_000_000, 9)))
        .push(Registry::shared(), "too-large");
    small("fits").push(Registry::shared(), "fits");
    let address = Registry::shared().address();
    let message = machine.pull(&format!("{address}/too-large")).unwrap_err().to_string();
    let left = files(&small_disk.path().join("v1/staging")).len();
    let fits = machine.pull(&format!("{address}/fits")).map(|image| read(&image, "file"));
    machine.store = Store::open(&machine.base).unwrap();
    assert!(Command::new("umount").arg(small_disk.path()).status().unwrap().success());
    assert!(message.contains("the image store is full: more than 4.0 MB are needed"), "{message}");
    assert!(message.contains("of 2.1 MB are free; give the machine more memory"), "{message}");
    assert_eq!((left, fits.unwrap()), (0, "fits".into()));
}
