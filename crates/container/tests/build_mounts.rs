//! What is mounted in a container.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use common::{Fixture, image};
use container::Spec;
use container::spec::{Mount, MountSource};
use image::ImageConfig;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

const RDONLY: u64 = 1;

fn mount<'a>(spec: &'a Spec, destination: &str) -> Option<&'a Mount> {
    let found: Vec<_> =
        spec.mounts.iter().filter(|mount| mount.destination == Path::new(destination)).collect();
    assert!(found.len() <= 1, "{destination} is mounted {} times", found.len());
    found.first().copied()
}

fn bound<'a>(spec: &'a Spec, destination: &str) -> Option<&'a Path> {
    match &mount(spec, destination)?.source {
        MountSource::Bind { path, .. } => Some(path),
        MountSource::Filesystem { .. } => None,
    }
}

fn filesystem<'a>(spec: &'a Spec, destination: &str) -> Option<(&'a str, &'a str)> {
    match &mount(spec, destination)?.source {
        MountSource::Bind { .. } => None,
        MountSource::Filesystem { kind, data } => Some((kind, data)),
    }
}

#[test]
fn every_container_has_the_kernels_file_systems() {
    let spec = Fixture::new().build("img", &image()).unwrap();
    for (destination, kind) in [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/sys", "sysfs"),
        ("/sys/fs/cgroup", "cgroup2"),
    ] {
        assert_eq!(filesystem(&spec, destination).map(|found| found.0), Some(kind), "{destination}");
    }
    assert_eq!(filesystem(&spec, "/dev/shm").unwrap().1, "mode=1777,size=67108864");
    assert_eq!(mount(&spec, "/sys").unwrap().flags & RDONLY, 0, "privileged");
    let spec = Fixture::new().build("--privileged=false --shm-size 1k img", &image()).unwrap();
    assert_eq!(mount(&spec, "/sys").unwrap().flags & RDONLY, RDONLY);
    assert_eq!(mount(&spec, "/sys/fs/cgroup").unwrap().flags & RDONLY, RDONLY);
    assert_eq!(filesystem(&spec, "/dev/shm").unwrap().1, "mode=1777,size=1024");
    let spec = Fixture::new().build("--security-opt proc-opts=hidepid=2,exec img", &image()).unwrap();
    assert_eq!(filesystem(&spec, "/proc").unwrap().1, "hidepid=2");
    assert_eq!(mount(&spec, "/proc").unwrap().flags & 8, 0, "exec");
}

#[test]
fn shared_memory() {
    assert!(mount(&Fixture::new().build("--ipc=none img", &image()).unwrap(), "/dev/shm").is_none());
    let spec = Fixture::new().build("--ipc=host img", &image()).unwrap();
    assert_eq!(bound(&spec, "/dev/shm"), Some(Path::new("/dev/shm")));
}

#[test]
fn parents_come_before_children() {
    let mut fixture = Fixture::new();
    fixture.volume("a");
    fixture.volume("b");
    let spec = fixture
        .build("-v a:/x/y/z -v b:/x --tmpfs /x/y -v /dev:/dev -v /tmp:/dev/shm/deep img", &image())
        .unwrap();
    for (index, mount) in spec.mounts.iter().enumerate() {
        for later in &spec.mounts[index + 1..] {
            assert!(!mount.destination.starts_with(&later.destination), "{mount:?} is hidden by {later:?}");
        }
    }
}

#[test]
fn the_users_mounts_replace_ours() {
    let fixture = Fixture::new();
    let spec = fixture
        .build("-v /dev:/dev -v /sys:/sys:ro --tmpfs /etc/hosts/.. -v /etc/hosts:/etc/hosts --mount type=tmpfs,dst=/run img /sbin/init", &image())
        .unwrap();
    assert_eq!(bound(&spec, "/dev"), Some(Path::new("/dev")));
    assert_eq!(mount(&spec, "/sys").unwrap().flags & RDONLY, RDONLY);
    assert_eq!(bound(&spec, "/etc/hosts"), Some(Path::new("/etc/hosts")));
    assert_ne!(mount(&spec, "/run").unwrap().flags & 8, 0, "the user's tmpfs is noexec");
}

