//! cpio archives: unpacked as the kernel would, but only where they may; hostile ones refused.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use b2c::cpio::{self, Entry, Kind};
use flate2::{Compression, write::GzEncoder};
use image::unpack::unpack_initramfs;
use proptest::prelude::*;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const WANTED: [&str; 2] = ["lib/modules", "lib/firmware"];

fn archive(entries: Vec<Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    cpio::write(&mut bytes, &cpio::with_parents(entries)).unwrap();
    bytes
}

fn file(path: &str, contents: &str) -> Entry {
    Entry::file(path, 0o644, contents)
}

fn link(path: &str, target: &str) -> Entry {
    Entry { path: path.into(), permissions: 0o777, kind: Kind::Symlink(target.into()) }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn pipe(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The folder, or why it is refused.
fn unpack(bytes: &[u8]) -> Result<TempDir, String> {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = unpack_initramfs(bytes, File::open(folder.path()).unwrap(), &WANTED, false);
    unpacked.map(|()| folder).map_err(|error| error.to_string())
}

fn text(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap()
}

#[test]
fn archives_in_a_row_each_packed_in_its_own_way() {
    let one = |name: &str| archive(vec![file(&format!("lib/firmware/{name}"), name)]);
    let mut row = vec![0; 8];
    row.extend(one("plain"));
    row.extend([0; 512]);
    // Two in one piece, as `cat` makes them.
    row.extend(gzip(&[one("gz-1"), vec![0; 4], one("gz-2")].concat()));
    row.extend([0; 3]);
    row.extend(pipe("xz", &["--check=crc32", "--stdout"], &one("xz")));
    row.extend(pipe("zstd", &["--stdout"], &one("zst")));
    row.extend(one("last"));
    let folder = unpack(&row).unwrap();
    for name in ["plain", "gz-1", "gz-2", "xz", "zst", "last"] {
        assert_eq!(text(&folder, &format!("lib/firmware/{name}")), name);
    }
}

#[test]
fn only_what_is_wanted_is_unpacked() {
    let console = Kind::CharDevice { major: 5, minor: 1 };
    let folder = unpack(&archive(vec![
        file("etc/passwd", "root"),
        Entry { path: "dev/console".into(), permissions: 0o600, kind: console },
        file("lib/modules-evil/x", "no"),
        file("lib/modules/6.1/a.ko", "module"),
        link("lib/firmware/new.bin", "old.bin"),
        Entry::file("lib/firmware/old.bin", 0o4777, "firmware"),
    ]));
    let folder = folder.unwrap();
    assert_eq!(text(&folder, "lib/modules/6.1/a.ko"), "module");
    assert_eq!(text(&folder, "lib/firmware/new.bin"), "firmware");
    assert!(!folder.path().join("etc").exists() && !folder.path().join("lib/modules-evil").exists());
    let mode = fs::metadata(folder.path().join("lib/firmware/old.bin")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn nothing_leaves_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    for (entries, reason) in [
        (vec![file("lib/modules/../../../tmp/x", "x")], "holds .."),
        (vec![link("lib/modules/out", target), file("lib/modules/out/x", "x")], "symbolic link"),
        (
            vec![Entry {
                path: "lib/firmware/d".into(),
                permissions: 0o600,
                kind: Kind::CharDevice { major: 1, minor: 3 },
            }],
            "is no file",
        ),
    ] {
        let mut bytes = Vec::new();
        cpio::write(&mut bytes, &entries).unwrap();
        let error = unpack(&bytes).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_is_damaged_is_refused() {
    let whole = archive(vec![file("lib/firmware/a", "content")]);
    let error = |bytes: &[u8]| unpack(bytes).unwrap_err();
    assert!(error(b"").contains("it is empty"));
    assert!(error(b"<html>").contains("no cpio archive"));
    assert!(error(&[&whole[..], b"junk"].concat()).contains("no cpio archive"));
    assert!(error(&gzip(&[&whole[..], b"junk"].concat())).contains("no cpio archive"));
    // Up to the last zeros, which are filling.
    let end = whole.windows(10).rposition(|bytes| bytes == b"TRAILER!!!").unwrap() + 11;
    for length in 1..end {
        assert!(unpack(&whole[..length]).is_err(), "cut at {length}");
    }
    let packed = gzip(&whole);
    assert!(unpack(&packed[..packed.len() - 1]).is_err());
    let linked = String::from_utf8(whole).unwrap().replacen("00000001", "00000002", 9);
    assert!(unpack(linked.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_unpacked_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0..600_usize) {
        let whole = archive(vec![file("lib/firmware/a", "content"), link("lib/firmware/b", "a")]);
        let at = at.min(whole.len());
        let mut changed = whole[..at].to_vec();
        changed.append(&mut bytes);
        changed.extend(&whole[at..]);
        if let Ok(folder) = unpack(&changed) {
            prop_assert!(fs::read_dir(folder.path()).unwrap().all(|entry| Path::new(&entry.unwrap().file_name()) == Path::new("lib")));
        }
    }
}
