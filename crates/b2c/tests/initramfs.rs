//! `b2c initramfs`, judged by cpio(1) and by the kernel's rules.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use b2c::cpio::{self, Entry, Kind};
use proptest::prelude::*;
use rustix::fs::makedev;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn b2c(arguments: &[&str], folder: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_b2c");
    Command::new(program).arg("initramfs").args(arguments).current_dir(folder).output().unwrap()
}

fn busybox_cpio(flags: &str, archive: &[u8], folder: &Path) -> String {
    let mut child = Command::new("busybox")
        .stderr(Stdio::null())
        .args(["cpio", flags])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The archive as busybox, whose code is not ours, unpacks it.
fn unpack(archive: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    busybox_cpio("-i", archive, folder.path());
    folder
}

#[test]
fn a_program_becomes_init_with_a_console() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("program"), "#!").unwrap();
    assert!(b2c(&["--output", "a.cpio", "--init", "program"], folder.path()).status.success());
    let archive = fs::read(folder.path().join("a.cpio")).unwrap();

    let root = unpack(&archive);
    let init = root.path().join("init");
    assert_eq!((fs::read(&init).unwrap(), init.metadata().unwrap().mode()), (b"#!".into(), 0o100_755));
    let console = root.path().join("dev/console").metadata().unwrap();
    assert_eq!((console.mode(), console.rdev()), (0o020_600, makedev(5, 1)));

    // The kernel makes no parents.
    let list = busybox_cpio("-t", &archive, folder.path());
    let position = |path: &str| list.lines().position(|it| it == path).unwrap();
    assert!(position("dev") < position("dev/console"), "{list}");
    // Process 1 makes the others itself; it could not mend the mode of a folder that is there.
    let mut names: Vec<&str> = list.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["dev", "dev/console", "init", "proc", "sys"]);
}

#[test]
fn folders_are_packed_the_same_way_whatever_their_times_and_owners() {
    let folder = tempfile::tempdir().unwrap();
    let archive = |name: &str, second: u64| {
        let source = folder.path().join(name);
        fs::create_dir_all(source.join("usr/lib")).unwrap();
        // The order in which a directory lists its files is the order of their making on some file systems.
        for file in if second == 0 { ["a", "b"] } else { ["b", "a"] } {
            fs::write(source.join("usr/lib").join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("usr/lib", source.join("lib")).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second);
        fs::File::open(source.join("usr/lib/a")).unwrap().set_modified(time).unwrap();
        assert!(b2c(&["--output", "out.cpio", name], folder.path()).status.success());
        fs::read(folder.path().join("out.cpio")).unwrap()
    };
    assert_eq!(archive("one", 0), archive("two", 1_000_000_000));
}

#[test]
fn mistakes_are_said_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, message) in [
        (vec!["nothing"], "b2c initramfs: --output is missing: name the archive to write\n"),
        (vec!["--output", "a", "--inti", "x"], "b2c initramfs: invalid option '--inti'\n"),
        (
            vec!["--output", "a", "nothing"],
            "b2c initramfs: nothing: No such file or directory (os error 2)\n",
        ),
    ] {
        let output = b2c(&arguments, folder.path());
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(1), message)
        );
    }
}

proptest! {
    #[test]
    fn any_files_can_be_read_back(files in prop::collection::btree_map("[a-z]{1,8}(/[a-z]{1,8}){0,2}", prop::collection::vec(any::<u8>(), 0..100), 0..8)) {
        // A path cannot be a file and a parent of another.
        let files: Vec<_> = files.iter().filter(|(path, _)| !files.keys().any(|it| it.starts_with(&format!("{path}/")))).collect();
        let entries = files.iter().map(|(path, contents)| Entry::file(path, 0o644, contents.as_slice())).collect();
        let mut archive = Vec::new();
        cpio::write(&mut archive, &cpio::with_parents(entries)).unwrap();
        prop_assert_eq!(archive.len() % 4, 0);
        let root = unpack(&archive);
        for (path, contents) in files {
            prop_assert_eq!(&fs::read(root.path().join(path)).unwrap(), contents);
        }
    }
}

#[test]
fn links_and_devices_keep_what_they_point_to() {
    let link = Entry { path: "lib".into(), permissions: 0o777, kind: Kind::Symlink("usr/lib".into()) };
    let device =
        Entry { path: "null".into(), permissions: 0o666, kind: Kind::CharDevice { major: 1, minor: 3 } };
    let mut archive = Vec::new();
    cpio::write(&mut archive, &[link, device]).unwrap();
    let root = unpack(&archive);
    assert_eq!(fs::read_link(root.path().join("lib")).unwrap(), Path::new("usr/lib"));
    let null = root.path().join("null").metadata().unwrap();
    assert_eq!((null.mode(), null.rdev()), (0o020_666, makedev(1, 3)));
}
