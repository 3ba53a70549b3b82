//! What goes into a bucket comes out of it, and what is equal does not move.

use crate::store::*;
use rustix::fs::{llistxattr, lremovexattr};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::tempdir;

#[test]
fn byte_for_byte() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let large: Vec<u8> = (0..40u32 << 18).flat_map(u32::to_le_bytes).collect();
    write(here.path(), "large", &large);
    for path in
        ["a", "a!", "ab", "b/empty", "b/c/d", "größe ä", "new\nline", "100%+&?=#", "x.tmp", "\u{EF80}"]
    {
        write(here.path(), path, if path == "b/empty" { "" } else { path });
    }
    for name in [&b"no \xFF utf-8 \xC3"[..], b"control \x01\x7F", b"\xF0\x9F\x98\x80"] {
        fs::write(here.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let store = new_bucket("byte-for-byte");
    assert_eq!(push(&mirror(here.path(), bucket("byte-for-byte"), &OVERWRITE)), (14, 0, 0));
    assert_eq!(pull(&mirror(there.path(), bucket("byte-for-byte"), &OVERWRITE)), (14, 0, 0));
    assert!(tree(here.path()) == tree(there.path()), "they differ");
    assert_eq!(objects(&store)["no \u{EFFF} utf-8 \u{EFC3}"], b"no \xFF utf-8 \xC3");
}

/// As if each run was in another boot.
#[test]
fn nothing_to_do_moves_nothing() {
    for rules in [&ALL, &PRESERVE] {
        let name = format!("nothing-to-do-{}", rules.preserve);
        let here = tempdir().unwrap();
        for path in ["new", "old", "folder/old"] {
            write(here.path(), path, path);
        }
        symlink("old", here.path().join("link")).unwrap();
        make_old(here.path(), "old");
        make_old(here.path(), "folder/old");
        new_bucket(&name);
        let again = || mirror(here.path(), bucket(&name), rules);
        assert_eq!(push(&again()), (4, 0, 0));
        // A link has no room for what is remembered, and one of this boot is pushed for safety.
        let (sent, equal) = if rules.preserve { (1, 3) } else { (0, 4) };
        assert_eq!(push(&again()), (sent, 0, equal));
        assert_eq!(pull(&again()), (0, 0, 4));
        let same = again();
        assert_eq!(push(&same), (sent, 0, equal));
        assert_eq!(push(&same), (0, 0, 4));
        assert_eq!(pull(&same), (0, 0, 4));
    }
}

/// On file systems without extended attributes, and before the first run of this program.
#[test]
fn times_decide_where_nothing_is_remembered() {
    let here = tempdir().unwrap();
    write(here.path(), "file", "old");
    make_old(here.path(), "file");
    new_bucket("times-decide");
    let again = |rules: &mirror::Rules| {
        forget_records(here.path());
        mirror(here.path(), bucket("times-decide"), rules)
    };
    assert_eq!(push(&again(&PRESERVE)), (1, 0, 0));
    assert_eq!(push(&again(&PRESERVE)), (1, 0, 0), "unpacked in this boot, with a time of the past");
    assert_eq!(pull(&again(&PRESERVE)), (0, 0, 1), "the time in its attributes");
    assert_eq!(pull(&again(&ALL)), (1, 0, 0), "the object is newer");
    assert_eq!(pull(&again(&ALL)), (0, 0, 1), "the file has its object's time");
    assert_eq!(push(&again(&ALL)), (0, 0, 1), "the file has its object's time");
}

/// A machine without a battery begins in the past: what it writes looks older than what it wrote a boot before.
#[test]
fn a_clock_that_is_behind_loses_nothing() {
    let here = tempdir().unwrap();
    let bucket = new_bucket("clock-behind");
    write(here.path(), "file", "one");
    push(&mirror(here.path(), crate::store::bucket("clock-behind"), &ALL));
    write(here.path(), "file", "two");
    make_old(here.path(), "file");
    assert_eq!(push(&mirror(here.path(), crate::store::bucket("clock-behind"), &ALL)), (1, 0, 0));
    assert_eq!(objects(&bucket)["file"], b"two");
    // Logs that are rotated keep their times, and what is remembered of them.
    write(here.path(), "other", "six");
    make_old(here.path(), "other");
    push(&mirror(here.path(), crate::store::bucket("clock-behind"), &ALL));
    fs::rename(here.path().join("other"), here.path().join("file")).unwrap();
    assert_eq!(push(&mirror(here.path(), crate::store::bucket("clock-behind"), &ALL)), (1, 1, 0));
    assert_eq!(objects(&bucket)["file"], b"six");
}

/// Not all servers are like Garage.
#[test]
fn another_server() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    for path in ["a", "a!", "folder/b", "folder/größe"] {
        write(here.path(), path, path);
    }
    write(here.path(), "large", vec![7; 17 << 20]);
    let server = harness::S3s::start();
    server.create_bucket("another");
    let bucket = || bucket_at(&server.endpoint(), "another");
    assert_eq!(push(&mirror(here.path(), bucket(), &PRESERVE)), (5, 0, 0));
    assert_eq!(push(&mirror(here.path(), bucket(), &PRESERVE)), (0, 0, 5));
    assert_eq!(pull(&mirror(there.path(), bucket(), &PRESERVE)), (5, 0, 0));
    assert_eq!(pull(&mirror(there.path(), bucket(), &PRESERVE)), (0, 0, 5));
    assert!(tree(here.path()) == tree(there.path()));
    fs::remove_dir_all(here.path().join("folder")).unwrap();
    assert_eq!(push(&mirror(here.path(), bucket(), &PRESERVE)), (0, 2, 3));
    assert_eq!(pull(&mirror(there.path(), bucket(), &PRESERVE)), (0, 2, 3));
    assert!(tree(here.path()) == tree(there.path()));
}

