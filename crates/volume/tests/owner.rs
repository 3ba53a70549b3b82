//! Volumes that become a user's, as root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use volume::give;

fn owner(path: &Path) -> (u32, u32) {
    let meta = fs::symlink_metadata(path).unwrap();
    (meta.uid(), meta.gid())
}

#[test]
fn everything_in_a_volume_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join("volume").join(name);
    fs::create_dir_all(path("deep/er")).unwrap();
    fs::write(path("deep/er/file"), "").unwrap();
    fs::write(path(".hidden"), "").unwrap();
    fs::write(folder.path().join("outside"), "").unwrap();
    symlink(folder.path().join("outside"), path("link")).unwrap();
    symlink(folder.path(), path("deep/up")).unwrap();
    give(&path(""), 1000, 1001).unwrap();
    for name in ["", "deep", "deep/er", "deep/er/file", ".hidden", "link", "deep/up"] {
        assert_eq!(owner(&path(name)), (1000, 1001), "{name:?}");
    }
    assert_eq!(owner(&folder.path().join("outside")), (0, 0));
    assert_eq!(owner(folder.path()), (0, 0));
}

#[test]
fn a_file_alone_is_given_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    symlink(&file, folder.path().join("link")).unwrap();
    give(&folder.path().join("link"), 7, 8).unwrap();
    assert_eq!((owner(&file), owner(&folder.path().join("link"))), ((7, 8), (0, 0)));
}

#[test]
fn who_has_it_already_keeps_his_set_user_id_bit() {
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("tool");
    fs::write(&tool, "").unwrap();
    chown(&tool, Some(5), Some(6)).unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o4755)).unwrap();
    give(folder.path(), 5, 6).unwrap();
    assert_eq!(fs::metadata(&tool).unwrap().mode() & 0o7777, 0o4755);
}

#[test]
fn what_is_not_there_is_told() {
    let error = give(Path::new("/nowhere/at/all"), 1, 1).unwrap_err().to_string();
    assert_eq!(error, "cannot change the owner of /nowhere/at/all: No such file or directory (os error 2)");
}

/// As deep as a container can make it without tricks.
#[test]
fn a_deep_volume_needs_no_more_descriptors_than_a_flat_one() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..1500).fold(folder.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    give(folder.path(), 9, 9).unwrap();
    assert_eq!(owner(&deep), (9, 9));
}
