//! Large layers whose download ended half-way: what is fetched again in the next boot. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Compression, Disk, Fault, Faults, Image as Source, Layer, Pushed, Registry};
use image::Image;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use support::{Machine, noise, read};

const SIZE: usize = 48_000_000;

struct Interrupted {
    front: Faults,
    pushed: Pushed,
    name: String,
}

impl Interrupted {
    /// Boots a machine whose registry goes away when 90 % of a large layer have come.
    fn on(disk: &Disk, name: &str) -> Interrupted {
        let layer = Layer::new().file("noise", 0o644, noise(SIZE, 30)).file("file", 0o644, "end");
        let pushed = Source::new().layer(layer.compression(Compression::None)).push(Registry::shared(), name);
        let front = Faults::before(Registry::shared());
        let name = format!("{}/{name}", front.address());
        front.times(1, &pushed.layers[0], Fault::CutAfter(SIZE as u64 / 10 * 9));
        front.times(1, &pushed.layers[0], Fault::Status(403, None));
        Machine::at(&disk.path()).pull(&name).unwrap_err();
        Interrupted { front, pushed, name }
    }

    /// Boots again; also gives the first byte of each request for the layer, and its answer's status.
    fn boot_again(&self, disk: &Disk) -> (Image, Vec<(u64, u16)>) {
        let before = self.front.requests().len();
        let mut machine = Machine::at(&disk.path());
        // What is kept of the layer is not charged besides the layer.
        machine.store.limit(SIZE as u64 + 2_000_000);
        let image = machine.pull(&self.name).unwrap();
        assert_eq!(read(&image, "file"), "end");
        assert!(fs::read(image.layers[0].join("noise")).unwrap() == noise(SIZE, 30));
        machine.assert_nothing_half_done();
        assert_eq!(fs::read_dir(disk.path().join("v1/partial/sha256")).unwrap().count(), 0);
        let requests = self.front.requests().into_iter().skip(before);
        let layer = requests.filter(|request| request.path.contains(&self.pushed.layers[0]));
        (image, layer.map(|request| (first_byte(request.range.as_deref()), request.status)).collect())
    }
}

fn first_byte(range: Option<&str>) -> u64 {
    range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap())
}

fn partial(disk: &Disk, pushed: &Pushed) -> PathBuf {
    disk.path().join("v1/partial").join(pushed.layers[0].replace(':', "/"))
}

#[test]
fn a_layer_goes_on_in_the_next_boot() {
    Disk::with(160, |disk| {
        let interrupted = Interrupted::on(disk, "resumed");
        disk.unmount();
        disk.mount();
        let (_, requests) = interrupted.boot_again(disk);
        let [(from, 206)] = requests[..] else { panic!("{requests:?}") };
        assert!(from > SIZE as u64 / 10 * 8, "{from} of {SIZE} were kept");
    });
}

/// What ext4 leaves of what it had not flushed: a file of the right length whose end is zeros.
#[test]
fn an_end_that_was_not_flushed_is_not_trusted() {
    Disk::with(160, |disk| {
        let interrupted = Interrupted::on(disk, "unflushed");
        let path = partial(disk, &interrupted.pushed);
        let file = fs::File::options().write(true).open(&path).unwrap();
        let (length, step) = (file.metadata().unwrap().len(), 8 << 20);
        let torn = usize::try_from(length - (length - 1) / step * step).unwrap();
        file.write_all_at(&vec![0; torn], length - torn as u64).unwrap();
        let (_, requests) = interrupted.boot_again(disk);
        assert_eq!(requests, [(length - torn as u64, 206)]);
    });
}

#[test]
fn a_kept_part_that_rots_is_fetched_again() {
    Disk::with(160, |disk| {
        for offset in [0, 20_000_000] {
            let interrupted = Interrupted::on(disk, &format!("rotten-{offset}"));
            let path = partial(disk, &interrupted.pushed);
            fs::File::options().write(true).open(&path).unwrap().write_all_at(b"rot", offset).unwrap();
            let (image, requests) = interrupted.boot_again(disk);
            assert_eq!(*requests.last().unwrap(), (0, 200), "{requests:?}");
            fs::remove_dir_all(image.layers[0].parent().unwrap()).unwrap();
        }
    });
}

#[test]
fn a_registry_without_ranges_is_read_from_the_start() {
    Disk::with(160, |disk| {
        let interrupted = Interrupted::on(disk, "without-ranges");
        interrupted.front.always(&interrupted.pushed.layers[0], Fault::IgnoreRange);
        let (_, requests) = interrupted.boot_again(disk);
        assert!(matches!(requests[..], [(1.., 200)]), "{requests:?}");
    });
}

/// A copy of it would take the memory that its files need.
#[test]
fn in_memory_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |folder: &Path| {
        let args = ["-t", "tmpfs", "-o", "size=100m", "none"];
        std::process::Command::new("mount").args(args).arg(folder).status().unwrap()
    };
    Disk::with(16, |_| {
        assert!(mount(folder.path()).success());
        let layer = Layer::new().file("noise", 0o644, noise(20_000_000, 31));
        let pushed = Source::new().layer(layer).push(Registry::shared(), "in-memory");
        let front = Faults::before(Registry::shared());
        front.times(1, &pushed.layers[0], Fault::CutAfter(18_000_000));
        front.times(1, &pushed.layers[0], Fault::Status(403, None));
        let machine = Machine::at(folder.path());
        machine.pull(&format!("{}/in-memory", front.address())).unwrap_err();
        let kept = fs::read_dir(folder.path().join("v1/partial/sha256")).unwrap().count();
        drop(machine);
        assert!(std::process::Command::new("umount").arg(folder.path()).status().unwrap().success());
        assert_eq!(kept, 0);
    });
}
