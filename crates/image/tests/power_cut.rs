//! Cuts at any instant of a pull: the file system loses what was not flushed. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Compression, Disk, Image as Source, Layer, Registry};
use image::{Image, Policy, PullError};
use std::fs;
use std::time::{Duration, Instant};
use support::{Machine, noise};

const CUTS: u32 = 12;

/// Many small files, and a large layer of which a part is kept while it is fetched.
fn push(name: &str, seed: u64) -> String {
    let files = (0..300).fold(Layer::new(), |layer, number| {
        layer.file(&format!("file-{number}"), 0o644, noise(2_000, seed * 1_000 + number))
    });
    Source::new()
        .layer(files)
        .layer(Layer::new().file("large", 0o644, noise(18_000_000, seed)).compression(Compression::None))
        .push(Registry::shared(), name);
    format!("{}/{name}", Registry::shared().address())
}

fn assert_right(image: &Image, seed: u64) {
    for number in 0..300 {
        let content = fs::read(image.layers[0].join(format!("file-{number}"))).unwrap();
        assert!(content == noise(2_000, seed * 1_000 + number), "file-{number} is torn");
    }
    assert!(fs::read(image.layers[1].join("large")).unwrap() == noise(18_000_000, seed), "large is torn");
}

/// A boot of which room is only for one image.
fn boot(disk: &Disk, name: &str, policy: Policy) -> Result<Image, PullError> {
    let mut machine = Machine::at(&disk.path());
    machine.options.policy = policy;
    machine.store.limit(25_000_000);
    machine.pull(name)
}

/// Cuts at an instant of a boot that removes one image and pulls another, and looks what is left.
fn cut_after(delay: Duration, disk: &Disk, names: &[String; 2]) {
    let _ = boot(disk, &names[0], Policy::Always).map(|image| assert_right(&image, 0));
    rustix::fs::syncfs(fs::File::open(disk.path()).unwrap()).unwrap();
    let pulled = std::thread::scope(|scope| {
        let pull = scope.spawn(|| boot(disk, &names[1], Policy::Always).is_ok());
        std::thread::sleep(delay);
        disk.cut();
        pull.join().unwrap()
    });
    disk.unmount();
    disk.mount();
    let machine = Machine::at(&disk.path());
    assert_eq!(machine.store.verify().unwrap(), [], "a layer that has its name is whole");
    machine.assert_nothing_half_done();
    drop(machine);
    assert!(!pulled || boot(disk, &names[1], Policy::Never).is_ok(), "an image that was pulled stays");
    for (seed, name) in (0..).zip(names) {
        if let Ok(image) = boot(disk, name, Policy::Never) {
            assert_right(&image, seed);
        }
    }
    assert_right(&boot(disk, &names[1], Policy::Always).unwrap(), 1);
}

#[test]
fn after_a_cut_at_any_instant_images_are_whole_or_not_there() {
    Disk::with(96, |disk| {
        let names = [push("cut-old", 0), push("cut-new", 1)];
        boot(disk, &names[0], Policy::Always).unwrap();
        let start = Instant::now();
        boot(disk, &names[1], Policy::Always).unwrap();
        let whole = start.elapsed();
        for number in 0..CUTS {
            cut_after(whole * number / (CUTS - 2), disk, &names);
        }
    });
}
