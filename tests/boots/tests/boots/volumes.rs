//! The life of volumes on a cache drive: kept, expired, encrypted. What is on the drive when the machine is off is looked at from outside.

use crate::cache::disks::Disk;
use crate::support::run;
use harness::{Boot, Outcome};
use std::time::Duration;

/// 64 bytes as base64.
const KEY: &str = "c2l4dHktZm91ciBieXRlcyB0aGF0IGVuY3J5cHQgYSB2b2x1bWUgb2YgdGhlIHRlc3RzLCBhbmQgbm8gbW9yZQ==";
const OTHER_KEY: &str =
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";

/// By its name, because no other is waited for then.
fn boot(disk: &Disk, words: &str) -> Boot {
    Boot::new(&format!("b2c.cache_device=/dev/vda {words}")).qemu(disk.arguments())
}

/// A step that names the volumes that are there.
fn list() -> String {
    run("-v /container/volumes:/v", "sh -c 'cd /v; echo volumes: *'")
}

fn place(outcome: &Outcome, text: &str) -> usize {
    outcome.console.find(text).unwrap_or_else(|| panic!("{text:?} is missing:\n{}", outcome.tail()))
}

#[test]
fn a_volume_of_one_pipeline_goes_after_the_status_line() {
    let disk = Disk::empty("1G");
    let write = run("-v job:/j -v perm:/p -v fly:/f", "sh -c 'echo x | tee /j/a /p/a > /f/a'");
    let first = boot(&disk, &format!("b2c.volume=job,expiration=pipeline_end b2c.volume=perm {write}")).run();
    let removed = place(&first, "Removing the volume job, which has expired: pipeline_end");
    assert!(place(&first, "Execution is over, pipeline status: 0") < removed);
    first.expect_no("the volume perm").expect_no("the volume fly").expect_status(0);
    let second = boot(&disk, &format!("b2c.volume=perm,expiration=pipeline_end {}", list())).run();
    second.expect_line("volumes: fly perm").expect_status(0);
    second.expect("WARNING: b2c.volume=perm: it is there already, and when it expires was decided when it was made: never");
    second.expect_no("Removing the volume");
    disk.expect_clean_cache(1);
}

#[test]
fn after_a_power_cut_it_goes_at_the_next_start() {
    let disk = Disk::empty("1G");
    let volumes = "b2c.volume=job,expiration=pipeline_end b2c.volume=perm";
    let write =
        run("-v job:/j -v perm:/p", "sh -c 'echo x | tee /j/a > /p/a; sync; echo writ''ten; sleep 1000'");
    let mut vm = boot(&disk, &format!("{volumes} {write}")).spawn();
    vm.wait_for("written\r\n", Duration::from_secs(150));
    vm.kill();
    let next =
        boot(&disk, &format!("{volumes} {}", run("-v job:/j -v perm:/p", "sh -c 'echo in: /j/* /p/*'")))
            .run();
    assert!(place(&next, "Removing the volume job") < place(&next, "Starting the pipeline"));
    next.expect_line("in: /j/* /p/a").expect_status(0);
}

#[test]
fn dates_are_looked_at_when_a_boot_begins_and_only_if_the_clock_is_set() {
    let disk = Disk::empty("1G");
    let volumes = "b2c.volume=day,expiration=1d b2c.volume=date,expiration=2027-06-01";
    boot(&disk, &format!("{volumes} {}", list())).clock("2027-01-01T00:00:00").run().expect_status(0);
    let long_ago = boot(&disk, &list()).clock("1980-01-01T00:00:00").run();
    long_ago.expect("The volume day stays: the clock is not set, and it expires by date");
    long_ago.expect_line("volumes: date day").expect_status(0);
    let later = boot(&disk, &list()).clock("2027-01-03T00:00:00").run();
    later.expect("Removing the volume day").expect_line("volumes: date").expect_status(0);
    let last = boot(&disk, &list()).clock("2027-06-01T00:00:01").run();
    last.expect("Removing the volume date").expect_line("volumes: *").expect_status(0);
}

