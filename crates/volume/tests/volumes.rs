//! The life of volumes, on a real file system.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use proptest::prelude::*;
use std::{fs, os::unix::fs::symlink};
use volume::{Error, Volumes};

#[test]
fn a_volume_is_made_once_listed_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(&root.path().join("storage/volumes")).unwrap();
    let data = volumes.ensure("42-results").unwrap();
    assert_eq!(data, root.path().join("storage/volumes/42-results/_data"));
    fs::write(data.join("kept"), "x").unwrap();
    assert_eq!(volumes.ensure("42-results").unwrap(), data);
    assert_eq!(fs::read(data.join("kept")).unwrap(), b"x");
    volumes.ensure("a.b_c").unwrap();
    assert_eq!(volumes.list().unwrap(), ["42-results", "a.b_c"]);
    assert!(volumes.remove("42-results").unwrap());
    assert!(!volumes.remove("42-results").unwrap());
    assert_eq!(volumes.list().unwrap(), ["a.b_c"]);
}

#[test]
fn names_are_podmans() {
    let root = tempfile::tempdir().unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    for name in ["a", "0", "A-b_c.d", "x..", &"n".repeat(255)] {
        volumes.ensure(name).unwrap();
        assert!(volumes.remove(name).unwrap());
    }
    for name in ["", ".", "..", "-a", "_a", ".a", "a/b", "/a", "a b", "a\n", "ä", "a\0", &"n".repeat(256)] {
        for error in
            [volumes.ensure(name).map(|_| ()).unwrap_err(), volumes.remove(name).map(|_| ()).unwrap_err()]
        {
            assert!(matches!(error, Error::Name { .. }), "{name:?}: {error}");
            assert!(error.to_string().contains("choose another"), "{error}");
        }
    }
}

#[test]
fn a_removal_that_was_interrupted_is_ended() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(".removing.job/_data/deep")).unwrap();
    fs::create_dir_all(root.path().join("kept/_data")).unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    assert_eq!(volumes.list().unwrap(), ["kept"]);
    assert!(!root.path().join(".removing.job").exists());
}

#[test]
fn removing_a_volume_follows_no_links() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("kept"), "x").unwrap();
    let volumes = Volumes::open(root.path()).unwrap();
    symlink(outside.path(), volumes.ensure("job").unwrap().join("link")).unwrap();
    assert!(volumes.remove("job").unwrap());
    assert!(outside.path().join("kept").exists());
}

#[test]
fn a_link_in_place_of_a_volume_is_refused() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let volumes = Volumes::open(root.path()).unwrap();
    symlink(outside.path(), root.path().join("evil")).unwrap();
    let text = volumes.ensure("evil").unwrap_err().to_string();
    assert!(text.starts_with("cannot make the folder") && text.contains("evil"), "{text}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn no_name_leads_out_of_the_root(name in "[a/._\\\\-]{0,8}|.{0,8}") {
        let root = tempfile::tempdir().unwrap();
        let volumes = Volumes::open(&root.path().join("volumes")).unwrap();
        if let Ok(path) = volumes.ensure(&name) {
            prop_assert_eq!(path.parent().unwrap().parent().unwrap(), root.path().join("volumes"));
            prop_assert_eq!(volumes.list().unwrap(), vec![name]);
        }
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
