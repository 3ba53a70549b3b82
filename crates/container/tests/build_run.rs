//! Container lines that are really run: parsed, built and started by the runtime, and asked what they see.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use common::{Fixture, image, pairs};
use container::runtime::{Exit, Io, Shim, start};
use container::{Spec, StandIn};
use image::ImageConfig;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;

/// A machine whose image is one busybox, with two users.
fn machine() -> Fixture {
    let fixture = Fixture::new();
    let busybox = fixture.in_image("/bin/busybox");
    fs::copy("/bin/busybox", busybox).unwrap();
    for applet in ["sh", "cat", "echo", "env", "grep", "id", "ls", "mount", "pwd", "stat", "touch", "umask"] {
        symlink("busybox", fixture.in_image(&format!("/bin/{applet}"))).unwrap();
    }
    fixture.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nci:x:1000:1000::/home/ci:/bin/sh\n");
    fixture.write("/etc/group", "root:x:0:\nci:x:1000:\nvideo:x:44:ci\n");
    fixture
}

fn built(fixture: &Fixture, flags: &str, image: &ImageConfig) -> Spec {
    let mut spec =
        fixture.build(&format!("{flags} img"), image).unwrap_or_else(|error| panic!("{flags}: {error}"));
    // Tests run side by side, and the id names the cgroup.
    spec.id =
        format!("build-{}-{:?}", std::process::id(), std::thread::current().id()).replace(['(', ')'], "");
    spec
}

/// What `script` prints in a container that `flags` describe.
fn says(fixture: &Fixture, flags: &str, script: &str) -> String {
    let image = ImageConfig { cmd: ["/bin/sh", "-c", script].map(String::from).into(), ..image() };
    let shim = Shim { program: env!("CARGO_BIN_EXE_b2c-container").into() };
    let mut running =
        start(&built(fixture, flags, &image), &shim).unwrap_or_else(|error| panic!("{flags}: {error}"));
    let Io::Pipes { stdout, .. } = std::mem::replace(&mut running.io, Io::Null) else {
        panic!("{flags}: no pipes")
    };
    let mut text = String::new();
    fs::File::from(stdout).read_to_string(&mut text).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(0), "{flags}: {script}: {text}");
    text.trim_end().to_owned()
}

#[test]
fn the_process() {
    let mut fixture = machine();
    fixture.env = pairs(&[("B2C_PIPELINE_STATUS", "3")]);
    assert_eq!(says(&fixture, "-e A=b", "echo $A $B2C_PIPELINE_STATUS $HOME $container"), "b 3 /root podman");
    assert_eq!(
        says(&fixture, "-u ci -w /new/place", "id -u; id -g; id -G; pwd"),
        "1000\n1000\n1000 44\n/new/place"
    );
    assert_eq!(says(&fixture, "--umask 077", "umask"), "0077");
    assert_eq!(says(&fixture, "--ulimit nofile=100:200", "ulimit -Sn; ulimit -Hn"), "100\n200");
    assert_eq!(says(&fixture, "--oom-score-adj 7", "cat /proc/self/oom_score_adj"), "7");
}

#[test]
fn privileges() {
    let fixture = machine();
    let capabilities = "grep CapEff /proc/self/status";
    // Where the tests run they may have less than all themselves.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(
        says(&fixture, "", capabilities),
        own.lines().find(|line| line.starts_with("CapEff")).unwrap()
    );
    assert_eq!(says(&fixture, "--privileged=false", capabilities), "CapEff:\t00000000800405fb");
    assert_eq!(says(&fixture, "--cap-drop ALL --cap-add KILL", capabilities), "CapEff:\t0000000000000020");
    assert_eq!(says(&fixture, "--privileged=false", "grep Seccomp: /proc/self/status"), "Seccomp:\t2");
    assert_eq!(says(&fixture, "", "grep Seccomp: /proc/self/status"), "Seccomp:\t0");
    assert_eq!(says(&fixture, "--privileged=false", "cat /proc/kcore | head -c 1"), "");
    assert_eq!(says(&fixture, "--privileged=false", "echo 1 2>&- >/proc/sys/kernel/sysrq || echo no"), "no");
}

