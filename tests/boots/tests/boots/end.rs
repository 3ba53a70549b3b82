//! How machines end: power-off, reboot, the user's last command, and the ends that nobody planned.

use crate::support::{boot, run};
use harness::Boot;

#[test]
fn the_kernel_has_the_last_word() {
    let outcome = boot("", "true").run();
    outcome.expect("]: It's now safe to turn off your computer\r\n");
    let last = outcome.lines.iter().rfind(|line| !line.is_empty()).unwrap();
    assert!(last.starts_with('[') && last.ends_with("reboot: Power down"), "{last}");
}

#[test]
fn no_container_at_all_is_a_success() {
    let outcome = Boot::new("").no_network().run();
    outcome.expect("Execution is over, pipeline status: 0").expect_status(0);
}

#[test]
fn a_container_reboots_the_machine() {
    let outcome =
        boot("", "reboot -f").append(&run("", "sh -c 'echo mode: $B2C_PIPELINE_SHUTDOWN_MODE'")).run();
    outcome.expect_line("mode: reboot").expect("]: Rebooting the computer\r\n").expect_no("safe to turn off");
    outcome.expect("reboot: Restarting system").expect_status(129);
}

#[test]
fn a_container_powers_the_machine_off() {
    let outcome = boot("", "poweroff -f").run();
    outcome.expect("It's now safe to turn off your computer").expect("reboot: Power down").expect_status(130);
}

#[test]
fn there_is_time_between_the_safe_line_and_the_power_off() {
    let outcome = boot("", "true").append("b2c.poweroff_delay=3").run();
    let time = |text: &str| -> f64 {
        let line = outcome.lines.iter().find(|line| line.contains(text)).unwrap();
        line.trim_start_matches('[').split(']').next().unwrap().trim().parse().unwrap()
    };
    let (safe, off) = (time("It's now safe to turn off your computer"), time("reboot: Power down"));
    // Our lines have the time since boot, the kernel's have its scheduler's: two clocks, which drift apart by some hundredths.
    assert!(off - safe >= 2.5, "{safe} {off}");
}

#[test]
fn a_reboot_does_not_wait() {
    // Longer than the test may take.
    let outcome = boot("", "reboot -f").append("b2c.poweroff_delay=100000").run();
    outcome.expect("reboot: Restarting system").expect_status(129);
}

#[test]
fn the_shutdown_command_knows_the_result() {
    let outcome = boot("", "sh -c 'exit 7'")
        .append(r#"b2c.shutdown_cmd="echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; sleep 0; sync; reboot -f""#)
        .run();
    outcome.expect_line("JOB_RESULT=7").expect("reboot: Restarting system");
}

#[test]
fn the_reboot_command_replaces_the_reboot() {
    let outcome = boot("", "reboot -f").append(r#"b2c.reboot_cmd="echo staying off; poweroff -f""#).run();
    outcome.expect_line("staying off").expect("reboot: Power down");
}

#[test]
fn a_boot_process_that_is_killed_ends_in_a_power_off() {
    let outcome = boot("--pid=host", "sh -c 'kill -KILL $(pidof b2c-boot); sleep 60'").run();
    outcome.expect("ERROR: The boot process ended unexpectedly: killed by signal 9");
    outcome.expect("reboot: Power down").expect_status(1);
}

#[test]
fn the_shim_that_is_killed_takes_its_container_with_it() {
    let outcome = boot("--pid=host", "sh -c 'kill -KILL $(pidof b2c-container); sleep 60'").run();
    outcome.expect("reboot: Power down");
    assert_ne!(outcome.status(), Some(0));
}
