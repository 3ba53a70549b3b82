//! Copying an image's content into volumes, as root, on real file systems.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, XattrFlags, lgetxattr, lsetxattr, makedev, mknodat, utimensat,
};
use rustix::fs::{Timespec, Timestamps};
use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, lchown, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use volume::{Error, copy_up};

/// An image's root and an empty volume, on one file system that has extended attributes.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("rootfs/data")).unwrap();
        fs::create_dir(folder.path().join("volume")).unwrap();
        Self { folder }
    }
    fn image(&self, path: &str) -> PathBuf {
        self.folder.path().join("rootfs").join(path)
    }
    fn volume(&self, path: &str) -> PathBuf {
        self.folder.path().join("volume").join(path)
    }
    fn copy(&self, destination: &str) -> Result<bool, Error> {
        copy_up(&self.image(""), Path::new(destination), &self.volume(""))
    }
    fn listing(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.volume(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn set_old_times(path: &Path) {
    let time = |tv_sec| Timespec { tv_sec, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time(1_000), last_modification: time(2_000) };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

#[test]
fn everything_about_a_file_is_copied() {
    let world = World::new();
    fs::create_dir_all(world.image("data/sub/empty")).unwrap();
    fs::write(world.image("data/sub/file"), "content").unwrap();
    fs::hard_link(world.image("data/sub/file"), world.image("data/second")).unwrap();
    symlink("/etc/passwd", world.image("data/link")).unwrap();
    let device = makedev(1, 3);
    mknodat(CWD, world.image("data/null"), FileType::CharacterDevice, Mode::RUSR, device).unwrap();
    mknodat(CWD, world.image("data/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    drop(UnixListener::bind(world.image("data/socket")).unwrap());
    lsetxattr(world.image("data/sub/file"), "user.colour", b"blue", XattrFlags::empty()).unwrap();
    lsetxattr(world.image("data/sub"), "trusted.shape", b"round", XattrFlags::empty()).unwrap();
    chown(world.image("data/sub/file"), Some(1000), Some(1001)).unwrap();
    // cap_net_raw+ep, which a change of owner would clear.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    lsetxattr(world.image("data/sub/file"), "security.capability", &capability, XattrFlags::empty()).unwrap();
    fs::set_permissions(world.image("data/sub/file"), Permissions::from_mode(0o6751)).unwrap();
    fs::set_permissions(world.image("data/sub"), Permissions::from_mode(0o1500)).unwrap();
    lchown(world.image("data/link"), Some(7), Some(8)).unwrap();
    chown(world.image("data"), Some(42), Some(43)).unwrap();
    fs::set_permissions(world.image("data"), Permissions::from_mode(0o2770)).unwrap();
    let names = ["sub/empty", "sub/file", "second", "link", "null", "pipe", "socket", "sub", ""];
    for name in names {
        set_old_times(&world.image("data").join(name));
    }

    assert!(world.copy("/data").unwrap());

    for name in names {
        let from = fs::symlink_metadata(world.image("data").join(name)).unwrap();
        let to = fs::symlink_metadata(world.volume(name)).unwrap();
        let about = |meta: &fs::Metadata| {
            (
                meta.mode(),
                meta.uid(),
                meta.gid(),
                meta.rdev(),
                meta.mtime(),
                meta.mtime_nsec(),
                meta.file_type(),
            )
        };
        assert_eq!(about(&from), about(&to), "{name:?}");
    }
    assert_eq!(fs::read(world.volume("sub/file")).unwrap(), b"content");
    assert_eq!(fs::read_link(world.volume("link")).unwrap(), Path::new("/etc/passwd"));
    let inode = |name| fs::symlink_metadata(world.volume(name)).unwrap().ino();
    assert_eq!(inode("sub/file"), inode("second"));
    assert!(fs::symlink_metadata(world.volume("socket")).unwrap().file_type().is_socket());
    for (name, xattr, value) in [
        ("sub/file", "user.colour", b"blue".as_slice()),
        ("sub", "trusted.shape", b"round"),
        ("second", "security.capability", &capability),
    ] {
        let mut buffer = [0; 64];
        let length = lgetxattr(world.volume(name), xattr, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], value, "{xattr}");
    }
    assert_eq!(world.listing(), ["link", "null", "pipe", "second", "socket", "sub"]);
}

/// CVE-2020-1726.
#[test]
fn a_volume_that_holds_anything_stays_as_it_is() {
    for kept in ["data.txt", ".hidden", "lost+found"] {
        let world = World::new();
        fs::write(world.image("data/file"), "from the image").unwrap();
        fs::create_dir(world.volume(kept)).unwrap();
        assert!(!world.copy("/data").unwrap());
        assert_eq!(world.listing(), [kept]);
    }
}

#[test]
fn the_second_container_changes_nothing() {
    let world = World::new();
    fs::write(world.image("data/file"), "from the image").unwrap();
    assert!(world.copy("/data").unwrap());
    fs::write(world.volume("file"), "changed by the first step").unwrap();
    assert!(!world.copy("/data").unwrap());
    assert_eq!(fs::read(world.volume("file")).unwrap(), b"changed by the first step");
}

#[test]
fn nothing_there_is_nothing_copied() {
    let world = World::new();
    fs::write(world.image("file"), "x").unwrap();
    symlink("/nowhere", world.image("dangling")).unwrap();
    for destination in ["/missing", "/missing/deep", "/file", "/file/below", "/dangling", ""] {
        assert!(!world.copy(destination).unwrap(), "{destination}");
    }
    assert!(world.listing().is_empty());
}

#[test]
fn an_empty_folder_gives_its_owner_and_mode() {
    let world = World::new();
    chown(world.image("data"), Some(1000), Some(1000)).unwrap();
    fs::set_permissions(world.image("data"), Permissions::from_mode(0o1777)).unwrap();
    assert!(world.copy("/data").unwrap());
    let meta = fs::metadata(world.volume("")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (1000, 1000, 0o1777));
}

#[test]
fn links_lead_nowhere_outside_the_image() {
    let world = World::new();
    let secret = world.folder.path().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("key"), "of the machine").unwrap();
    symlink(&secret, world.image("absolute")).unwrap();
    symlink("../secret", world.image("relative")).unwrap();
    symlink("../../../../../../../../../../../proc/self/root", world.image("magic")).unwrap();
    for destination in [
        "/absolute",
        "/relative",
        "/../secret",
        "../secret",
        "/data/../../secret",
        "/magic",
        "/proc/self/cwd",
    ] {
        assert!(!world.copy(destination).unwrap(), "{destination}");
    }
    assert!(world.listing().is_empty());
    symlink("loop", world.image("loop")).unwrap();
    let text = world.copy("/loop").unwrap_err().to_string();
    assert!(text.contains("rootfs/loop"), "{text}");
}

#[test]
fn links_inside_the_image_are_followed_to_the_destination_but_not_below() {
    let world = World::new();
    symlink("/data", world.image("alias")).unwrap();
    symlink("/etc", world.image("data/etc")).unwrap();
    assert!(world.copy("/alias").unwrap());
    assert!(fs::symlink_metadata(world.volume("etc")).unwrap().is_symlink());
}

#[test]
fn a_link_in_place_of_the_volume_is_refused() {
    let world = World::new();
    let elsewhere = world.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, world.folder.path().join("evil")).unwrap();
    fs::write(world.image("data/file"), "x").unwrap();
    copy_up(&world.image(""), Path::new("/data"), &world.folder.path().join("evil")).unwrap_err();
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[test]
fn holes_stay_holes() {
    let world = World::new();
    let file = fs::File::create(world.image("data/lastlog")).unwrap();
    file.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"one line", 1 << 39).unwrap();
    assert!(world.copy("/data").unwrap());
    let copy = fs::File::open(world.volume("lastlog")).unwrap();
    assert_eq!(copy.metadata().unwrap().len(), 1 << 40);
    assert!(copy.metadata().unwrap().blocks() < 1024);
    let mut line = [0; 8];
    std::os::unix::fs::FileExt::read_exact_at(&copy, &mut line, 1 << 39).unwrap();
    assert_eq!(&line, b"one line");
}

#[test]
fn too_deep_an_image_is_refused_and_leaves_nothing() {
    let world = World::new();
    let mut path = world.image("data");
    for _ in 0..300 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    let error = world.copy("/data").unwrap_err();
    assert!(matches!(error, Error::TooDeep { .. }), "{error}");
    assert!(world.listing().is_empty());
}

#[test]
fn an_interrupted_copy_is_begun_anew_or_finished() {
    let world = World::new();
    fs::write(world.image("data/file"), "whole").unwrap();
    // Cut while copying: the file is torn.
    fs::create_dir(world.volume(".b2c-copy-up")).unwrap();
    fs::write(world.volume(".b2c-copy-up/file"), "wh").unwrap();
    assert!(world.copy("/data").unwrap());
    assert_eq!(world.listing(), ["file"]);
    assert_eq!(fs::read(world.volume("file")).unwrap(), b"whole");
    // Cut while the whole copy was moved to its place.
    fs::create_dir(world.volume(".b2c-copied-up")).unwrap();
    fs::write(world.volume(".b2c-copied-up/second"), "also whole").unwrap();
    fs::write(world.volume(".b2c-copied-up/file"), "not the container's").unwrap();
    assert!(!world.copy("/data").unwrap());
    assert_eq!(world.listing(), ["file", "second"]);
    assert_eq!(fs::read(world.volume("file")).unwrap(), b"whole");
}

/// A container that wanted no copy came first after the power cut.
#[test]
fn a_torn_copy_is_not_taken_out_beside_other_files() {
    let world = World::new();
    fs::write(world.image("data/file"), "whole").unwrap();
    fs::create_dir(world.volume(".b2c-copy-up")).unwrap();
    fs::write(world.volume(".b2c-copy-up/file"), "wh").unwrap();
    fs::write(world.volume("result"), "the container's").unwrap();
    assert!(!world.copy("/data").unwrap());
    assert_eq!(world.listing(), ["result"]);
}

#[test]
fn an_image_that_uses_our_name_is_refused() {
    for name in [".b2c-copy-up", ".b2c-copied-up"] {
        let world = World::new();
        fs::create_dir(world.image("data").join(name)).unwrap();
        fs::write(world.image("data/file"), "x").unwrap();
        world.copy("/data").unwrap_err();
        assert!(world.listing().is_empty());
    }
}

#[test]
fn two_containers_at_once_make_one_copy() {
    let world = World::new();
    for n in 0..200 {
        fs::write(world.image(&format!("data/{n}")), "x").unwrap();
    }
    let copied = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| world.copy("/data").unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|copied| *copied).count()
    });
    assert_eq!(copied, 1);
    assert_eq!(world.listing().len(), 200);
}