#[test]
fn files_of_the_kernel_that_show_secrets() {
    let mut fixture = machine();
    fs::write(fixture.path("cmdline"), "key=***\n").unwrap();
    let raw = fs::read_to_string("/proc/cmdline").unwrap();
    let raw = raw.trim_end();
    fixture.stand_ins = vec![StandIn { destination: "/proc/cmdline".into(), file: fixture.path("cmdline") }];
    let see = "cat /proc/cmdline";
    for flags in
        ["", "--privileged=false", "--pid=host", "-v /proc:/proc", "--security-opt unmask=/proc/kcore"]
    {
        assert_eq!(says(&fixture, flags, see), "key=***", "{flags}");
    }
    for flags in ["unmask=/proc/cmdline", "unmask=ALL", "unmask=/proc/*"] {
        assert_eq!(says(&fixture, &format!("--security-opt {flags}"), see), raw, "{flags}");
    }
    let change = "echo x 2>&- >/proc/cmdline || echo no";
    assert_eq!(says(&fixture, "", change), "no");
    assert_eq!(fs::read_to_string(fixture.path("cmdline")).unwrap(), "key=***\n");
}

#[test]
fn names() {
    let fixture = machine();
    assert_eq!(says(&fixture, "", "cat /proc/sys/kernel/hostname /etc/hostname"), "dut-1\ndut-1");
    assert_eq!(says(&fixture, "-h mine", "cat /proc/sys/kernel/hostname; echo $HOSTNAME"), "mine\nmine");
    assert_eq!(
        says(&fixture, "--dns 1.2.3.4 --dns-search=.", "grep nameserver /etc/resolv.conf"),
        "nameserver 1.2.3.4"
    );
    fixture.write("/etc/resolv.conf", "the image's\n");
    assert_eq!(says(&fixture, "--dns=none", "cat /etc/resolv.conf"), "the image's");
    assert_eq!(says(&fixture, "--add-host db:10.0.0.2", "grep db /etc/hosts"), "10.0.0.2\tdb");
    assert_eq!(says(&fixture, "--net=none", "ls /sys/class/net"), "lo");
}

#[test]
fn volumes_and_other_mounts() {
    let mut fixture = machine();
    let folder = fixture.volume("job");
    fixture.write("/results/readme", "from the image");
    assert_eq!(
        says(&fixture, "-v job:/results", "cat /results/readme; echo done >/results/log"),
        "from the image"
    );
    assert_eq!(fs::read_to_string(folder.join("log")).unwrap(), "done\n");
    assert_eq!(says(&fixture, "-v job:/a -v job:/b/c:ro", "touch /b/c/x 2>&- || cat /a/log"), "done");
    let options = "grep ' /x ' /proc/mounts";
    let tmpfs = says(&fixture, "--tmpfs /x:size=64k,mode=700", options);
    assert!(tmpfs.starts_with("tmpfs /x tmpfs rw,nosuid,nodev,noexec,"), "{tmpfs}");
    assert!(tmpfs.contains("size=64k,mode=700"), "{tmpfs}");
    let shm = says(&fixture, "--shm-size 128k", "grep ' /dev/shm ' /proc/mounts");
    assert!(shm.contains("size=128k"), "{shm}");
    assert_eq!(says(&fixture, "--read-only", "touch /x 2>&- || touch /tmp/x && echo only /tmp"), "only /tmp");
    assert_eq!(says(&fixture, "--mount type=devpts,dst=/pts", "ls /pts"), "ptmx");
}

#[test]
fn systemd_has_what_it_needs() {
    let fixture = machine();
    let script = "for d in /run /run/lock /tmp /var/log/journal; do grep -q \"tmpfs $d tmpfs rw\" /proc/mounts || echo no $d; done; \
                  grep -q 'cgroup2 /sys/fs/cgroup cgroup2 rw' /proc/mounts && echo ${#container_uuid}";
    assert_eq!(says(&fixture, "--systemd=always --privileged=false", script), "32");
    assert_eq!(says(&fixture, "--systemd=always", "ls -A /run"), ".containerenv\nlock");
}

#[test]
fn devices() {
    let fixture = machine();
    let flags = "--privileged=false --device /dev/null:/dev/nothing:rw";
    assert_eq!(
        says(
            &fixture,
            flags,
            "echo x >/dev/nothing; stat -c %t:%T /dev/nothing; ls /dev/kmsg 2>&- || echo no"
        ),
        "1:3\nno"
    );
    assert_eq!(says(&fixture, "--device /dev/null:/dev/nothing", "stat -c %t:%T /dev/nothing"), "1:3");
}
