//! `overwrite`, `remove`, `exclude`.

use crate::store::*;
use mirror::{Progress, Rules};
use std::fs;
use tempfile::tempdir;

#[test]
fn without_overwrite_what_differs_stays() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let store = new_bucket("no-overwrite");
    crate::store::store(&store, "other", b"from somebody else");
    write(here.path(), "other", "from here");
    write(here.path(), "ours", "1");
    let ours = mirror(here.path(), bucket("no-overwrite"), &NONE);
    assert_eq!(push(&ours), (1, 0, 0));
    // What this mirror has put there itself may grow.
    write(here.path(), "ours", "1 2");
    assert_eq!(push(&ours), (1, 0, 0));
    assert_eq!(objects(&store)["ours"], b"1 2");
    assert_eq!(objects(&store)["other"], b"from somebody else");
    // Also after the next boot.
    write(here.path(), "ours", "1 2 3");
    assert_eq!(push(&mirror(here.path(), bucket("no-overwrite"), &NONE)), (1, 0, 0));
    // Nor is it ours any more when somebody else replaced it.
    crate::store::store(&store, "ours", b"from somebody else");
    assert_eq!(push(&ours), (0, 0, 0));

    write(there.path(), "other", "from there");
    let theirs = mirror(there.path(), bucket("no-overwrite"), &NONE);
    assert_eq!(pull(&theirs), (1, 0, 0));
    crate::store::store(&store, "ours", b"longer, from somebody else");
    assert_eq!(pull(&theirs), (1, 0, 0));
    write(there.path(), "ours", "changed");
    crate::store::store(&store, "ours", b"2");
    assert_eq!(pull(&theirs), (0, 0, 0));
    assert_eq!(fs::read(there.path().join("other")).unwrap(), b"from there");
    assert_eq!(fs::read(there.path().join("ours")).unwrap(), b"changed");
}

#[test]
fn remove_deletes_what_the_source_lacks() {
    let here = tempdir().unwrap();
    let store = new_bucket("remove");
    for key in ["gone", "gone/below", "gone-too", "kept.tmp", "stays"] {
        crate::store::store(&store, key, b"");
    }
    write(here.path(), "stays", "");
    assert_eq!(push(&mirror(here.path(), bucket("remove"), &OVERWRITE)), (1, 0, 0));
    let rules = Rules { exclude: vec![String::new(), "*.tmp".into()], ..ALL };
    assert_eq!(push(&mirror(here.path(), bucket("remove"), &rules)), (0, 3, 1));
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), ["kept.tmp", "stays"]);

    for path in ["gone", "folder/gone", "folder/deep/gone", "folder/kept.tmp"] {
        write(here.path(), path, "");
    }
    fs::create_dir(here.path().join("empty")).unwrap();
    assert_eq!(pull(&mirror(here.path(), bucket("remove"), &rules)), (0, 3, 1));
    let paths: Vec<_> = tree(here.path()).into_keys().map(|path| String::from_utf8(path).unwrap()).collect();
    assert_eq!(paths, ["empty", "folder", "folder/kept.tmp", "stays"]);
}

#[test]
fn what_is_excluded_does_not_move() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    for path in ["a.log", "logs/b.log", "cache/x/y", "kept"] {
        write(here.path(), path, path);
    }
    let rules = Rules { exclude: vec!["*.log".into()], ..ALL };
    let store = new_bucket("exclude");
    assert_eq!(push(&mirror(here.path(), bucket("exclude"), &rules)), (2, 0, 0));
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), ["cache/x/y", "kept"]);
    let rules = Rules { exclude: vec!["cache/*".into()], ..ALL };
    assert_eq!(pull(&mirror(there.path(), bucket("exclude"), &rules)), (1, 0, 0));
    assert!(!there.path().join("cache").exists());
}

#[test]
fn more_than_a_page_is_deleted() {
    let here = tempdir().unwrap();
    for number in 0..2100 {
        write(here.path(), &format!("{number}"), "");
    }
    let store = new_bucket("many-deleted");
    let again = || mirror(here.path(), bucket("many-deleted"), &ALL);
    assert_eq!(push(&again()), (2100, 0, 0));
    (0..2100).filter(|number| number % 1000 != 0).for_each(|number| {
        fs::remove_file(here.path().join(number.to_string())).unwrap();
    });
    assert_eq!(push(&again()), (0, 2097, 3));
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), ["0", "1000", "2000"]);
}

#[test]
fn a_push_deletes_nothing_that_a_pull_has_to_leave_out() {
    let here = tempdir().unwrap();
    let store = new_bucket("left-out");
    let long = "x".repeat(256);
    let left_out = [".b2c-file", "a/../b", "a//b", "content/", long.as_str()];
    for key in left_out.into_iter().chain(["a/b", "gone"]) {
        crate::store::store(&store, key, b"content");
    }
    let mirror = mirror(here.path(), bucket("left-out"), &ALL);
    assert_eq!(pull(&mirror), (2, 0, 0));
    fs::remove_file(here.path().join("gone")).unwrap();
    assert_eq!(push(&mirror), (0, 1, 1));
    fs::remove_dir_all(here.path().join("a")).unwrap();
    mirror.push_paths(&["a".into()], &Progress::default()).unwrap();
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), left_out);
}
