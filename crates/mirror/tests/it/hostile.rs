//! Keys that no file can have, and names that are in the way.

use crate::store::*;
use mirror::Error;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::tempdir;

#[test]
fn keys_that_are_no_paths_are_refused() {
    let above = tempdir().unwrap();
    let here = above.path().join("here");
    fs::create_dir(&here).unwrap();
    let store = new_bucket("hostile");
    let long = "x".repeat(256);
    let deep = "d/".repeat(200) + "f";
    let hostile = [
        "../x",
        "a/../../x",
        "/x",
        "//x",
        "a//b",
        "./x",
        "a/.",
        "..",
        &long,
        &deep,
        ".b2c-mirror-x",
        "folder/x/",
    ];
    for key in hostile {
        crate::store::store(&store, key, b"hostile");
    }
    crate::store::store(&store, "zebra", b"fine");
    assert_eq!(pull(&mirror(&here, bucket("hostile"), &ALL)), (1, 0, 0));
    assert_eq!(tree(above.path()).into_keys().collect::<Vec<_>>(), [&b"here"[..], b"here/zebra"]);
}

#[test]
fn links_in_the_way_are_not_followed() {
    let (here, outside) = (tempdir().unwrap(), tempdir().unwrap());
    let store = new_bucket("links-in-the-way");
    for key in ["file", "folder/file"] {
        crate::store::store(&store, key, b"from the bucket");
    }
    write(outside.path(), "target", "outside");
    symlink(outside.path().join("target"), here.path().join("file")).unwrap();
    symlink(outside.path(), here.path().join("folder")).unwrap();
    assert_eq!(pull(&mirror(here.path(), bucket("links-in-the-way"), &OVERWRITE)), (1, 0, 0));
    assert_eq!(tree(outside.path()).into_values().collect::<Vec<_>>(), [b"outside"]);
    assert_eq!(fs::read(here.path().join("file")).unwrap(), b"from the bucket");
    // With `preserve`, the link takes part, and the bucket lacks it.
    assert_eq!(pull(&mirror(here.path(), bucket("links-in-the-way"), &PRESERVE)).1, 1);
    assert_eq!(fs::read(here.path().join("folder/file")).unwrap(), b"from the bucket");
    assert_eq!(tree(outside.path()).into_values().collect::<Vec<_>>(), [b"outside"]);
}

#[test]
fn folders_and_files_change_places_only_with_overwrite_and_remove() {
    let here = tempdir().unwrap();
    let store = new_bucket("change-places");
    crate::store::store(&store, "file", b"now a file");
    crate::store::store(&store, "folder/below", b"now a folder");
    write(here.path(), "file/deep/below", "was a folder");
    write(here.path(), "folder", "was a file");
    let before = tree(here.path());
    assert_eq!(pull(&mirror(here.path(), bucket("change-places"), &OVERWRITE)), (0, 0, 0));
    assert_eq!(tree(here.path()), before);
    let excluding = mirror::Rules { exclude: vec!["file/*".into()], ..ALL };
    assert_eq!(pull(&mirror(here.path(), bucket("change-places"), &excluding)), (1, 1, 0));
    assert_eq!(fs::read(here.path().join("file/deep/below")).unwrap(), b"was a folder");
    assert_eq!(pull(&mirror(here.path(), bucket("change-places"), &ALL)).1, 1);
    assert_eq!(fs::read(here.path().join("file")).unwrap(), b"now a file");
    assert_eq!(fs::read(here.path().join("folder/below")).unwrap(), b"now a folder");
}

#[test]
fn a_bucket_can_have_a_file_with_something_below() {
    let here = tempdir().unwrap();
    let store = new_bucket("both");
    for key in ["a", "a-b", "a/b", "c/"] {
        crate::store::store(&store, key, b"");
    }
    for _ in 0..2 {
        pull(&mirror(here.path(), bucket("both"), &ALL));
        assert_eq!(tree(here.path()).into_keys().collect::<Vec<_>>(), [&b"a"[..], b"a-b", b"c"]);
    }
}

#[test]
fn a_full_disk_is_told_with_numbers() {
    let here = tempdir().unwrap();
    let store = new_bucket("full");
    crate::store::store(&store, "a", b"small");
    crate::store::store(&store, "b", &vec![0; 4 << 20]);
    (0..20).for_each(|number| crate::store::store(&store, &format!("c{number}"), &[0; 200_000]));
    for key in ["b", "none"] {
        mount("tmpfs", here.path(), "tmpfs", MountFlags::empty(), Some(c"size=1m")).unwrap();
        let rules = mirror::Rules { exclude: vec![key.to_owned()], ..ALL };
        let result = try_pull(&mirror(here.path(), bucket("full"), &rules));
        let left = fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let unfinished = left.filter(|name| name.to_str().unwrap().starts_with('.')).count();
        unmount(here.path(), UnmountFlags::empty()).unwrap();
        let Err(Error::Full { path, needed, free }) = result else { panic!("{result:?}") };
        assert!(needed >= 200_000 && free < 4 << 20, "{path:?} {needed} {free}");
        assert_eq!(unfinished, 0);
    }
}
