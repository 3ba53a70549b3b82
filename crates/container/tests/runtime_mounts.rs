//! What a container sees of file systems, and what a hostile image cannot make of them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod runtime_support;

use container::runtime::Exit;
use container::spec::{Device, Devices};
use runtime_support::*;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

#[test]
fn the_machine_is_out_of_sight() {
    let root = busybox();
    let seen = run(&spec(&root, &["cat", "/proc/mounts"]));
    let points: Vec<_> = seen.text().lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let expected = ["/", "/proc", "/dev", "/sys", "/dev/pts", "/dev/mqueue", "/dev/shm", "/sys/fs/cgroup"];
    assert_eq!(points[..expected.len()], expected);
    assert!(
        points[expected.len()..].iter().all(|point| point.starts_with("/proc/") || *point == "/sys/firmware")
    );
    assert!(!seen.stdout.contains(root.path().to_str().unwrap()));
}

#[test]
fn a_bind_mount_shows_the_machines_directory() {
    let root = busybox();
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("in"), "from the machine").unwrap();
    let mut spec = script(&root, "cat /data/../data/in; echo back > /data/out");
    spec.mounts.push(bind(shared.path(), "/data", 0));
    assert_eq!(run(&spec).text(), "from the machine");
    assert_eq!(fs::read_to_string(shared.path().join("out")).unwrap(), "back\n");
}

#[test]
fn a_file_is_mounted_on_a_file_that_is_made() {
    let root = busybox();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "content").unwrap();
    let mut spec = spec(&root, &["cat", "/etc/deep/name"]);
    spec.mounts.push(bind(file.path(), "/etc/deep/name", 0));
    assert_eq!(run(&spec).text(), "content");
}

#[test]
fn a_dangling_link_is_followed_to_where_the_file_will_be() {
    let root = busybox();
    symlink("../run/resolve/resolv.conf", root.path().join("etc/resolv.conf")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "nameserver").unwrap();
    let mut spec = spec(&root, &["cat", "/etc/resolv.conf"]);
    spec.mounts.push(bind(file.path(), "/etc/resolv.conf", 0));
    assert_eq!(run(&spec).text(), "nameserver");
}

#[test]
fn a_missing_source_is_named() {
    let root = busybox();
    let mut spec = spec(&root, &["true"]);
    spec.mounts.push(bind(Path::new("/no/such/source"), "/data", 0));
    assert!(refused(&spec).to_string().contains("/no/such/source"));
}

#[test]
fn the_root_cannot_be_mounted_over() {
    let root = busybox();
    for destination in ["/", "//", "/."] {
        let mut spec = spec(&root, &["true"]);
        spec.mounts.push(bind(root.path(), destination, 0));
        assert!(refused(&spec).to_string().contains("root file system"), "{destination}");
    }
}

#[test]
fn read_only_means_it() {
    let root = busybox();
    let shared = tempfile::tempdir().unwrap();
    let mut spec = script(&root, "touch /data/x || touch /x || echo > /dev/null && echo fine");
    spec.readonly_rootfs = true;
    spec.mounts.push(bind(shared.path(), "/data", RDONLY));
    // The mount's destination cannot be made in a root that is read-only by then; but it is not yet.
    assert_eq!(run(&spec).text(), "fine");
    assert_eq!(fs::read_dir(shared.path()).unwrap().count(), 0);
    assert!(!root.path().join("x").exists());
    // The machine's own view of the same file system stays writable.
    fs::write(shared.path().join("still"), "").unwrap();
}

#[test]
fn flags_of_a_bind_mount_add_to_the_sources() {
    let root = busybox();
    let shared = tempfile::tempdir().unwrap();
    let mut spec = script(&root, "grep ' /data ' /proc/mounts");
    spec.mounts.push(bind(shared.path(), "/data", NOSUID | NODEV));
    spec.mounts.push(bind(Path::new("/proc"), "/data/../proc2", RDONLY));
    let options = run(&spec).text().split(' ').nth(3).unwrap().to_owned();
    assert!(options.starts_with("rw,nosuid,nodev,"), "{options}");
    assert!(!options.contains("noexec"));
}