#[test]
fn paths_of_the_machine_have_to_be_there() {
    let fixture = Fixture::new();
    let error = fixture.build("-v /nowhere/at/all:/x img", &image()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all cannot be mounted: No such file or directory"), "{error}");
    let spec = fixture.build("-v /etc:/x:ro,bind img", &image()).unwrap();
    let found = mount(&spec, "/x").unwrap();
    assert!(matches!(&found.source, MountSource::Bind { recursive: false, .. }));
    assert_eq!(found.flags, RDONLY);
}

#[test]
fn read_only_containers() {
    let spec = Fixture::new().build("--read-only -v /tmp:/tmp img", &image()).unwrap();
    assert!(spec.readonly_rootfs);
    assert_eq!(filesystem(&spec, "/run").unwrap().0, "tmpfs");
    assert_eq!(filesystem(&spec, "/var/tmp").unwrap().0, "tmpfs");
    assert_eq!(bound(&spec, "/tmp"), Some(Path::new("/tmp")), "the user's own");
    assert_eq!(mount(&spec, "/etc/hosts").unwrap().flags & RDONLY, RDONLY);
    let spec = Fixture::new().build("--read-only --read-only-tmpfs=false img", &image()).unwrap();
    assert!(mount(&spec, "/run").is_none());
}

#[test]
fn devices_of_a_privileged_container_under_another_name() {
    let spec =
        Fixture::new().build("--device /dev/null:/dev/nothing --device /dev/zero img", &image()).unwrap();
    assert_eq!(bound(&spec, "/dev/nothing"), Some(Path::new("/dev/null")));
    assert!(mount(&spec, "/dev/zero").is_none());
}

#[test]
fn systemd_mode() {
    let spec = Fixture::new().build("--shm-size-systemd 1m img /sbin/init", &image()).unwrap();
    for (destination, data) in
        [("/run", "size=1048576"), ("/run/lock", "size=1048576"), ("/tmp", ""), ("/var/log/journal", "")]
    {
        assert_eq!(filesystem(&spec, destination), Some(("tmpfs", data)), "{destination}");
    }
}

#[test]
fn name_resolution() {
    let fixture = Fixture::new();
    let machine = "nameserver 10.0.2.3\nsearch lan\noptions ndots:2\n";
    for (flags, expected) in [
        ("", Some(machine)),
        ("--dns 1.1.1.1", Some("search lan\noptions ndots:2\nnameserver 1.1.1.1\n")),
        ("--dns-search=.", Some("nameserver 10.0.2.3\noptions ndots:2\n")),
        ("--dns-search a.b --dns-opt x", Some("nameserver 10.0.2.3\nsearch a.b\noptions x\n")),
        ("--dns=none", None),
    ] {
        let spec = fixture.build(&format!("{flags} img"), &image()).unwrap();
        assert_eq!(fixture.written(&spec, "/etc/resolv.conf").as_deref(), expected, "{flags}");
    }
    fs::remove_file(fixture.path("resolv.conf")).unwrap();
    let spec = fixture.build("img", &image()).unwrap();
    assert_eq!(
        fixture.written(&spec, "/etc/resolv.conf").as_deref(),
        Some(""),
        "a machine without a network"
    );
}

#[test]
fn host_names() {
    let fixture = Fixture::new();
    let spec = fixture.build("--add-host db:10.0.0.2 --add-host a;b:host-gateway img", &image()).unwrap();
    assert_eq!(
        fixture.written(&spec, "/etc/hosts").unwrap(),
        "10.0.0.2\tdb\n127.0.0.1\ta b\n127.0.0.1 localhost\n10.42.0.1 ci-gateway\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tdut-1\n"
    );
    assert_eq!(fixture.written(&spec, "/etc/hostname").unwrap(), "dut-1\n");
    let spec = fixture.build("--no-hosts --no-hostname img", &image()).unwrap();
    assert!(mount(&spec, "/etc/hosts").is_none() && mount(&spec, "/etc/hostname").is_none());
    // A machine that lists its own name needs no second line for it.
    fs::write(fixture.path("hosts"), "10.1.1.1 dut-1 # me\n").unwrap();
    let spec = fixture.build("img", &image()).unwrap();
    let text = fixture.written(&spec, "/etc/hosts").unwrap();
    assert_eq!(text.matches("dut-1").count(), 1, "{text}");
}

#[test]
fn containers_can_tell_that_they_are_one() {
    let fixture = Fixture::new();
    let spec = fixture.build("--name job img", &image()).unwrap();
    let text = fixture.written(&spec, "/run/.containerenv").unwrap();
    assert!(text.contains("name=\"job\"\nid=\"c1\"\nimage=\"img\"\n"), "{text}");
    let spec = fixture.build("--privileged=false img", &image()).unwrap();
    assert_eq!(fixture.written(&spec, "/run/.containerenv").as_deref(), Some(""));
    let mode = fs::metadata(bound(&spec, "/etc/hosts").unwrap()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn volumes_by_name() {
    let mut fixture = Fixture::new();
    let folder = fixture.volume("job");
    let spec = fixture.build("-v job:/a:ro img", &image()).unwrap();
    assert_eq!(bound(&spec, "/a"), Some(folder.as_path()));
    assert_eq!(mount(&spec, "/a").unwrap().flags, RDONLY);
    let error = fixture.build("-v other:/a img", &image()).unwrap_err().to_string();
    assert_eq!(error, "volume other: it was not made");
}

#[test]
fn volumes_that_the_image_declares() {
    let fixture = Fixture::new();
    let declares = ImageConfig { volumes: [("/data/".into(), serde_json::Value::Null)].into(), ..image() };
    let spec = fixture.build("img", &declares).unwrap();
    assert!(bound(&spec, "/data").is_some());
    let spec = fixture.build("--image-volume=tmpfs img", &declares).unwrap();
    assert_eq!(filesystem(&spec, "/data").unwrap().0, "tmpfs");
    assert!(mount(&fixture.build("--image-volume=ignore img", &declares).unwrap(), "/data").is_none());
    let spec = fixture.build("--tmpfs /data:size=1k img", &declares).unwrap();
    assert_eq!(filesystem(&spec, "/data").unwrap().1, "size=1k");
}

/// CVE-2019-16884: with a volume for /proc, an image caught what is written there.
#[test]
fn an_image_cannot_replace_what_is_the_kernels() {
    let volumes = ["/proc", "/x/../proc/", "//sys", "dev", "/proc/self/attr", "/", ".."];
    let hostile =
        ImageConfig { volumes: volumes.map(|path| (path.into(), serde_json::Value::Null)).into(), ..image() };
    let spec = Fixture::new().build("img", &hostile).unwrap();
    assert_eq!(spec.mounts.len(), Fixture::new().build("img", &image()).unwrap().mounts.len());
    assert_eq!(filesystem(&spec, "/proc").unwrap().0, "proc");
}

#[test]
fn a_new_volume_is_filled_from_the_image() {
    let mut fixture = Fixture::new();
    fixture.write("/data/sub/file", "text");
    let file = fixture.in_image("/data/sub/file");
    chown(&file, Some(5), Some(6)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(fixture.in_image("/data"), fs::Permissions::from_mode(0o1777)).unwrap();
    symlink("/etc/shadow", fixture.in_image("/data/link")).unwrap();
    let fifo = fixture.in_image("/data/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::set_permissions(&fifo, fs::Permissions::from_mode(0o622)).unwrap();
    let folder = fixture.volume("v");
    fixture.build("-v v:/data img", &image()).unwrap();

    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o1777);
    assert_eq!(fs::read_to_string(folder.join("sub/file")).unwrap(), "text");
    let status = fs::metadata(folder.join("sub/file")).unwrap();
    assert_eq!((status.uid(), status.gid(), status.mode() & 0o7777), (5, 6, 0o4750));
    assert_eq!(fs::read_link(folder.join("link")).unwrap(), Path::new("/etc/shadow"));
    assert_eq!(fs::symlink_metadata(folder.join("fifo")).unwrap().mode() & 0o7777, 0o622);
}

/// CVE-2020-1726: what is in a volume is the user's.
#[test]
fn a_volume_that_holds_anything_is_left_alone() {
    let mut fixture = Fixture::new();
    fixture.write("/data/result", "the image's");
    let folder = fixture.volume("v");
    fs::write(folder.join("result"), "the user's").unwrap();
    fixture.build("-v v:/data img", &image()).unwrap();
    assert_eq!(fs::read_to_string(folder.join("result")).unwrap(), "the user's");
    let empty = fixture.volume("w");
    fixture.build("-v w:/data:nocopy img", &image()).unwrap();
    assert_eq!(fs::read_dir(empty).unwrap().count(), 0);
}

#[test]
fn a_volume_can_be_given_to_the_containers_user() {
    let mut fixture = Fixture::new();
    fixture.write("/data/sub/file", "text");
    fixture.write("/etc/passwd", "ci:x:1000:1001::/home/ci:/bin/sh\n");
    let owner = |path: &Path| fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap();
    let folder = fixture.volume("v");
    fixture.build("-v v:/data:U --user ci img", &image()).unwrap();
    assert_eq!(owner(&folder.join("sub/file")), (1000, 1001));
    fixture.build("--mount type=volume,src=v,dst=/data,U=true --user 5:6 img", &image()).unwrap();
    assert_eq!((owner(&folder), owner(&folder.join("sub/file"))), ((5, 6), (5, 6)));
    fixture.build("-v v:/data --user ci img", &image()).unwrap();
    assert_eq!(owner(&folder), (5, 6));
}

#[test]
fn a_volumes_place_is_a_link_out_of_the_image() {
    for target in ["../outside", "/../../outside", "/proc/self/root/etc"] {
        let mut fixture = Fixture::new();
        fs::create_dir(fixture.path("outside")).unwrap();
        fs::write(fixture.path("outside/secret"), "").unwrap();
        symlink(target, fixture.in_image("/data")).unwrap();
        let folder = fixture.volume("v");
        fixture.build("-v v:/data img", &image()).unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{target}");
    }
}
