//! A busy container on a volume that is mirrored all the time, a store that goes away twice, and connections that are cut in between.
//!
//! `make churn` does it for five minutes; `B2C_CHURN` is for how many seconds, and `B2C_SEED` what happens.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use harness::Garage;
use mirror::Progress;
use mirror::continuous::{Continuous, Directions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::churn::Churn;
use support::cuts;
use support::volume::Volume;

const THREADS: u64 = 4;
const NAMES: u64 = 40;
/// Of all threads together: 10,000 a minute.
const PAUSE: Duration = Duration::from_millis(6);

#[test]
fn a_busy_volume_ends_up_in_the_bucket() {
    let time = Duration::from_secs(setting("B2C_CHURN", 20));
    let seed = setting("B2C_SEED", 1);
    let mut garage = Garage::start();
    let volume = Volume::new(&garage, &cuts::before(garage.port(), seed), "churn");
    let progress = Arc::new(Progress::default());
    let push = Directions { push: true, pull: false };
    let continuous = Continuous::start("churn", Arc::clone(&volume.mirror), push, Arc::clone(&progress));

    let operations = AtomicU64::new(0);
    thread::scope(|scope| {
        let (volume, operations) = (&volume, &operations);
        for thread in 0..THREADS {
            scope.spawn(move || churn(volume, seed * THREADS + thread, time, operations));
        }
        for _ in 0..2 {
            thread::sleep(time / 4);
            garage.stop();
            thread::sleep(time / 15);
            garage.start_again();
        }
    });

    let start = Instant::now();
    // Nothing was missed ...
    volume.eventually_has_all_files();
    let settled = start.elapsed();
    // ... and the end adds what is about empty folders.
    continuous.finish(Duration::from_secs(300)).unwrap();
    volume.is_mirrored();
    println!(
        "{} operations in {} s, {} files, links and empty folders at the end; {} pushed, {} deleted; equal {:.1} s after the last operation",
        operations.into_inner(),
        time.as_secs(),
        volume.count(),
        progress.files.load(Ordering::Relaxed),
        progress.removed.load(Ordering::Relaxed),
        settled.as_secs_f64()
    );
}

/// Counts what worked.
fn churn(volume: &Volume, seed: u64, time: Duration, operations: &AtomicU64) {
    let mut churn = Churn::new(volume.folder(), volume.outside.path(), NAMES, seed);
    let start = Instant::now();
    let pause = PAUSE * u32::try_from(THREADS).unwrap();
    for turn in 1.. {
        let next = pause * turn;
        if next > time {
            return;
        }
        while !churn.turn() {}
        operations.fetch_add(1, Ordering::Relaxed);
        thread::sleep(next.saturating_sub(start.elapsed()));
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}
