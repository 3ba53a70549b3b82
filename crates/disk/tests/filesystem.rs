//! Mounts by the kernel that runs the tests. What other machines serve is shown by boots.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod loops;

use disk::filesystem::{Cause, Spec, mount};
use loops::{Loop, own_mounts, run};
use rustix::io::Errno;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

fn spec(source: impl AsRef<Path>, kind: Option<&str>, options: &str) -> Spec {
    Spec {
        source: source.as_ref().to_str().unwrap().to_owned(),
        kind: kind.map(str::to_owned),
        options: options.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
    }
}

/// Type and options of what is mounted there.
fn mounted(target: &Path) -> String {
    run("findmnt", &["--noheadings", "--output", "FSTYPE,OPTIONS", "--mountpoint", target.to_str().unwrap()])
}

#[test]
fn types_are_found_out_and_options_take_effect() {
    own_mounts();
    for (program, kind, own) in [
        ("mkfs.ext4 -q", "ext4", "errors=remount-ro"),
        ("mkfs.xfs -q", "xfs", "inode32"),
        ("mkfs.btrfs -q", "btrfs", "compress=zstd"),
    ] {
        let device = Loop::made_by(program, 320 << 20);
        let folder = tempfile::tempdir().unwrap();
        mount(&spec(device.path(), None, &format!("defaults|noexec|noatime|{own}")), folder.path()).unwrap();
        fs::write(folder.path().join("file"), "content").unwrap();
        let found = mounted(folder.path());
        for word in [kind, "noexec", "noatime", own] {
            assert!(found.contains(word), "{word} in {found}");
        }
        run("umount", &[folder.path().to_str().unwrap()]);
        mount(&spec(device.path(), Some(kind), "ro"), folder.path()).unwrap();
        assert!(fs::write(folder.path().join("file"), "").is_err());
        assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "content");
    }
}

#[test]
fn mistakes_are_named_in_the_kernels_own_words() {
    own_mounts();
    let device = Loop::made_by("mkfs.ext4 -q", 64 << 20);
    let folder = tempfile::tempdir().unwrap();
    let fail = |spec: &Spec| mount(spec, folder.path()).unwrap_err();
    let error = fail(&spec(device.path(), None, "no_such_option"));
    assert!(matches!(error.cause, Cause::Refused { errno: Errno::INVAL, .. }));
    assert!(error.to_string().contains("no_such_option"), "{error}");
    let error = fail(&spec("x", Some("no-such-type"), ""));
    assert!(matches!(error.cause, Cause::Refused { errno: Errno::NODEV, .. }), "{error}");
    let error = fail(&spec("what is this", None, ""));
    assert!(matches!(error.cause, Cause::UnknownKind(_)), "{error}");
    let blank = Loop::blank(1 << 20);
    assert!(matches!(fail(&spec(blank.path(), None, "")).cause, Cause::UnknownKind(_)));
}

/// A port of this computer where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn servers_that_are_not_there_are_named_and_passwords_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let fail = |spec: &Spec| mount(spec, folder.path()).unwrap_err();
    let options = format!("port={}|username=me|password=hunter2", closed_port());
    let error = fail(&spec("//127.0.0.1/share", None, &options));
    assert!(matches!(error.cause, Cause::Unreachable { .. }));
    assert!(error.to_string().contains("//127.0.0.1/share (cifs)"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let error = fail(&spec("no-such-host.invalid:/x", None, "vers=4.2"));
    assert!(matches!(error.cause, Cause::Resolve { .. }), "{error}");
    assert!(matches!(fail(&spec("/x", Some("nfs"), "")).cause, Cause::NotAShare("HOST:/PATH")));
    assert!(matches!(fail(&spec("//h", Some("cifs"), "")).cause, Cause::NotAShare("//HOST/SHARE")));
    let error = fail(&spec("//127.0.0.1/share", None, "credentials=/no/such/file"));
    assert!(matches!(error.cause, Cause::Credentials { .. }), "{error}");
}