#[test]
fn a_container_that_locks_its_volume_stops_nobody() {
    let world = World::new();
    let locked = fs::File::open(world.volume("")).unwrap();
    rustix::fs::flock(&locked, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert!(world.copy("/data").unwrap());
}

/// What b2c does first: a merged overlay of layers, and a volume in memory.
#[test]
fn an_overlay_is_copied_to_a_tmpfs() {
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
    let world = World::new();
    let top = world.folder.path();
    mount("b2c-test", top, c"tmpfs", MountFlags::empty(), None).unwrap();
    for folder in ["lower/data/sub", "upper", "work", "rootfs", "volume"] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    fs::write(top.join("lower/data/sub/a"), "a").unwrap();
    fs::hard_link(top.join("lower/data/sub/a"), top.join("lower/data/b")).unwrap();
    let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", top.display());
    let options = std::ffi::CString::new(options).unwrap();
    let overlay = mount("b2c-test", top.join("rootfs"), c"overlay", MountFlags::empty(), options.as_c_str());
    let copied = overlay.map(|()| {
        fs::write(top.join("rootfs/data/c"), "c").unwrap();
        world.copy("/data")
    });
    let names = world.listing();
    unmount(top.join("rootfs"), UnmountFlags::DETACH).unwrap();
    unmount(top, UnmountFlags::DETACH).unwrap();
    assert!(copied.unwrap().unwrap());
    assert_eq!(names, ["b", "c", "sub"]);
}
