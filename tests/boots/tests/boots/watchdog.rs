//! Machines that hang, with QEMU's model of a watchdog (Intel 6300ESB) and without one.

use crate::support::{boot, option, run, serve};
use harness::Boot;
use std::time::Duration;

/// What a reset does is up to QEMU; here it ends the machine.
const HARDWARE: [&str; 4] = ["-device", "i6300esb", "-action", "watchdog=reset"];
/// Its driver loads while the container starts.
const WAIT: &str = "until grep -q ^active /sys/class/watchdog/watchdog0/state; do sleep 1; done";
/// Stops a process for good.
const STOP: &str = "kill -STOP $(pidof b2c-boot); sleep 600";

/// A boot in which the container runs these commands in the machine's PID namespace, when the watchdog is armed.
fn armed(words: &str, commands: &str) -> Boot {
    let script = format!("sh -c '{WAIT}; echo armed; {commands}'");
    Boot::new(&run("--pid=host --cgroupns=host -v /sys/fs/cgroup:/machine", &script))
        .append(words)
        .qemu(HARDWARE)
}

#[test]
fn a_boot_process_that_is_stopped_resets_the_machine() {
    let outcome = armed("b2c.watchdog=10", STOP).run();
    outcome.expect_line("armed").expect("ERROR: The boot process gives no sign of life");
    outcome.expect_no("Execution is over").expect_no("reboot: ");
}

#[test]
fn a_process_1_that_hangs_resets_the_machine() {
    // It ignores signals that would stop it, but not the freezer.
    let freeze = "mkdir /machine/ice; echo 1 >/machine/ice/cgroup.procs; echo 1 >/machine/ice/cgroup.freeze";
    let outcome = armed("b2c.watchdog=10", &format!("{freeze}; echo frozen; sleep 600")).run();
    outcome.expect_line("frozen").expect_no("Execution is over").expect_no("reboot: ");
}

#[test]
fn a_boot_process_that_is_stopped_where_there_is_no_watchdog() {
    let outcome = boot("--pid=host", &format!("sh -c '{STOP}'")).append("b2c.watchdog=10").run();
    outcome.expect("ERROR: The boot process ended unexpectedly: it hangs: no sign of life for 60 s");
    outcome.expect("reboot: Power down").expect_status(1);
}

#[test]
fn a_machine_that_works_is_left_alone_and_ends() {
    let show = "cat /sys/class/watchdog/watchdog0/timeout; sleep 20; echo x 2>&1 >/dev/watchdog";
    let outcome = armed("b2c.watchdog=10", show).run();
    outcome.expect_line("10").expect("Device or resource busy").expect("reboot: Power down");
}

#[test]
fn a_machine_that_was_halted_stays_halted() {
    let outcome = armed("b2c.watchdog=10 b2c.shutdown_cmd=halt", "true")
        .timeout(Duration::from_secs(45))
        .spawn()
        .finish();
    outcome.expect("reboot: System halted");
    assert!(!outcome.exited, "it was reset");
}

#[test]
fn a_watchdog_of_software_is_used_where_it_was_loaded() {
    let script = format!("sh -c '{WAIT}; {STOP}'");
    let outcome = boot("--pid=host", &script).append("b2c.watchdog=10 modules_load=softdog").run();
    outcome.expect("softdog: Initiating system reboot").expect_no("Execution is over");
}

#[test]
fn a_container_can_have_the_watchdog() {
    let script = "sh -c 'cat /sys/class/watchdog/watchdog0/state; echo V >/dev/watchdog && echo mine'";
    let outcome = boot("", script).append("b2c.watchdog=off").qemu(HARDWARE).run();
    outcome.expect_line("inactive").expect_line("mine").expect_status(0);
}

#[test]
fn a_watchdog_that_cannot_be_stopped_is_fed_to_the_end() {
    let step = option("b2c.run", "", "sh -c 'sleep 20; cat /sys/class/watchdog/watchdog0/state'");
    let url = serve(format!("b2c.watchdog=off\n{step}\n"));
    let outcome = Boot::new(&format!("b2c.watchdog=10 i6300esb.nowayout=1 b2c.extra_args_url={url}"))
        .qemu(HARDWARE)
        .run();
    outcome.expect_status(0).expect("reboot: Power down");
}
