//! Containers that misbehave, and machines that are small.

use crate::support::{boot, run};

#[test]
fn a_fork_bomb_stays_in_its_limit() {
    let bomb = "sh -c 'bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 2; exit 6'";
    boot("--pids-limit 64", bomb).append(&run("", "echo next")).run().expect_line("next").expect_status(6);
}

#[test]
fn out_of_memory_in_a_container_kills_that_container() {
    let eat = "sh -c 'tail /dev/zero'";
    let outcome = boot("--memory 32m", eat).append(&run("", "echo next")).run();
    outcome.expect_line("next").expect_status(137);
}

#[test]
fn fifty_megabytes_of_output_pass() {
    let outcome = boot(
        "",
        "sh -c 'yes 0123456789012345678901234567890123456789012345678 | head -n 1000000; echo the end'",
    )
    .timeout(std::time::Duration::from_secs(600))
    .run();
    outcome.expect_line("the end").expect_status(0);
    let count = outcome
        .lines
        .iter()
        .filter(|line| *line == "0123456789012345678901234567890123456789012345678")
        .count();
    assert_eq!(count, 1_000_000);
}

/// The memory floor that docs/performance.md promises.
#[test]
fn a_machine_of_96_megabytes_is_enough() {
    boot("", "echo small").memory("96M").run().expect_line("small").expect_status(0);
}

/// The size that docs/performance.md promises.
#[test]
fn the_initramfs_is_at_most_2_5_megabytes() {
    let bytes = std::fs::metadata(harness::dist().join("initramfs.linux_amd64.cpio.xz")).unwrap().len();
    assert!(bytes <= 2_500_000, "{bytes} bytes");
}
