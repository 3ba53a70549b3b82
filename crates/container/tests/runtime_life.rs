//! How containers start, end, and are ended.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod runtime_support;

use container::runtime::{Exit, Io, Lost, StartError, start, start_detached};
use runtime_support::*;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn exit_codes_are_the_commands() {
    let root = busybox();
    for code in [0, 1, 3, 125, 255] {
        assert_eq!(run(&script(&root, &format!("exit {code}"))).exit, Exit::Code(code));
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let root = busybox();
    for (command, message) in [
        ("nope", "executable file `nope` not found in $PATH"),
        ("a\n\u{1b}[0mb", "executable file `a??[0mb` not found in $PATH"),
        ("/nope", "executable file `/nope` not found"),
        ("/etc/passwd/x", "executable file `/etc/passwd/x` not found"),
    ] {
        let error = refused(&spec(&root, &[command]));
        assert_eq!(error, StartError::NotFound(message.into()));
        assert_eq!(error.exit_code(), 127);
    }
}

#[test]
fn a_missing_interpreter_is_named_as_such() {
    let root = busybox();
    let file = root.path().join("bin/script");
    fs::write(&file, "#!/no/such/shell\n").unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = refused(&spec(&root, &["script"]));
    assert_eq!(
        error,
        StartError::NotFound("executable file `script` needs an interpreter that is not there".into())
    );
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let root = busybox();
    fs::write(root.path().join("bin/plain"), "just text").unwrap();
    fs::write(root.path().join("bin/garbage"), "\u{1}not a program").unwrap();
    fs::set_permissions(root.path().join("bin/garbage"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    for command in ["/etc", "plain", "/bin/plain", "garbage"] {
        let error = refused(&spec(&root, &[command]));
        assert!(matches!(error, StartError::CannotInvoke(_)), "{command}: {error:?}");
        assert_eq!(error.exit_code(), 126);
    }
}

#[test]
fn a_command_that_its_user_may_not_execute_is_126() {
    let root = busybox();
    fs::copy("/bin/busybox", root.path().join("bin/secret")).unwrap();
    fs::set_permissions(root.path().join("bin/secret"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let mut spec = spec(&root, &["secret", "true"]);
    assert_eq!(run(&spec).stderr, "secret: applet not found\n", "root may");
    spec.user.uid = 1000;
    assert_eq!(refused(&spec).exit_code(), 126);
}

#[test]
fn a_root_that_is_not_there_is_125() {
    let root = busybox();
    let mut spec = spec(&root, &["true"]);
    spec.rootfs = "/no/such/root".into();
    let error = refused(&spec);
    assert_eq!(error.exit_code(), 125);
    assert!(error.to_string().contains("/no/such/root"), "{error}");
}

#[test]
fn a_shim_that_is_not_there_is_125() {
    let root = busybox();
    let missing = container::runtime::Shim { program: "/no/such/program".into() };
    let error = start(&spec(&root, &["true"]), &missing).unwrap_err();
    assert_eq!(error.exit_code(), 125);
}

#[test]
fn an_id_is_a_name_and_not_a_path() {
    let root = busybox();
    for id in ["", ".", "..", "../x", "a/b"] {
        let mut spec = spec(&root, &["true"]);
        spec.id = id.into();
        assert!(start(&spec, &shim()).unwrap_err().to_string().contains("container id"), "{id}");
    }
}

#[test]
fn death_by_signal_is_128_and_more() {
    let root = busybox();
    // From outside, as process 1 cannot kill itself.
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGRTMIN() + 3] {
        let mut spec = script(&root, "trap 'exit 0' USR1; echo ready; while :; do sleep 1; done");
        // Not process 1 of a namespace: that would be spared.
        spec.namespaces.pid = false;
        let mut running = start(&spec, &shim()).unwrap();
        wait_for_line(&mut running.io, "ready");
        running.signal(signal);
        let exit = running.wait().unwrap();
        assert_eq!((exit, i32::from(exit.status())), (Exit::Signal(signal), 128 + signal));
    }
}

#[test]
fn reboot_from_inside_shows_as_hangup_and_power_off_as_interrupt() {
    let root = busybox();
    for (command, signal) in [("reboot", libc::SIGHUP), ("poweroff", libc::SIGINT)] {
        let spec = privileged(spec(&root, &[command, "-f"]));
        assert!(spec.namespaces.pid, "it would be the machine that reboots");
        let exit = run(&spec).exit;
        assert_eq!(exit, Exit::Signal(signal));
    }
}

#[test]
fn nothing_is_left_when_a_container_has_ended() {
    let root = busybox();
    let mut spec = script(&root, "sleep 1000 & read line; exit 3");
    spec.stdin = true;
    let mut running = start(&spec, &shim()).unwrap();
    assert!(cgroup(&spec).exists());
    // Its end of file lets the container go on.
    running.io = Io::Null;
    assert_eq!(running.wait(), Ok(Exit::Code(3)));
    assert_eq!(running.wait(), Ok(Exit::Code(3)), "the second time");
    assert!(!cgroup(&spec).exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(root.path().to_str().unwrap()));
}

#[test]
fn processes_that_outlive_the_first_are_killed_also_without_a_namespace() {
    let root = busybox();
    let mut spec = script(&root, "sleep 1000 & echo $!");
    spec.namespaces.pid = false;
    spec.mounts.retain(|mount| mount.destination.as_os_str() != "/proc");
    spec.masked_paths.clear();
    spec.readonly_paths.clear();
    // The pipe stays open as long as the survivor has it, so this ends only because it is killed.
    let pid: u32 = run(&spec).text().parse().unwrap();
    eventually("the survivor is gone", || !alive(pid));
    assert!(!cgroup(&spec).exists());
}

#[test]
fn cgroups_that_the_container_made_are_removed_too() {
    let root = busybox();
    let text = "mkdir -p /sys/fs/cgroup/a/b; sleep 1000 & echo $! > /sys/fs/cgroup/a/b/cgroup.procs";
    let mut spec = privileged(script(&root, text));
    for mount in &mut spec.mounts {
        mount.flags &= !RDONLY;
    }
    assert_eq!(run(&spec).exit, Exit::Code(0));
    assert!(!cgroup(&spec).exists());
}

#[test]
fn stop_asks_first() {
    let root = busybox();
    let mut spec = script(&root, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done");
    spec.stop_timeout = 60;
    let mut running = start(&spec, &shim()).unwrap();
    wait_for_line(&mut running.io, "ready");
    running.stop();
    assert_eq!(running.wait(), Ok(Exit::Code(7)));
}

#[test]
fn another_thread_ends_what_this_one_waits_for() {
    let root = busybox();
    let mut spec = script(&root, "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    // It would be patient.
    spec.stop_timeout = 3600;
    let mut running = start(&spec, &shim()).unwrap();
    wait_for_line(&mut running.io, "ready");
    let stopper = running.stopper();
    let stopping = std::thread::spawn(move || {
        stopper.stop_within(std::time::Duration::from_millis(100));
        stopper
    });
    assert_eq!(running.wait(), Ok(Exit::Signal(libc::SIGKILL)));
    // Of a container that has ended, there is nothing left to end.
    drop(running);
    stopping.join().unwrap().stop();
}

#[test]
fn a_container_that_ignores_the_stop_signal_is_killed() {
    let root = busybox();
    let mut running =
        start(&script(&root, "trap '' TERM; echo ready; while :; do sleep 1; done"), &shim()).unwrap();
    wait_for_line(&mut running.io, "ready");
    running.stop();
    let exit = running.wait().unwrap();
    assert_eq!((exit, exit.status()), (Exit::Signal(libc::SIGKILL), 137));
}

/// A process that its debugger does not let go stands for one that hangs in the kernel: process 1 cannot end before it.
#[test]
fn a_container_that_cannot_be_killed_is_given_up() {
    let root = busybox();
    let mut running = start(&script(&root, "sleep 1000 & echo $!; wait"), &shim()).unwrap();
    wait_for_line(&mut running.io, "2");
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid())).unwrap();
    let sleep: i32 = children.trim().parse().unwrap();
    // SAFETY: PTRACE_SEIZE takes no pointers.
    assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SEIZE, sleep, 0, 0) }, 0);
    running.kill_all();
    assert_eq!(running.wait(), Ok(Exit::Signal(9)));
    assert!(fs::exists(format!("/proc/{}", running.pid())).unwrap(), "it could be killed after all");
    // SAFETY: no status is asked for.
    assert_eq!(unsafe { libc::waitpid(sleep, std::ptr::null_mut(), 0) }, sleep);
}

#[test]
fn the_container_does_not_outlive_its_shim() {
    let root = busybox();
    let spec = spec(&root, &["sleep", "1000"]);
    let mut running = start(&spec, &shim()).unwrap();
    let (pid, shim) = (running.pid(), i32::try_from(running.shim_pid()).unwrap());
    assert!(alive(pid));
    kill(shim);
    assert_eq!(running.wait(), Err(Lost));
    eventually("the container is gone", || !alive(pid));
    assert!(!cgroup(&spec).exists());
}

#[test]
fn the_container_does_not_outlive_its_caller() {
    let root = busybox();
    let spec = script(&root, "echo ready; sleep 1000");
    let file = root.path().join("spec.json");
    fs::write(&file, serde_json::to_vec(&spec).unwrap()).unwrap();
    let mut caller =
        Command::new(shim().program).arg("run").arg(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(caller.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    caller.kill().unwrap();
    caller.wait().unwrap();
    eventually("the cgroup is gone", || !cgroup(&spec).exists());
}

#[test]
fn to_drop_it_is_to_kill_it() {
    let root = busybox();
    let spec = spec(&root, &["sleep", "1000"]);
    let running = start_detached(&spec, &shim()).unwrap();
    let pid = running.pid();
    drop(running);
    assert!(!alive(pid));
    assert!(!cgroup(&spec).exists());
}

#[test]
fn an_id_is_used_once_at_a_time() {
    let root = busybox();
    let spec = spec(&root, &["sleep", "1000"]);
    let running = start_detached(&spec, &shim()).unwrap();
    let error = start_detached(&spec, &shim()).unwrap_err().to_string();
    assert!(error.contains(&spec.id), "{error}");
    assert!(alive(running.pid()), "the first one goes on");
}

#[test]
fn init_reaps_and_passes_signals_on() {
    let root = busybox();
    // The orphan's parent ends before it, so process 1 inherits it; when it is reaped, only ours are left.
    let text = "trap 'exit 9' TERM; (sleep 0.1 &) ; sleep 0.5; ps; echo ready; while :; do sleep 0.1; done";
    let mut spec = script(&root, text);
    spec.init = true;
    let mut running = start(&spec, &shim()).unwrap();
    let seen = wait_for_line(&mut running.io, "ready");
    assert!(seen.iter().any(|line| line.contains("b2c-container")), "{seen:?}");
    assert!(!seen.iter().any(|line| line.contains('[') || line.contains("sleep 0.1\n")), "{seen:?}");
    running.signal(libc::SIGTERM);
    assert_eq!(running.wait(), Ok(Exit::Code(9)));
}

#[test]
fn init_gives_the_commands_exit_code() {
    let root = busybox();
    for (text, code) in [("exit 4", 4), ("kill -KILL $$", 137)] {
        let mut spec = script(&root, text);
        spec.init = true;
        assert_eq!(run(&spec).exit, Exit::Code(code));
    }
    let mut spec = spec(&root, &["nope"]);
    spec.init = true;
    assert_eq!(refused(&spec).exit_code(), 127);
}

#[test]
fn init_holds_no_descriptor_and_shows_no_program() {
    let root = busybox();
    let mut spec = script(&root, "ls /proc/1/fd | wc -l; readlink /proc/1/exe || echo hidden");
    spec.init = true;
    assert_eq!(run(&spec).text(), "0\nhidden");
}

#[test]
fn the_shims_program_cannot_be_written_to() {
    let root = busybox();
    let mut spec = privileged(script(&root, "readlink /proc/1/exe && : > /proc/1/exe"));
    spec.init = true;
    let outcome = run(&spec);
    assert_ne!(outcome.stdout, "", "a privileged container can see it");
    assert!(outcome.stderr.contains("Read-only file system"), "{outcome:?}");
    assert_ne!(fs::metadata(shim().program).unwrap().len(), 0);
}

#[test]
fn a_fork_bomb_stays_within_its_limit() {
    if !has_controller("pids") {
        return;
    }
    let root = busybox();
    let mut spec = script(&root, "bomb() { bomb | bomb & }; bomb; sleep 1; exit 5");
    spec.resources.pids = Some(20);
    run(&spec);
    assert!(!cgroup(&spec).exists());
}

#[test]
fn too_much_memory_is_137() {
    if !has_controller("memory") {
        return;
    }
    let root = busybox();
    let mut spec = spec(&root, &["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]);
    spec.resources.memory = Some(16 << 20);
    assert_eq!(run(&spec).exit, Exit::Signal(libc::SIGKILL));
}

#[test]
fn a_limit_that_cannot_be_set_is_an_error() {
    let root = busybox();
    let mut spec = spec(&root, &["true"]);
    spec.resources.unified.push(("no.such.file".into(), "1".into()));
    assert!(refused(&spec).to_string().contains("no.such.file"));
    spec.resources.unified = vec![("../../cgroup.procs".into(), "1".into())];
    assert!(refused(&spec).to_string().contains("not a file of a cgroup"));
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Reads stdout up to a line; returns the lines before it.
fn wait_for_line(io: &mut Io, wanted: &str) -> Vec<String> {
    let Io::Pipes { stdout, .. } = io else { panic!("no pipes") };
    let lines = BufReader::new(File::from(stdout.try_clone().unwrap())).lines().map(Result::unwrap);
    lines.take_while(|line| line != wanted).collect()
}