/// The ETags of encrypted objects are no checksums.
#[test]
fn encrypted_objects_are_equal_too() {
    let here = tempdir().unwrap();
    write(here.path(), "small", "x");
    write(here.path(), "large", vec![7; 17 << 20]);
    new_bucket("encrypted");
    let again = || mirror(here.path(), encrypted_at(&garage().endpoint(), "encrypted", Some([7; 32])), &ALL);
    assert_eq!(push(&again()), (2, 0, 0));
    assert_eq!(push(&again()), (0, 0, 2));
    assert_eq!(pull(&again()), (0, 0, 2));
    fs::remove_file(here.path().join("large")).unwrap();
    assert_eq!(pull(&again()), (1, 0, 1));
    assert_eq!(push(&again()), (0, 0, 2));
    assert!(fs::read(here.path().join("large")).unwrap() == vec![7; 17 << 20]);
}

/// A pull does not undo what a job wrote since.
#[test]
fn what_is_newer_at_the_destination_stays() {
    let here = tempdir().unwrap();
    let store = new_bucket("newer-stays");
    crate::store::store(&store, "file", b"one");
    pull(&mirror(here.path(), bucket("newer-stays"), &ALL));
    write(here.path(), "file", "two");
    assert_eq!(pull(&mirror(here.path(), bucket("newer-stays"), &ALL)), (0, 0, 1));
    crate::store::store(&store, "file", b"six");
    assert_eq!(pull(&mirror(here.path(), bucket("newer-stays"), &ALL)), (1, 0, 0));
    assert_eq!(fs::read(here.path().join("file")).unwrap(), b"six");
}

fn forget_records(root: &Path) {
    for path in tree(root).keys() {
        let path = root.join(OsStr::from_bytes(path));
        let mut names = vec![0; 1000];
        let Ok(length) = llistxattr(&path, names.as_mut_slice()) else { continue };
        for name in names[..length].split(|&byte| byte == 0).filter(|name| name.starts_with(b"trusted.b2c."))
        {
            lremovexattr(&path, name).unwrap();
        }
    }
}