fn encrypted(key: &str) -> String {
    format!("b2c.volume=secret,fscrypt_key={key}")
}

/// Leaves a file that is called `name-MARK` and says `content-MARK`.
fn leave(volume: &str, mark: &str) -> String {
    run(&format!("-v {volume}:/s"), &format!("sh -c 'echo content-{mark} > /s/name-{mark}'"))
}

fn look() -> String {
    run("-v secret:/s", "sh -c 'echo in: /s/*; cat /s/*'")
}

#[test]
fn an_encrypted_volume_is_read_with_its_key_only() {
    let disk = Disk::empty("1G");
    let words = format!("{} {} {}", encrypted(KEY), leave("secret", "sesame"), leave("plain", "daylight"));
    boot(&disk, &words).run().expect_status(0).expect_no(KEY);
    disk.expect_clean_cache(1);
    assert!(disk.holds("name-daylight") && disk.holds("content-daylight"), "what is not encrypted is found");
    assert!(!disk.holds("name-sesame") && !disk.holds("content-sesame") && !disk.holds(KEY));
    let names = disk.debugfs(1, "ls -p /volumes/secret/_data");
    assert!(names.lines().count() >= 3 && !names.contains("sesame"), "{names}");

    let with_key = boot(&disk, &format!("{} {}", encrypted(KEY), look())).run();
    with_key.expect_line("in: /s/name-sesame").expect_line("content-sesame").expect_status(0);
    with_key.expect_no("The key of an encrypted volume").expect_no("stays readable");
    let wrong = boot(&disk, &format!("{} {}", encrypted(OTHER_KEY), look())).run();
    wrong.expect("ERROR: b2c.volume=secret: fscrypt_key is wrong").expect_no("\nin: ").expect_status(1);
    let none = boot(&disk, &format!("b2c.volume=secret {}", look())).run();
    none.expect("ERROR: b2c.volume=secret: the volume secret is encrypted, and its key is not given");
    none.expect_no("\nin: ").expect_status(1);
    let on_the_fly = boot(&disk, &look()).run();
    on_the_fly.expect("the volume secret is encrypted, and its key is not given").expect_no("\nin: ");
    on_the_fly.expect_status(1);
    disk.expect_clean_cache(1);
}

#[test]
fn what_has_no_key_or_another_one_is_wiped_when_that_is_asked_for() {
    let disk = Disk::empty("1G");
    boot(&disk, &leave("secret", "daylight")).run().expect_status(0);
    let wiped = boot(&disk, &format!("{} {}", encrypted(KEY), leave("secret", "sesame"))).run();
    wiped.expect("The volume secret is not encrypted yet: wiping what it holds").expect_status(0);
    let words = format!("{},fscrypt_reset_key", encrypted(OTHER_KEY));
    let reset = boot(&disk, &format!("{words} {}", run("-v secret:/s", "sh -c 'echo in: /s/*'"))).run();
    reset.expect("The volume secret is encrypted with another key: wiping what it holds");
    reset.expect_line("in: /s/*").expect_status(0);
    let again = boot(&disk, &format!("{words} {}", look())).run();
    again.expect_no("wiping").expect_status(1);
    disk.expect_clean_cache(1);
}

#[test]
fn what_cannot_encrypt_runs_nothing() {
    let disk = Disk::partitioned("1G", &[""]);
    disk.on_partition(1, "mkfs.xfs -q -L B2C_CACHE");
    let words = format!("{} {}", encrypted(KEY), look());
    for outcome in [boot(&disk, &words).run(), Boot::new(&words).run()] {
        outcome.expect("ERROR: b2c.volume=secret: fscrypt_key: what the volume is on cannot encrypt");
        outcome.expect_no("\nin: ").expect_no(KEY).expect_status(1);
    }
}
