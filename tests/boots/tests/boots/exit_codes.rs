//! A step's exit code is the pipeline's status.

use crate::support::boot;

#[test]
fn success_is_0() {
    let outcome = boot("-t", "echo Hello world").run();
    outcome
        .expect_line("Hello world")
        .expect("The container run successfully, load the next one!")
        .expect_status(0);
}

#[test]
fn the_commands_own_code() {
    boot("", "sh -c 'exit 3'")
        .run()
        .expect("The container exited with error code 3, continuing...")
        .expect_status(3);
}

#[test]
fn what_cannot_be_started_is_125() {
    let outcome = boot("-u nobody-knows-me", "true").run();
    outcome.expect("nobody-knows-me").expect_status(125);
}

#[test]
fn what_cannot_be_invoked_is_126() {
    boot("", "/etc/passwd").run().expect("/etc/passwd").expect_status(126);
}

#[test]
fn what_is_not_found_is_127() {
    boot("", "no-such-program").run().expect("no-such-program").expect_status(127);
}

#[test]
fn a_signal_is_128_and_its_number() {
    boot("--init", "sh -c 'kill -KILL $$'").run().expect_status(137);
}
