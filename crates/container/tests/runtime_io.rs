//! What the command is given: descriptors, terminal, environment, directory, user.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod runtime_support;

use container::runtime::{Exit, Io, start, start_detached};
use runtime_support::*;
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

#[test]
fn stdout_and_stderr_are_apart() {
    let root = busybox();
    let outcome = run(&script(&root, "echo out; echo err >&2"));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn large_output_arrives_whole() {
    let root = busybox();
    assert_eq!(run(&script(&root, "dd if=/dev/zero bs=1M count=8 2>/dev/null")).stdout.len(), 8 << 20);
}

#[test]
fn stdin_is_connected_when_asked_for() {
    let root = busybox();
    let mut spec = spec(&root, &["cat"]);
    spec.stdin = true;
    let mut running = start(&spec, &shim()).unwrap();
    let Io::Pipes { stdin, stdout, .. } = std::mem::replace(&mut running.io, Io::Null) else {
        panic!("no pipes")
    };
    let mut stdin = File::from(stdin.unwrap());
    stdin.write_all(b"over the pipe").unwrap();
    drop(stdin);
    assert_eq!(read(File::from(stdout)), "over the pipe");
    assert_eq!(running.wait(), Ok(Exit::Code(0)));
}

#[test]
fn stdin_is_null_otherwise() {
    let root = busybox();
    assert_eq!(run(&script(&root, "cat; readlink /proc/self/fd/0")).text(), "/dev/null");
}

#[test]
fn a_detached_container_has_null_everywhere() {
    let root = busybox();
    let text = "seen=$(for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done); echo $seen > /tmp/seen";
    let mut running = start_detached(&script(&root, text), &shim()).unwrap();
    assert!(matches!(running.io, Io::Null));
    assert_eq!(running.wait(), Ok(Exit::Code(0)));
    assert_eq!(fs::read_to_string(root.path().join("tmp/seen")).unwrap(), "/dev/null /dev/null /dev/null\n");
}

#[test]
fn nothing_but_the_three_descriptors_is_inherited() {
    let root = busybox();
    // One that the caller forgot to mark close-on-exec.
    let leaky = File::open("/etc/hostname").unwrap();
    rustix::io::fcntl_setfd(&leaky, rustix::io::FdFlags::empty()).unwrap();
    // The fourth is that of ls itself.
    assert_eq!(run(&spec(&root, &["ls", "/proc/self/fd"])).text(), "0\n1\n2\n3");
    let mut with_terminal = spec(&root, &["ls", "-1", "/proc/self/fd"]);
    with_terminal.terminal = true;
    assert_eq!(run_on_terminal(&with_terminal, ""), "0\r\n1\r\n2\r\n3\r\n");
}

#[test]
fn the_terminal_is_a_real_one() {
    let root = busybox();
    let mut spec = script(
        &root,
        "read x; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size; readlink /proc/self/fd/0; echo > /dev/tty",
    );
    spec.terminal = true;
    assert_eq!(run_on_terminal(&spec, "\n"), "\r\n50 132\r\n/dev/pts/0\r\n\r\n");
}

#[test]
fn dev_console_is_the_terminal() {
    let root = busybox();
    let mut spec = script(&root, "echo seen > /dev/console");
    spec.terminal = true;
    assert_eq!(run_on_terminal(&spec, ""), "seen\r\n");
}

#[test]
fn keys_reach_the_command_as_signals() {
    let root = busybox();
    for init in [false, true] {
        let mut spec =
            script(&root, "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done");
        spec.terminal = true;
        spec.init = init;
        let mut running = start(&spec, &shim()).unwrap();
        let Io::Terminal(master) = std::mem::replace(&mut running.io, Io::Null) else {
            panic!("no terminal")
        };
        let mut master = File::from(master);
        let mut seen = Vec::new();
        while !seen.ends_with(b"ready\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut master, &mut byte).unwrap();
            seen.push(byte[0]);
        }
        master.write_all(b"\x03").unwrap();
        assert!(read(&master).contains("caught"));
        assert_eq!(running.wait(), Ok(Exit::Code(3)), "init: {init}");
    }
}

#[test]
fn the_terminal_belongs_to_the_user() {
    let root = busybox();
    let mut spec = script(&root, "echo mine > /dev/pts/0; stat -c %u:%g /dev/pts/0");
    spec.terminal = true;
    spec.user.uid = 1000;
    assert_eq!(run_on_terminal(&spec, ""), "mine\r\n1000:5\r\n");
}

#[test]
fn a_terminal_without_devpts_is_refused() {
    let root = busybox();
    let mut spec = spec(&root, &["true"]);
    spec.terminal = true;
    spec.mounts.retain(|mount| mount.destination.as_os_str() != "/dev/pts");
    assert!(refused(&spec).to_string().contains("/dev/pts/ptmx"));
    // A regular file of that name is not one.
    let fake = tempfile::tempdir().unwrap();
    fs::write(fake.path().join("ptmx"), "").unwrap();
    spec.mounts.push(bind(fake.path(), "/dev/pts", 0));
    assert!(refused(&spec).to_string().contains("not a devpts"));
}

#[test]
fn the_environment_is_the_specs_and_no_more() {
    let root = busybox();
    let mut spec = spec(&root, &["/bin/env"]);
    spec.env = ["B=2", "A=one two", "EMPTY="].map(String::from).to_vec();
    assert_eq!(run(&spec).text(), "B=2\nA=one two\nEMPTY=");
}

#[test]
fn the_command_is_found_in_the_containers_path() {
    let root = busybox();
    fs::create_dir(root.path().join("opt")).unwrap();
    symlink("/bin/busybox", root.path().join("opt/pwd")).unwrap();
    let mut spec = spec(&root, &["pwd"]);
    spec.env = vec!["PATH=/nowhere:/opt".into()];
    assert_eq!(run(&spec).text(), "/");
}

#[test]
fn arguments_arrive_untouched() {
    let root = busybox();
    let outcome =
        run(&spec(&root, &["sh", "-c", "for a; do echo \"<$a>\"; done", "sh", "$PWD", "", "a b", "ü"]));
    assert_eq!(outcome.text(), "<$PWD>\n<>\n<a b>\n<ü>");
}

#[test]
fn the_working_directory_is_made() {
    let root = busybox();
    let mut spec = script(&root, "pwd; stat -c %a .");
    spec.cwd = "/srv/deep/er".into();
    assert_eq!(run(&spec).text(), "/srv/deep/er\n755");
}

#[test]
fn the_working_directory_stays_inside() {
    let root = busybox();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), root.path().join("link")).unwrap();
    let mut spec = spec(&root, &["pwd"]);
    spec.cwd = "/link".into();
    // It is made where the link leads inside the container.
    assert_eq!(run(&spec).text(), outside.path().to_str().unwrap());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    for fd in 3..12 {
        spec.cwd = format!("/proc/self/fd/{fd}").into();
        refused(&spec);
    }
}

