//! The environment and the user of a container.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use common::{Fixture, image, pairs};
use container::Spec;
use image::ImageConfig;
use std::fs;
use std::os::unix::fs::symlink;

const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\nbroken line\nci:x:1000:1000::/home/ci:/bin/sh\n42:x:7:7::/seven:\n";
const GROUP: &str = "root:x:0:\nci:x:1000:\nvideo:x:44:ci,other\naudio:x:29:other\n";

fn value<'a>(spec: &'a Spec, key: &str) -> Option<&'a str> {
    let found: Vec<_> = spec.env.iter().filter_map(|v| v.strip_prefix(key)?.strip_prefix('=')).collect();
    assert!(found.len() <= 1, "{key} is there {} times", found.len());
    found.first().copied()
}

#[test]
fn defaults() {
    let spec = Fixture::new().build("img", &image()).unwrap();
    assert_eq!(value(&spec, "PATH"), Some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    assert_eq!(value(&spec, "container"), Some("podman"));
    assert_eq!(value(&spec, "HOSTNAME"), Some("dut-1"));
    assert_eq!(value(&spec, "HOME"), Some("/"));
    assert_eq!(value(&spec, "TERM"), None);
    let spec = Fixture::new().build("-t -h mine img", &image()).unwrap();
    assert_eq!((value(&spec, "TERM"), value(&spec, "HOSTNAME")), (Some("xterm"), Some("mine")));
}

/// Each source sets the keys of all that come after it, too.
#[test]
fn precedence() {
    let mut fixture = Fixture::new();
    fixture.environment = pairs(&[("A", "machine"), ("B", "machine"), ("PATH", "/machine")]);
    fixture.env = pairs(&[("C", "b2c"), ("D", "b2c"), ("E", "b2c")]);
    fs::write(fixture.path("job.env"), "# comment\n\n  D=file\nE=file\nSPACED=a b \nA\nEMPTY=\n").unwrap();
    let own = ImageConfig { env: ["B=image", "C=image", "junk", "=x"].map(String::from).into(), ..image() };
    let file = fixture.path("job.env");
    let spec =
        fixture.build(&format!("--env-host --env-file {} -e E=flag img", file.display()), &own).unwrap();
    for (key, expected) in [
        ("A", Some("machine")),
        ("B", Some("image")),
        ("C", Some("b2c")),
        ("D", Some("file")),
        ("E", Some("flag")),
        ("SPACED", Some("a b ")),
        ("EMPTY", Some("")),
        ("PATH", Some("/machine")),
        ("junk", None),
    ] {
        assert_eq!(value(&spec, key), expected, "{key}");
    }
}

#[test]
fn values_from_b2cs_own_environment() {
    let mut fixture = Fixture::new();
    fixture.environment = pairs(&[("CI_A", "1"), ("CI_B", "2"), ("X", "3")]);
    let spec = fixture.build("-e X -e MISSING -e CI_* img", &image()).unwrap();
    assert_eq!((value(&spec, "X"), value(&spec, "MISSING")), (Some("3"), None));
    assert_eq!((value(&spec, "CI_A"), value(&spec, "CI_B")), (Some("1"), Some("2")));
    assert_eq!(value(&fixture.build("img", &image()).unwrap(), "X"), None);
}

#[test]
fn unset() {
    let mut fixture = Fixture::new();
    fixture.env = pairs(&[("B2C_PIPELINE_STATUS", "0")]);
    let own = ImageConfig { env: ["A=1", "B=2"].map(String::from).into(), ..image() };
    let spec = fixture.build("--unsetenv A --unsetenv PATH -e PATH=/mine img", &own).unwrap();
    assert_eq!(
        (value(&spec, "A"), value(&spec, "B"), value(&spec, "PATH")),
        (None, Some("2"), Some("/mine"))
    );
    let spec = fixture.build("--unsetenv-all -e C=3 img", &own).unwrap();
    assert_eq!((value(&spec, "B"), value(&spec, "PATH"), value(&spec, "C")), (None, None, Some("3")));
    assert_eq!(value(&spec, "B2C_PIPELINE_STATUS"), Some("0"), "every container gets these");
}

#[test]
fn bad_environment_files() {
    let fixture = Fixture::new();
    let error = fixture.build("--env-file /nowhere/job.env img", &image()).unwrap_err().to_string();
    assert!(error.starts_with("--env-file=/nowhere/job.env: No such file"), "{error}");
    let file = fixture.path("bad.env");
    fs::write(&file, "A=1\nwith space=2\n").unwrap();
    let error =
        fixture.build(&format!("--env-file {} img", file.display()), &image()).unwrap_err().to_string();
    assert!(error.ends_with("bad.env: line 2 is not KEY=VALUE"), "{error}");
    let error = fixture.build("--env-file /dev/zero img", &image()).unwrap_err().to_string();
    assert_eq!(error, "--env-file=/dev/zero: it is not a regular file");
}

#[test]
fn users() {
    let fixture = Fixture::new();
    fixture.write("/etc/passwd", PASSWD);
    fixture.write("/etc/group", GROUP);
    for (line, own, uid, gid, groups, home) in [
        ("img", "", 0, 0, &[0][..], "/root"),
        ("img", "ci", 1000, 1000, &[44, 1000], "/home/ci"),
        ("-u root img", "ci", 0, 0, &[0], "/root"),
        ("-u 1000 img", "", 1000, 1000, &[44, 1000], "/home/ci"),
        ("-u ci:audio img", "", 1000, 29, &[29], "/home/ci"),
        ("-u ci:5 img", "", 1000, 5, &[5], "/home/ci"),
        ("-u 4242 img", "", 4242, 0, &[0], "/"),
        ("-u 4242:4243 img", "", 4242, 4243, &[4243], "/"),
        ("-u 42 img", "", 7, 7, &[7], "/seven"),
        ("-u ci --group-add audio --group-add 5 img", "", 1000, 1000, &[5, 29, 44, 1000], "/home/ci"),
        ("img", ":video", 0, 44, &[44], "/root"),
    ] {
        let spec = fixture.build(line, &ImageConfig { user: own.into(), ..image() }).unwrap();
        assert_eq!((spec.user.uid, spec.user.gid), (uid, gid), "{line} {own}");
        assert_eq!(spec.user.additional_gids, groups, "{line} {own}");
        assert_eq!(value(&spec, "HOME"), Some(home), "{line} {own}");
    }
    for (line, text) in [
        (
            "-u nobody img",
            "user nobody: the image's /etc/passwd does not have it; write a number, or a name that it has",
        ),
        (
            "-u ci:x img",
            "group x: the image's /etc/group does not have it; write a number, or a name that it has",
        ),
        ("-u 4294967295 img", "user or group 4294967295: ids go from 0 to 2147483647"),
    ] {
        assert_eq!(fixture.build(line, &image()).unwrap_err().to_string(), text);
    }
}

#[test]
fn an_image_without_users() {
    let spec = Fixture::new().build("-u 1000:1000 --umask 077 img", &image()).unwrap();
    assert_eq!((spec.user.uid, spec.user.gid, spec.user.umask), (1000, 1000, 0o077));
    assert!(Fixture::new().build("-u ci img", &image()).is_err());
}

#[test]
fn passwd_is_a_link_within_the_image() {
    let fixture = Fixture::new();
    fixture.write("/usr/share/passwd", PASSWD);
    symlink("/usr/share/passwd", fixture.in_image("/etc/passwd")).unwrap();
    assert_eq!(fixture.build("-u ci img", &image()).unwrap().user.uid, 1000);
}

/// CVE-2022-1227 and its like: what the image's link points to is the machine's.
#[test]
fn passwd_is_a_link_out_of_the_image() {
    for target in ["../../passwd", "/../../../../../../../../../../etc/passwd", "/proc/self/root/etc/passwd"]
    {
        let fixture = Fixture::new();
        fs::write(fixture.path("passwd"), PASSWD).unwrap();
        symlink(target, fixture.in_image("/etc/passwd")).unwrap();
        assert!(fixture.build("-u ci img", &image()).is_err(), "{target}");
        // The machine's own list has a daemon.
        assert!(fixture.build("-u daemon img", &image()).is_err(), "{target}");
    }
}

/// CVE-2024-9676: a file that never ends, in one way or another.
#[test]
fn passwd_is_no_file_to_read() {
    let fixture = Fixture::new();
    let path = fixture.in_image("/etc/passwd");
    let refused = |text: &str| {
        let error = fixture.build("img", &image()).unwrap_err().to_string();
        assert_eq!(error, format!("the image's /etc/passwd: {text}"));
    };
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    refused("it is not a regular file");

    fs::remove_file(&path).unwrap();
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    refused("it is larger than 1 MiB");

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("it is not a regular file");

    fs::remove_dir(&path).unwrap();
    symlink("passwd", &path).unwrap();
    assert!(fixture.build("img", &image()).is_err(), "a link to itself");

    fs::remove_file(&path).unwrap();
    fs::write(&path, b"\xff\xfe:x:1:1::/:\nci:x:5:5::/:\n").unwrap();
    assert_eq!(fixture.build("-u ci img", &image()).unwrap().user.uid, 5, "bytes that are no text");
}
