//! Machines of a farm, that boot one job after the other from the same drive: every boot reaches its status line, and behaves like the first.
//!
//! `B2C_BOOTS` says how many boots there are in all.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::{Boot, Farm, Image, Outcome, Registry};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Every test run does that many.
const BOOTS: u32 = 6;
/// Machines at once.
const MACHINES: usize = 2;

/// A step that counts in a volume, one whose status the machine has to end with, a post container, and the shutdown command.
fn job(number: u32) -> String {
    let (status, image) = (number % 3, "ci-gateway:8002/busybox:loop");
    let flags = "--tls-verify=false -v counts:/counts";
    format!(
        "b2c.cache_device=auto b2c.ntp_peer=ci-gateway b2c.hostname=dut-{number} b2c.pipefail \
         b2c.run=\"{flags} {image} sh -c 'echo >> /counts/boots; echo boots: $(wc -l < /counts/boots)'\" \
         b2c.run=\"-ti {flags} {image} sh -c 'hostname; exit {status}'\" \
         b2c.post_container=\"{flags} {image} echo reaped\" \
         b2c.shutdown_cmd=\"echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; poweroff -f\""
    )
}

/// What is wrong with a boot that should have been like all the others.
fn complaint(outcome: &Outcome, number: u32, boots_of_this_machine: u32) -> Option<String> {
    let status = number % 3;
    let is_there = |line: String| (!outcome.has_line(&line)).then(|| format!("no line {line:?}"));
    if !outcome.exited {
        return Some("it does not end".into());
    }
    if outcome.status() != Some(u8::try_from(status).unwrap()) {
        return Some(format!("its status is {:?}, not {status}", outcome.status()));
    }
    is_there(format!("boots: {boots_of_this_machine}"))
        .or_else(|| is_there(format!("dut-{number}")))
        .or_else(|| is_there("reaped".into()))
        .or_else(|| is_there(format!("JOB_RESULT={status}")))
        .or_else(|| {
            (!outcome.console.contains("reboot: Power down")).then(|| "it was not switched off".into())
        })
}

/// Boots until there are enough boots; gives the consoles of those that were not as they should be.
fn work(boots: &AtomicU32, wanted: u32) -> Vec<String> {
    let farm = Farm::new(&["ci-gateway"]);
    farm.forward(8002, Registry::shared().port());
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(1 << 30).unwrap();
    let mut failures = Vec::new();
    for boots_of_this_machine in 1.. {
        let number = boots.fetch_add(1, Ordering::Relaxed);
        if number >= wanted {
            break;
        }
        let outcome = Boot::new(&job(number)).inside(&farm).disk(disk.path()).spawn().finish();
        if let Some(complaint) = complaint(&outcome, number, boots_of_this_machine) {
            println!("boot {number}: {complaint}");
            failures.push(format!("boot {number}: {complaint}\n{}", outcome.console));
        }
        if number % 50 == 49 {
            println!("{} boots", number + 1);
        }
    }
    failures
}

#[test]
fn every_boot_is_like_the_first() {
    let wanted = std::env::var("B2C_BOOTS").map_or(BOOTS, |count| count.parse().unwrap());
    Image::busybox().push(Registry::shared(), "busybox:loop");
    let boots = AtomicU32::new(0);
    let failures: Vec<String> = thread::scope(|scope| {
        let machine = || scope.spawn(|| work(&boots, wanted));
        let machines: Vec<_> = (0..MACHINES).map(|_| machine()).collect();
        machines.into_iter().flat_map(|machine| machine.join().unwrap()).collect()
    });
    let count = failures.len();
    assert!(
        failures.is_empty(),
        "{count} of {wanted} boots are not like the first:\n{}",
        failures.join("\n\n")
    );
}