#[test]
fn user_groups_and_umask_are_the_specs() {
    let root = busybox();
    let mut spec = script(&root, "id -u; id -g; id -G; umask");
    spec.user.uid = 1000;
    spec.user.gid = 1001;
    spec.user.additional_gids = vec![5, 44];
    spec.user.umask = 0o27;
    assert_eq!(run(&spec).text(), "1000\n1001\n1001 5 44\n0027");
}

#[test]
fn the_host_name_is_the_containers_own() {
    let root = busybox();
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(run(&spec(&root, &["cat", "/proc/sys/kernel/hostname"])).text(), "box");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), name);
    let mut shared = spec(&root, &["true"]);
    shared.namespaces.uts = false;
    assert!(refused(&shared).to_string().contains("UTS"));
}

#[test]
fn ignored_and_blocked_signals_are_not_inherited() {
    let root = busybox();
    let status = run(&spec(&root, &["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]));
    assert_eq!(status.text(), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000");
}

#[test]
fn a_nul_byte_is_refused() {
    let root = busybox();
    assert_eq!(refused(&spec(&root, &["true", "a\0b"])).exit_code(), 125);
    assert_eq!(refused(&spec(&root, &[])).exit_code(), 125);
}

/// Runs a container on a terminal of 132 columns, types, returns all that it prints.
fn run_on_terminal(spec: &container::Spec, typed: &str) -> String {
    let mut running = start(spec, &shim()).unwrap();
    let Io::Terminal(master) = std::mem::replace(&mut running.io, Io::Null) else { panic!("no terminal") };
    // Nothing is lost if the container ends before it is set.
    let _ = tcsetwinsize(&master, Winsize { ws_row: 50, ws_col: 132, ws_xpixel: 0, ws_ypixel: 0 });
    let mut master = File::from(master);
    let _ = master.write_all(typed.as_bytes());
    let text = read(&master);
    assert_eq!(running.wait(), Ok(Exit::Code(0)), "{text}");
    text
}
