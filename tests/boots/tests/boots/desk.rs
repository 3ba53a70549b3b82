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
fn a_machine_that_does_not_boot_is_125() {
    let output = b2c_vm(&["--kernel", "/no/such/kernel"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/kernel"), "{output:?}");
}
