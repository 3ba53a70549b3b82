//! Unpacked layers as overlayfs shows them: the kernel is the judge of what a white-out is. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use image::overlay::{OverlayError, RootFs};
use image::unpack::unpack;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Folders for layers and a container, on the file system of the temporary folder or on a tmpfs.
struct Place {
    folder: TempDir,
    is_tmpfs: bool,
}

impl Place {
    fn on_disk() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), is_tmpfs: false }
    }

    fn in_memory() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "none"]).arg(folder.path()).status().unwrap();
        assert!(mounted.success());
        Place { folder, is_tmpfs: true }
    }

    /// A layer made by the system's tar from what `script` makes in an empty folder.
    fn layer(&self, name: &str, script: &str) -> PathBuf {
        let source = tempfile::tempdir().unwrap();
        let command = format!("cd {} && {script} && tar -c .", source.path().display());
        let made = Command::new("sh").args(["-ec", &command]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let layer = self.folder.path().join(name);
        fs::create_dir(&layer).unwrap();
        unpack(made.stdout.as_slice(), File::open(&layer).unwrap()).unwrap();
        layer
    }

    fn work(&self) -> PathBuf {
        let work = self.folder.path().join("container");
        fs::create_dir(&work).unwrap();
        work
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_tmpfs {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}

/// Paths below a folder, sorted.
fn tree(root: &Path) -> Vec<String> {
    let listing = Command::new("find").args([".", "-mindepth", "1"]).current_dir(root).output().unwrap();
    let mut lines: Vec<String> =
        String::from_utf8(listing.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn check_whiteouts(place: &Place) {
    let lower = place.layer(
        "lower",
        "mkdir -p gone kept opaque replaced && touch gone/x kept/a kept/b opaque/low replaced/low file",
    );
    let upper = place.layer(
        "upper",
        "mkdir -p kept opaque replaced && touch .wh.gone .wh.file kept/.wh.a opaque/.wh..wh..opq opaque/up \
         .wh.replaced replaced/up",
    );
    let root = RootFs::mount(&[lower, upper], &place.work()).unwrap();
    let expected = ["./kept", "./kept/b", "./opaque", "./opaque/up", "./replaced", "./replaced/up"];
    assert_eq!(tree(root.path()), expected);
    root.unmount().unwrap();
}

#[test]
fn whiteouts_hide_what_is_below_on_disk() {
    check_whiteouts(&Place::on_disk());
}

#[test]
fn whiteouts_hide_what_is_below_in_memory() {
    check_whiteouts(&Place::in_memory());
}

#[test]
fn an_opaque_root_hides_all_layers_below() {
    let place = Place::on_disk();
    let lowest = place.layer("lowest", "touch hidden");
    let opaque = place.layer("opaque", "touch .wh..wh..opq seen");
    let top = place.layer("top", "touch on-top");
    let root = RootFs::mount(&[lowest, opaque, top], &place.work()).unwrap();
    assert_eq!(tree(root.path()), ["./on-top", "./seen"]);
}

#[test]
fn what_is_written_does_not_reach_the_layers() {
    let place = Place::in_memory();
    let layer = place.layer("layer", "echo layer > file && chmod 711 . && chown 3:4 .");
    let work = place.work();
    let root = RootFs::mount(std::slice::from_ref(&layer), &work).unwrap();
    let stat = fs::metadata(root.path()).unwrap();
    assert_eq!((stat.permissions().mode() & 0o7777, stat.uid(), stat.gid()), (0o711, 3, 4));
    fs::write(root.path().join("file"), "container").unwrap();
    fs::write(root.path().join("new"), "").unwrap();
    assert_eq!(fs::read_to_string(layer.join("file")).unwrap(), "layer\n");
    assert_eq!(tree(&layer), ["./file"]);
    let merged = root.path().to_owned();
    root.unmount().unwrap();
    assert!(tree(&merged).is_empty());
    assert_eq!(tree(&work.join("upper")), ["./file", "./new"]);
}

#[test]
fn a_dropped_root_is_unmounted() {
    let place = Place::on_disk();
    let root = RootFs::mount(&[place.layer("layer", "touch file")], &place.work()).unwrap();
    let merged = root.path().to_owned();
    let used = File::open(merged.join("file")).unwrap();
    drop(root);
    assert!(tree(&merged).is_empty());
    drop(used);
}

#[test]
fn a_busy_root_says_so() {
    let place = Place::on_disk();
    let root = RootFs::mount(&[place.layer("layer", "touch file")], &place.work()).unwrap();
    let used = File::open(root.path().join("file")).unwrap();
    let message = root.unmount().unwrap_err().to_string();
    assert!(message.contains("still uses it"), "{message}");
    drop(used);
}

/// Their names do not fit in a page, neither as paths nor as digests; commas and colons mean something in mount options.
#[test]
fn hundreds_of_layers_with_long_names_are_stacked() {
    for count in [200, 500] {
        let place = Place::in_memory();
        let folder = place.folder.path().join(format!("{},:\\{}", "long".repeat(20), "names".repeat(20)));
        let layers: Vec<PathBuf> = (0..count).map(|number| folder.join(format!("{number:064}"))).collect();
        for (number, layer) in layers.iter().enumerate() {
            fs::create_dir_all(layer).unwrap();
            fs::write(layer.join("top"), number.to_string()).unwrap();
            fs::write(layer.join(number.to_string()), "").unwrap();
        }
        let before = std::env::current_dir().unwrap();
        let root = RootFs::mount(&layers, &place.work()).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("top")).unwrap(), (count - 1).to_string());
        assert_eq!(tree(root.path()).len(), count + 1);
        assert_eq!(std::env::current_dir().unwrap(), before);
        root.unmount().unwrap();
    }
}

#[test]
fn an_image_without_layers_cannot_be_mounted() {
    let place = Place::on_disk();
    assert!(matches!(RootFs::mount(&[], &place.work()), Err(OverlayError::NoLayers)));
}

#[test]
fn a_layer_that_is_gone_is_named() {
    let place = Place::on_disk();
    let missing = place.folder.path().join("missing");
    let message = RootFs::mount(&[missing], &place.work()).unwrap_err().to_string();
    assert!(message.contains("missing") && message.contains("No such file"), "{message}");
}