#[test]
fn tmpfs_takes_its_options() {
    let root = busybox();
    let mut spec = script(&root, "grep ' /scratch ' /proc/mounts; stat -c %a /scratch /root");
    fs::set_permissions(root.path().join("root"), fs::Permissions::from_mode(0o700)).unwrap();
    spec.mounts.push(file_system("/scratch", "tmpfs", "size=64k,mode=1770", NOEXEC | NOSUID));
    spec.mounts.push(file_system("/root", "tmpfs", "", 0));
    let outcome = run(&spec);
    let lines: Vec<_> = outcome.text().lines().collect();
    assert!(lines[0].contains("nosuid,noexec") && lines[0].contains("size=64k"), "{lines:?}");
    assert_eq!(lines[1..], ["1770", "700"], "without a mode, it is that of the directory below");
}

#[test]
fn an_unknown_option_is_named() {
    let root = busybox();
    let mut spec = spec(&root, &["true"]);
    spec.mounts.push(file_system("/scratch", "tmpfs", "colour=blue", 0));
    let error = refused(&spec).to_string();
    assert!(error.contains("tmpfs") && error.contains("colour=blue"), "{error}");
}

#[test]
fn masked_paths_are_empty_and_readonly_paths_are_not_writable() {
    let root = busybox();
    let text = "cat /proc/keys; ls -A /sys/firmware; touch /sys/firmware/x; echo 1 > /proc/sys/kernel/domainname; echo end";
    let outcome = run(&script(&root, text));
    assert_eq!(outcome.text(), "end");
    assert_eq!(outcome.stderr.matches("Read-only file system").count(), 2, "{}", outcome.stderr);
}

#[test]
fn hidden_paths_of_the_image_are_not_followed() {
    let root = busybox();
    symlink("/root", root.path().join("secret")).unwrap();
    for (masked, readonly) in [(true, false), (false, true)] {
        let mut spec = spec(&root, &["true"]);
        if masked {
            spec.masked_paths.push("/secret".into());
        }
        if readonly {
            spec.readonly_paths.push("/secret".into());
        }
        assert!(refused(&spec).to_string().contains("symbolic link"));
    }
}

