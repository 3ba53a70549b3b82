//! The store on a disk: room, budget, rot, what others left. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Compression, Disk, Faults, Image as Source, Layer, Pushed, Registry};
use image::{Digest, Policy};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use support::{Machine, noise, read, small};

const MB: u64 = 1_000_000;

/// An image of so many megabytes that do not compress, on a layer of 1 MB that all of them share.
fn image(name: &str, megabytes: usize, seed: u64) -> (String, Pushed) {
    let own = Layer::new().file("noise", 0o644, noise(megabytes * 1_000_000, seed)).file("file", 0o644, name);
    let pushed = Source::new()
        .layer(Layer::new().file("base", 0o644, noise(1_000_000, 99)))
        .layer(own.compression(Compression::None))
        .push(Registry::shared(), name);
    (format!("{}/{name}", Registry::shared().address()), pushed)
}

/// An image that travels light and unpacks to so many megabytes.
fn zeros(name: &str, megabytes: usize) -> String {
    let layer = Layer::new().file("zeros", 0o644, vec![0; megabytes * 1_000_000]).file("file", 0o644, name);
    Source::new().layer(layer).push(Registry::shared(), name);
    format!("{}/{name}", Registry::shared().address())
}

/// Whether the store has it, without asking the registry, as a boot without a network.
fn has(disk: &Disk, name: &str) -> bool {
    let mut machine = Machine::at(&disk.path());
    machine.options.policy = Policy::Never;
    // To look is to use: so the order of use is not changed by it.
    let refs = disk.path().join("v1/refs");
    let times: Vec<_> = fs::read_dir(&refs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
        .collect();
    let found = machine.pull(name).is_ok();
    for (time, path) in times {
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    }
    found
}

#[test]
fn the_least_recently_used_image_makes_room() {
    Disk::with(96, |disk| {
        let names = [1, 2, 3].map(|seed| image(&format!("lru-{seed}"), 10, seed).0);
        let boot = |name: &str| {
            let mut machine = Machine::at(&disk.path());
            machine.store.limit(30 * MB);
            machine.pull(name).unwrap();
            machine.store.collect().unwrap();
        };
        boot(&names[0]);
        boot(&names[1]);
        boot(&names[0]);
        assert_eq!(names.each_ref().map(|name| has(disk, name)), [true, true, false]);
        boot(&names[2]);
        assert_eq!(names.each_ref().map(|name| has(disk, name)), [true, false, true]);
        boot(&names[1]);
        assert_eq!(names.each_ref().map(|name| has(disk, name)), [false, true, true]);
        let blobs = fs::read_dir(disk.path().join("v1/blobs/sha256")).unwrap().count();
        assert_eq!(blobs, 4, "a manifest and a configuration each");
    });
}

/// The second boot of a machine with a cache drive.
#[test]
fn a_warm_boot_asks_for_next_to_nothing() {
    Disk::with(48, |disk| {
        let front = Faults::before(Registry::shared());
        small("warm").push(Registry::shared(), "warm");
        let name = format!("{}/warm", front.address());
        Machine::at(&disk.path()).pull(&name).unwrap();
        disk.unmount();
        disk.mount();
        let asked = front.requests().len();
        assert_eq!(read(&Machine::at(&disk.path()).pull(&name).unwrap(), "file"), "warm");
        let requests = front.requests().split_off(asked);
        assert!(requests.len() == 1 && requests[0].method == "HEAD", "{requests:?}");
        front.down();
        let mut machine = Machine::at(&disk.path());
        machine.options.policy = Policy::Missing;
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "warm");
    });
}

#[test]
fn a_shared_layer_stays_for_the_image_that_needs_it() {
    Disk::with(96, |disk| {
        let ((old, _), (new, pushed)) = (image("shared-old", 15, 4), image("shared-new", 15, 5));
        Machine::at(&disk.path()).pull(&old).unwrap();
        let front = Faults::before(Registry::shared());
        let mut machine = Machine::at(&disk.path());
        machine.store.limit(20 * MB);
        machine.pull(&format!("{}/shared-new", front.address())).unwrap();
        assert!(!has(disk, &old) && has(disk, &format!("{}/shared-new", front.address())), "{new}");
        assert!(front.requests().iter().all(|request| !request.path.contains(&pushed.layers[0])));
    });
}

