//! Named devices as the cache, on loop devices of the running kernel. Needs root. Which disks are wiped unasked is for boots to show: nobody should
//! try that here.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use disk::cache::{LABEL, Request, select};
use disk::{Error, Trim, block};
use rustix::ioctl::{IntegerSetter, ioctl};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// For devices that are there.
const NOW: Duration = Duration::ZERO;

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A loop device, detached when dropped.
struct Loop {
    path: PathBuf,
    image: NamedTempFile,
}

fn image(size: &str) -> NamedTempFile {
    let image = NamedTempFile::new().unwrap();
    run("truncate", &["--size", size, image.path().to_str().unwrap()]);
    image
}

impl Loop {
    fn new(size: &str) -> Self {
        Self::attach(image(size), &[])
    }

    fn attach(image: NamedTempFile, options: &[&str]) -> Self {
        let mut words = vec!["--find", "--show"];
        words.extend(options);
        words.push(image.path().to_str().unwrap());
        let path = run("/sbin/losetup", &words).into();
        Self { path, image }
    }

    fn ext4(label: &str) -> Self {
        let device = Self::new("200M");
        run("/sbin/mke2fs", &["-q", "-t", "ext4", "-b", "4096", "-O", "encrypt", "-L", label, device.name()]);
        device
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn request(&self) -> Request {
        Request::Device(self.path.clone())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("/sbin/losetup").arg("--detach").arg(&self.path).status();
    }
}

/// A folder to mount on, in a mount namespace that only this test's thread, and what it starts, is in.
fn mount_point() -> TempDir {
    // SAFETY: no descriptors, addresses or identities are unshared that another thread could rely on.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
    tempfile::tempdir().unwrap()
}

fn mount_options(folder: &Path) -> String {
    run("findmnt", &["--noheadings", "--output", "FSTYPE,OPTIONS", folder.to_str().unwrap()])
}

#[test]
fn what_is_kept_is_there_the_next_time() {
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    for round in 0..2 {
        let cache = select(&device.request(), NOW).unwrap();
        assert_eq!(cache.device(), device.path);
        cache.mount(folder.path()).unwrap();
        let options = mount_options(folder.path());
        for option in ["ext4", "noatime", "lazytime", "errors=remount-ro"] {
            assert!(options.contains(option), "{options}");
        }
        let word = folder.path().join("word");
        assert_eq!(word.exists(), round == 1);
        fs::write(&word, "kept").unwrap();
        disk::unmount(folder.path()).unwrap();
        assert!(!word.exists(), "it is unmounted");
    }
}

#[test]
fn everything_below_is_unmounted_too() {
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap();
    let below = folder.path().join("a b\\c");
    let deeper = below.join("d");
    for path in [&below, &deeper] {
        fs::create_dir(path).unwrap();
        run("mount", &["-t", "tmpfs", "none", path.to_str().unwrap()]);
    }
    disk::unmount(folder.path()).unwrap();
    assert!(!below.exists());
}

#[test]
fn what_is_in_use_stays_mounted() {
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap();
    let held = File::create(folder.path().join("held")).unwrap();
    let error = disk::unmount(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("could not unmount {}", folder.path().display())), "{error}");
    drop(held);
    disk::unmount(folder.path()).unwrap();
}

#[test]
fn errors_are_repaired_before_it_is_mounted() {
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    run("/sbin/debugfs", &["-w", "-R", "set_super_value state 2", device.name()]);
    select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap();
    disk::unmount(folder.path()).unwrap();
    let about = run("/sbin/dumpe2fs", &["-h", device.name()]);
    assert!(about.contains("Filesystem state:         clean\n"), "{about}");
}

#[test]
fn a_superblock_that_was_torn_is_mended_with_its_copy() {
    use std::os::unix::fs::FileExt;
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    let mount = || select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap();
    mount();
    fs::write(folder.path().join("word"), "kept").unwrap();
    disk::unmount(folder.path()).unwrap();
    // Counted in the first of its two sectors; the checksum is in the second.
    let node = File::options().write(true).open(&device.path).unwrap();
    let kilobytes_written = 1024 + 0x178;
    node.write_all_at(&[0xff], kilobytes_written).unwrap();
    mount();
    assert_eq!(fs::read(folder.path().join("word")).unwrap(), b"kept");
    disk::unmount(folder.path()).unwrap();
}