#[test]
fn links_in_place_of_kernel_directories_are_refused() {
    for name in ["dev", "proc", "sys"] {
        let root = busybox();
        let outside = tempfile::tempdir().unwrap();
        fs::remove_dir(root.path().join(name)).unwrap();
        symlink(outside.path(), root.path().join(name)).unwrap();
        let error = refused(&spec(&root, &["true"])).to_string();
        assert!(error.contains(name), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn links_inside_dev_are_covered() {
    let root = busybox();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "untouched").unwrap();
    for name in ["null", "console", "pts", "ptmx", "shm"] {
        symlink(outside.path().join("file"), root.path().join("dev").join(name)).unwrap();
    }
    assert_eq!(run(&script(&root, "echo gone > /dev/null; echo fine")).text(), "fine");
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "untouched");
}

#[test]
fn a_destination_that_leads_out_stays_inside() {
    let outside = tempfile::tempdir().unwrap();
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("here"), "").unwrap();
    let up = format!("../../../../../../..{}", outside.path().display());
    for target in [outside.path().to_str().unwrap(), up.as_str()] {
        let root = busybox();
        symlink(target, root.path().join("data")).unwrap();
        let mut spec = spec(&root, &["ls", "/data/deeper"]);
        spec.mounts.push(bind(shared.path(), "/data/deeper", 0));
        assert_eq!(run(&spec).text(), "here");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

#[test]
fn links_in_circles_end() {
    let root = busybox();
    symlink("b", root.path().join("a")).unwrap();
    symlink("a", root.path().join("b")).unwrap();
    let mut spec = spec(&root, &["true"]);
    spec.mounts.push(bind(root.path(), "/a/x", 0));
    assert!(refused(&spec).to_string().contains("/a/x"));
}

#[test]
fn a_volume_cannot_stand_in_for_proc() {
    let root = busybox();
    let volume = tempfile::tempdir().unwrap();
    fs::create_dir(volume.path().join("sys")).unwrap();
    for destination in ["/proc", "/proc/sys", "/proc/self", "/etc/../proc"] {
        let mut spec = spec(&root, &["true"]);
        spec.mounts.push(bind(volume.path(), destination, 0));
        assert!(refused(&spec).to_string().contains("/proc"), "{destination}");
    }
    // Nor through a link of the image.
    symlink("/proc", root.path().join("volume")).unwrap();
    let mut by_link = spec(&root, &["true"]);
    by_link.mounts.push(bind(volume.path(), "/volume", 0));
    assert!(refused(&by_link).to_string().contains("procfs"));
    let mut machine = spec(&root, &["true"]);
    machine.mounts.push(bind(Path::new("/proc"), "/proc", 0));
    assert_eq!(run(&machine).exit, Exit::Code(0), "the machine's procfs is a procfs");
}

#[test]
fn mounts_do_not_spread_to_the_machine() {
    let root = busybox();
    let shared = tempfile::tempdir().unwrap();
    fs::create_dir(shared.path().join("point")).unwrap();
    for propagation in [0, libc::MS_SLAVE | libc::MS_REC, libc::MS_PRIVATE] {
        let mut spec = privileged(script(
            &root,
            "mount -t tmpfs t /data/point && touch /data/point/x && ls /data/point",
        ));
        let mut mount = bind(shared.path(), "/data", 0);
        mount.propagation = propagation;
        spec.mounts.push(mount);
        assert_eq!(run(&spec).text(), "x");
        assert_eq!(fs::read_dir(shared.path().join("point")).unwrap().count(), 0);
    }
}

#[test]
fn privileged_containers_have_the_machines_devices() {
    let root = busybox();
    let spec = privileged(script(
        &root,
        "cd /dev; for d in *; do [ -b $d -o -c $d ] && stat -c '%n %t:%T %a' $d; done; ls /dev/pts",
    ));
    let outcome = run(&spec);
    let seen: Vec<_> = outcome.text().lines().collect();
    for entry in fs::read_dir("/dev").unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let metadata = entry.metadata().unwrap();
        let is_device = metadata.file_type().is_char_device() || metadata.file_type().is_block_device();
        if is_device && !["console", "ptmx"].contains(&name.as_str()) {
            assert!(seen.iter().any(|line| line.starts_with(&format!("{name} "))), "{name}: {seen:?}");
        }
    }
    assert!(!seen.iter().any(|line| line.starts_with("console ")));
    assert_eq!(seen.last(), Some(&"ptmx"), "the pts are the container's own");
}

#[test]
fn chosen_devices_are_there_and_usable() {
    let root = busybox();
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::from_raw_mode(0o640);
    mknodat(CWD, folder.path().join("zero"), FileType::CharacterDevice, mode, makedev(1, 5)).unwrap();
    let mut spec = script(
        &root,
        "stat -c %t:%T:%a /dev/sub/mine /dev/all/zero /opt/mine; head -c 3 /dev/sub/mine | wc -c",
    );
    let device = |source: &Path, destination: &str| Device {
        source: source.to_owned(),
        destination: destination.into(),
        read: true,
        write: true,
        mknod: true,
    };
    let node = folder.path().join("zero");
    spec.devices = Devices::Only(vec![
        device(&node, "/dev/sub/mine"),
        device(folder.path(), "/dev/all"),
        device(&node, "/opt/mine"),
    ]);
    assert_eq!(run(&spec).text(), "1:5:640\n1:5:640\n1:5:640\n3");
    spec.devices = Devices::Only(vec![device(Path::new("/etc/passwd"), "/dev/x")]);
    assert!(refused(&spec).to_string().contains("neither a device"));
}