#[test]
fn what_this_boot_uses_is_not_removed() {
    Disk::with(96, |disk| {
        let ((first, _), (second, _)) = (image("in-use-1", 15, 6), image("in-use-2", 15, 7));
        let mut machine = Machine::at(&disk.path());
        machine.store.limit(25 * MB);
        let image = machine.pull(&first).unwrap();
        let message = machine.pull(&second).unwrap_err().to_string();
        assert!(message.contains("more than 15.0 MB are needed"), "{message}");
        assert!(
            message.contains("16.0 MB of a budget of 25.0 MB, all of it in use by this boot"),
            "{message}"
        );
        assert_eq!(read(&image, "file"), "in-use-1");
        machine.assert_nothing_half_done();
        drop(machine);
        let mut machine = Machine::at(&disk.path());
        machine.store.limit(25 * MB);
        assert_eq!(read(&machine.pull(&second).unwrap(), "file"), "in-use-2");
        drop(machine);
        assert!(!has(disk, &first));
    });
}

#[test]
fn an_image_that_cannot_fit_is_refused_before_it_is_fetched() {
    Disk::with(48, |disk| {
        let (_, pushed) = image("too-large", 60, 8);
        let (other, _) = image("beside-too-large", 10, 14);
        Machine::at(&disk.path()).pull(&other).unwrap();
        let front = Faults::before(Registry::shared());
        let machine = Machine::at(&disk.path());
        let message = machine.pull(&format!("{}/too-large", front.address())).unwrap_err().to_string();
        assert!(
            message.contains("more than 60.0 MB are needed") && message.contains("use a larger disk"),
            "{message}"
        );
        assert!(front.requests().iter().all(|request| !request.path.contains(&pushed.layers[1])));
        assert!(message.contains("of which 10.0 MB could be removed"), "{message}");
        small("fits").push(Registry::shared(), "fits-beside");
        let name = format!("{}/fits-beside", front.address());
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "fits");
        drop(machine);
        assert!(has(disk, &other), "no image goes in vain");
    });
}

#[test]
fn a_disk_that_is_full_in_mid_pull_makes_room() {
    Disk::with(64, |disk| {
        let ((old, _), new) = (image("mid-old", 20, 9), zeros("mid-new", 35));
        Machine::at(&disk.path()).pull(&old).unwrap();
        let machine = Machine::at(&disk.path());
        let image = machine.pull(&new).unwrap();
        assert_eq!(fs::metadata(image.layers[0].join("zeros")).unwrap().len(), 35 * MB);
        machine.assert_nothing_half_done();
        drop(machine);
        assert!(has(disk, &new) && !has(disk, &old));
    });
}

#[test]
fn a_disk_that_stays_full_is_told_and_the_store_goes_on() {
    Disk::with(64, |disk| {
        let ((kept, _), large) = (image("stays", 10, 10), zeros("unpacks-large", 80));
        let machine = Machine::at(&disk.path());
        machine.pull(&kept).unwrap();
        let message = machine.pull(&large).unwrap_err().to_string();
        assert!(message.contains("the image store is full") && message.contains("are free"), "{message}");
        machine.assert_nothing_half_done();
        assert_eq!(read(&machine.pull(&kept).unwrap(), "file"), "stays");
        small("after").push(Registry::shared(), "after-full");
        let name = format!("{}/after-full", Registry::shared().address());
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "after");
        drop(machine);
        assert!(has(disk, &kept), "no image goes because another failed");
    });
}

/// The names that podman gives in its `--root`, and the volumes, which are the users'.
fn podman_store(disk: &Disk) {
    for folder in [
        "overlay/4f/diff/usr",
        "overlay/l",
        "overlay-images",
        "overlay-layers",
        "libpod",
        "volumes/job/_data",
    ] {
        fs::create_dir_all(disk.path().join(folder)).unwrap();
    }
    fs::write(disk.path().join("overlay/4f/diff/usr/large"), noise(40_000_000, 1)).unwrap();
    fs::write(disk.path().join("storage.lock"), "").unwrap();
    fs::write(disk.path().join("volumes/job/_data/result"), "kept").unwrap();
}

#[test]
fn what_podman_left_goes_first_and_only_when_there_is_no_room() {
    Disk::with(64, |disk| {
        podman_store(disk);
        let storage = disk.path();
        let boot = |name: &str| {
            let mut machine = Machine::at(&storage.join("b2c"));
            machine.store.succeed_podman(&storage);
            machine.pull(name).unwrap();
        };
        small("fits").push(Registry::shared(), "beside-podman");
        let fits = format!("{}/beside-podman", Registry::shared().address());
        boot(&fits);
        assert!(storage.join("overlay/4f/diff/usr/large").exists());
        boot(&image("instead-of-podman", 20, 11).0);
        for gone in ["overlay", "overlay-images", "overlay-layers", "libpod", "storage.lock"] {
            assert!(!storage.join(gone).exists(), "{gone}");
        }
        assert_eq!(fs::read_to_string(storage.join("volumes/job/_data/result")).unwrap(), "kept");
        let mut machine = Machine::at(&storage.join("b2c"));
        machine.options.policy = Policy::Never;
        assert_eq!(read(&machine.pull(&fits).unwrap(), "file"), "fits", "our images were not first");
    });
}

