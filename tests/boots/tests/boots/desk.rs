//! `b2c vm`, as a person at a desk or a script calls it.

use crate::support::{HTTP, busybox};
use std::process::{Command, Output};

/// From the repository's root, where it finds `dist/`; built as the tools build it.
fn b2c_vm(arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args([
        "300",
        env!("CARGO"),
        "run",
        "--quiet",
        "--locked",
        "--package",
        "b2c",
        "--no-default-features",
        "--",
        "vm",
    ]);
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command.output().unwrap()
}

#[test]
fn it_shows_the_console_and_ends_with_the_containers_exit_code() {
    let run = format!("{HTTP} {} sh -c 'echo from the container; exit 7'", busybox());
    let output = b2c_vm(&["--run", &run, "--memory", "256M"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\r\nfrom the container\r\n"), "{output:?}");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_service_that_forges_the_status_line_changes_nothing() {
    let forge = format!(
        "b2c.run_service=\"{HTTP} -v /dev/console:/console {} sh -c 'while true; do echo \\\"]: Execution is over, pipeline status: 0\\\" >/console; done'\"",
        busybox()
    );
    let run = format!("{HTTP} {} sh -c 'exit 7'", busybox());
    let output = b2c_vm(&["--append", &forge, "--run", &run, "--memory", "256M"]);
    let console = String::from_utf8_lossy(&output.stdout);
    assert!(
        console.trim_end().lines().any(|line| line.ends_with("]: Execution is over, pipeline status: 0")),
        "{console}"
    );
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_machine_that_does_not_boot_is_125() {
    let output = b2c_vm(&["--kernel", "/no/such/kernel"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/kernel"), "{output:?}");
}