#[test]
fn damage_on_a_named_device_is_an_error_and_nothing_is_lost() {
    use std::os::unix::fs::FileExt;
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    let node = File::options().write(true).open(&device.path).unwrap();
    // The descriptors of the groups, and their copy.
    for at in [4096, (32768 + 1) * 4096] {
        node.write_all_at(&[0xff; 64 << 10], at).unwrap();
    }
    let error = select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Program { program: "e2fsck", .. }), "{error}");
    let mut superblock = [0; 2];
    device.image.as_file().read_exact_at(&mut superblock, 1024 + 56).unwrap();
    assert_eq!(superblock, [0x53, 0xef]);
}

#[test]
fn devices_that_cannot_be_made_a_cache() {
    let small = Loop::new("64M");
    let error = select(&small.request(), NOW).unwrap_err();
    assert!(matches!(error, Error::TooSmall { size: 0x400_0000, .. }), "{error}");

    let sealed = Loop::attach(image("200M"), &["--read-only"]);
    let error = select(&sealed.request(), NOW).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");

    let (mounted, folder) = (Loop::ext4("data"), mount_point());
    run("mount", &[mounted.name(), folder.path().to_str().unwrap()]);
    let error = select(&mounted.request(), NOW).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
}

#[test]
fn a_device_that_is_not_there_is_told_with_those_that_are() {
    let error = select(&Request::Device("/dev/no-such-disk".into()), NOW).unwrap_err().to_string();
    assert!(error.starts_with("there is no /dev/no-such-disk, also after 0 s; this machine has "), "{error}");
}

#[test]
fn a_late_device_is_heard_of() {
    /// `LOOP_CTL_REMOVE` (loop(4)).
    const REMOVE: u32 = 0x4c81;
    let number = 10_000 + std::process::id() % 10_000;
    let path = PathBuf::from(format!("/dev/loop{number}"));
    assert!(block::find(&path).is_none());
    let (send, receive) = mpsc::channel();
    let wanted = Request::Device(path.clone());
    let waiting = thread::spawn(move || {
        send.send(()).unwrap();
        select(&wanted, Duration::from_secs(60))
    });
    receive.recv().unwrap();
    let image = image("200M");
    run("/sbin/mke2fs", &["-q", "-t", "ext4", "-L", LABEL, image.path().to_str().unwrap()]);
    run("/sbin/losetup", &[path.to_str().unwrap(), image.path().to_str().unwrap()]);
    let found = waiting.join().unwrap();
    run("/sbin/losetup", &["--detach", path.to_str().unwrap()]);
    let control = File::open("/dev/loop-control").unwrap();
    // SAFETY: LOOP_CTL_REMOVE takes a number.
    let removed = unsafe { ioctl(&control, IntegerSetter::<REMOVE>::new_usize(number as usize)) };
    assert_eq!(found.unwrap().device(), path);
    removed.unwrap();
}

#[test]
fn trimming_gives_back_what_is_free() {
    use std::os::unix::fs::MetadataExt;
    let (device, folder) = (Loop::ext4(LABEL), mount_point());
    select(&device.request(), NOW).unwrap().mount(folder.path()).unwrap();
    let file = folder.path().join("large");
    fs::write(&file, vec![1; 100 << 20]).unwrap();
    File::open(&file).unwrap().sync_all().unwrap();
    let blocks = || device.image.as_file().metadata().unwrap().blocks();
    let full = blocks();
    fs::remove_file(&file).unwrap();
    rustix::fs::syncfs(File::open(folder.path()).unwrap()).unwrap();
    let trim = Trim::start(folder.path()).unwrap();
    // Stopping waits for the piece at hand, which is all of so small a drive; but it may stop before that begins.
    while blocks() >= full {
        thread::sleep(Duration::from_millis(5));
    }
    trim.stop();
    disk::unmount(folder.path()).unwrap();
}