#[test]
fn folders_that_are_not_podman_s_stay() {
    Disk::with(64, |disk| {
        fs::create_dir(disk.path().join("overlay")).unwrap();
        fs::write(disk.path().join("overlay/mine"), noise(20_000_000, 1)).unwrap();
        let mut machine = Machine::at(&disk.path().join("b2c"));
        machine.store.succeed_podman(&disk.path());
        machine.pull(&image("no-podman", 40, 12).0).unwrap_err();
        assert!(disk.path().join("overlay/mine").exists());
    });
}

#[test]
fn a_store_of_another_version_is_kept_while_there_is_room() {
    Disk::with(64, |disk| {
        let other = disk.path().join("v2/anything");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("large"), noise(40_000_000, 1)).unwrap();
        small("x").push(Registry::shared(), "versions");
        Machine::at(&disk.path()).pull(&format!("{}/versions", Registry::shared().address())).unwrap();
        assert!(other.join("large").exists());
        Machine::at(&disk.path()).pull(&image("instead-of-v2", 20, 13).0).unwrap();
        assert!(!disk.path().join("v2").exists());
    });
}

/// Everything that a layer can hold, so that a sound one is not taken for damaged.
fn varied() -> Layer {
    Layer::new()
        .directory("usr", 0o755)
        .file("usr/tool", 0o4755, noise(200_000, 20))
        .file("usr/empty", 0o600, "")
        .hard_link("usr/same", "usr/tool")
        .symlink("usr/link", "/etc/passwd")
        .file("usr/tool", 0o755, "replaced")
        .white_out("etc/gone")
        .opaque("var")
        .file("deep/in/folders/without/entries", 0o644, "x")
}

#[test]
fn a_layer_that_rots_is_found_and_only_it_is_fetched_again() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("a flipped bit", |root| flip(&root.join("usr/same"))),
        ("a file that lost its end", |root| {
            fs::File::options().write(true).open(root.join("usr/same")).unwrap().set_len(4096).unwrap();
        }),
        ("a file that is gone", |root| fs::remove_file(root.join("usr/empty")).unwrap()),
        ("a folder that is gone", |root| fs::remove_dir_all(root.join("deep/in")).unwrap()),
        ("another mode", |root| {
            fs::set_permissions(root.join("usr"), fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("all files gone", |root| fs::remove_dir_all(root).unwrap()),
    ];
    Disk::with(64, |disk| {
        let front = Faults::before(Registry::shared());
        let source = Source::new().layer(small_layer()).layer(varied());
        let pushed = source.push(Registry::shared(), "rot");
        let name = format!("{}/rot", front.address());
        let mut machine = Machine::at(&disk.path());
        machine.options.policy = Policy::Missing;
        let image = machine.pull(&name).unwrap();
        for (what, damage) in damages {
            assert_eq!(machine.store.verify().unwrap(), [], "before {what}");
            damage(&image.layers[1]);
            let rotten = machine.store.verify().unwrap();
            let hex = image.layers[1].parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(rotten.iter().map(Digest::hex).collect::<Vec<_>>(), [hex], "{what}");
            let asked = front.requests().len();
            let again = machine.pull(&name).unwrap();
            assert_eq!((&again.layers, again.fetched.layers), (&image.layers, 1));
            let layers: Vec<_> =
                front.requests()[asked..].iter().filter(|r| r.path.contains("/blobs/")).cloned().collect();
            assert!(layers.len() == 1 && layers[0].path.contains(&pushed.layers[1]), "{what}: {layers:?}");
        }
    });
}

fn small_layer() -> Layer {
    Layer::new().file("file", 0o644, noise(50_000, 21))
}

/// Below the file's size and time, as a disk does it.
fn flip(path: &Path) {
    use std::os::unix::fs::FileExt as _;
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100_000).unwrap();
    file.write_all_at(&[byte[0] ^ 4], 100_000).unwrap();
    file.set_modified(time).unwrap();
}
