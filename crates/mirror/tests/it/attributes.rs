//! `preserve`: owners, modes, times, links and empty folders.

use crate::store::*;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use tempfile::tempdir;

fn all(path: &Path) -> (u32, u32, u32, i64, i64) {
    let metadata = path.symlink_metadata().unwrap();
    (metadata.mode(), metadata.uid(), metadata.gid(), metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn attributes_come_back() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    for (path, mode, owner) in
        [("a", 0o600, 1000), ("b", 0o000, 0), ("c", 0o777, 4_000_000_000), ("d/e", 0o640, 65534)]
    {
        write(here.path(), path, path);
        make_old(here.path(), path);
        chown(here.path().join(path), Some(owner), Some(owner / 2)).unwrap();
        fs::set_permissions(here.path().join(path), Permissions::from_mode(mode)).unwrap();
    }
    for (target, name) in [("a", "link"), ("/nowhere/at all", "dangling"), ("../..", "up"), ("d", "folder")] {
        symlink(target, here.path().join(name)).unwrap();
        lchown(here.path().join(name), Some(7), Some(8)).unwrap();
    }
    fs::create_dir_all(here.path().join("empty/inside")).unwrap();
    fs::set_permissions(here.path().join("empty/inside"), Permissions::from_mode(0o700)).unwrap();
    chown(here.path().join("empty/inside"), Some(1), Some(2)).unwrap();
    let store = new_bucket("preserve");
    assert_eq!(push(&mirror(here.path(), bucket("preserve"), &PRESERVE)), (9, 0, 0));
    assert_eq!(pull(&mirror(there.path(), bucket("preserve"), &PRESERVE)), (9, 0, 0));
    assert_eq!(tree(here.path()), tree(there.path()));
    for path in ["a", "b", "c", "d/e", "link", "dangling", "up", "folder", "empty/inside"] {
        assert_eq!(all(&here.path().join(path)), all(&there.path().join(path)), "{path}");
    }
    assert_eq!(pull(&mirror(there.path(), bucket("preserve"), &PRESERVE)), (0, 0, 9));
    let head = store.head("some/prefix/a").unwrap().unwrap();
    assert_eq!(
        &head.metadata["mc-attrs"][head.metadata["mc-attrs"].find("/gid").unwrap()..],
        "/gid:500/mode:33152/mtime:1000000000#123456789/uid:1000"
    );
    // The marker of a folder that is not empty any more, and the folder whose marker is gone.
    write(here.path(), "empty/inside/file", "");
    assert_eq!(push(&mirror(here.path(), bucket("preserve"), &PRESERVE)).1, 1);
    fs::remove_dir_all(here.path().join("empty")).unwrap();
    assert_eq!(push(&mirror(here.path(), bucket("preserve"), &PRESERVE)).1, 1);
    assert_eq!(pull(&mirror(there.path(), bucket("preserve"), &PRESERVE)).1, 1);
    assert_eq!(tree(here.path()), tree(there.path()));
}

#[test]
fn a_new_mode_is_pushed() {
    let here = tempdir().unwrap();
    write(here.path(), "file", "");
    let store = new_bucket("new-mode");
    let again = || mirror(here.path(), bucket("new-mode"), &PRESERVE);
    push(&again());
    fs::set_permissions(here.path().join("file"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(push(&again()), (1, 0, 0));
    assert!(store.head("some/prefix/file").unwrap().unwrap().metadata["mc-attrs"].contains("/mode:33152/"));
}

#[test]
fn what_others_wrote_is_understood() {
    let here = tempdir().unwrap();
    let store = new_bucket("others-attributes");
    let put = |key: &str, name: &str, attributes: &str| {
        store_with(&store, key, b"x", &BTreeMap::from([(name.to_owned(), attributes.to_owned())]));
    };
    put(
        "mc",
        "mc-attrs",
        "atime:1611177602#786120200/gid:12/gname:debian/mode:35309/mtime:1611177602#5/uid:11/uname:debian",
    );
    put("s3cmd", "s3cmd-attrs", "atime:1/ctime:2/gid:12/gname:x/md5:0123/mode:33152/mtime:3/uid:11/uname:x");
    put("wrong", "mc-attrs", "mode:x/uid:99999999999/:/mtime:1#9999999999");
    put("link", "mc-attrs", "mode:41471/uid:11/gid:12");
    pull(&mirror(here.path(), bucket("others-attributes"), &PRESERVE));
    // 35309 is 0104755: a program from a bucket makes nobody root.
    assert_eq!(all(&here.path().join("mc")), (0o100_755, 11, 12, 1_611_177_602, 5));
    assert_eq!(all(&here.path().join("s3cmd")), (0o100_600, 11, 12, 3, 0));
    let wrong = all(&here.path().join("wrong"));
    assert_eq!((wrong.0, wrong.1, wrong.2), (0o100_644, 0, 0));
    assert_eq!(fs::read_link(here.path().join("link")).unwrap(), Path::new("x"));
}

#[test]
fn without_preserve_links_to_files_are_files() {
    let (here, outside) = (tempdir().unwrap(), tempdir().unwrap());
    write(outside.path(), "secret", "secret");
    write(here.path(), "folder/file", "content");
    fs::create_dir(here.path().join("empty")).unwrap();
    let link = |target: &Path, name| symlink(target, here.path().join(name)).unwrap();
    link(Path::new("folder/file"), "file");
    link(Path::new("folder"), "loop");
    link(&outside.path().join("secret"), "outside");
    link(Path::new("missing"), "dangling");
    let store = new_bucket("links");
    assert_eq!(push(&mirror(here.path(), bucket("links"), &ALL)), (2, 0, 0));
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), ["file", "folder/file"]);
    assert_eq!(objects(&store)["file"], b"content");
}
