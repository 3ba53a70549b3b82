//! Single paths, as a watch finds them.

use crate::store::*;
use mirror::{Mirror, Progress};
use std::fs;
use std::path::PathBuf;
use tempfile::tempdir;

fn push_paths(mirror: &Mirror, paths: &[&str]) -> Counts {
    let progress = Progress::default();
    let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
    assert_eq!(mirror.push_paths(&paths, &progress).unwrap(), [] as [PathBuf; 0]);
    counts(&progress)
}

#[test]
fn only_what_is_named_is_looked_at() {
    let here = tempdir().unwrap();
    for path in ["a", "b", "folder/c", "folder/deep/d", "skipped"] {
        write(here.path(), path, path);
    }
    let store = new_bucket("paths");
    let mirror = mirror(here.path(), bucket("paths"), &ALL);
    assert_eq!(push_paths(&mirror, &["a", "folder", "missing", "../x", "/etc/hostname"]), (3, 0, 0));
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), ["a", "folder/c", "folder/deep/d"]);
    assert_eq!(push_paths(&mirror, &["a", "folder"]), (0, 0, 3));
    write(here.path(), "a", "changed");
    fs::rename(here.path().join("folder"), here.path().join("moved")).unwrap();
    assert_eq!(push_paths(&mirror, &["a", "folder", "moved"]), (3, 2, 0));
    assert_eq!(objects(&store)["a"], b"changed");
    fs::remove_file(here.path().join("a")).unwrap();
    fs::create_dir(here.path().join("a")).unwrap();
    write(here.path(), "a/below", "");
    assert_eq!(push_paths(&mirror, &["a/below"]), (1, 0, 0));
    assert_eq!(push(&mirror), (2, 1, 3));
    assert_eq!(
        objects(&store).into_keys().collect::<Vec<_>>(),
        ["a/below", "b", "moved/c", "moved/deep/d", "skipped"]
    );
    // A file that is deleted, and made again before it is looked at.
    fs::remove_file(here.path().join("b")).unwrap();
    assert_eq!(push_paths(&mirror, &["b"]), (0, 1, 0));
    write(here.path(), "b", "b");
    assert_eq!(push_paths(&mirror, &["b"]), (1, 0, 0));
}

#[test]
fn a_file_that_becomes_a_folder_and_back_leaves_nothing_behind() {
    let here = tempdir().unwrap();
    let store = new_bucket("turns");
    let mirror = mirror(here.path(), bucket("turns"), &ALL);
    let keys = || objects(&store).into_keys().collect::<Vec<_>>();
    let path = here.path().join("a");
    for _ in 0..2 {
        fs::write(&path, "file").unwrap();
        push_paths(&mirror, &["a"]);
        assert_eq!(keys(), ["a"]);
        fs::remove_file(&path).unwrap();
        write(here.path(), "a/b/c", "below");
        push_paths(&mirror, &["a"]);
        assert_eq!(keys(), ["a/b/c"]);
        fs::remove_dir_all(&path).unwrap();
    }
    fs::write(&path, "file").unwrap();
    push_paths(&mirror, &["a"]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
    push_paths(&mirror, &["a"]);
    assert_eq!(keys(), [""; 0]);
}
