//! Twice as many machines at once as there are processors, across all test processes: at any time, half of them wait for something that does not come.

use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::thread;
use std::time::Duration;

/// The right to run one machine, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Locked; the kernel unlocks it even if the test is killed.
    _file: File,
}

impl Slot {
    /// Waits until one is free.
    pub fn take() -> Self {
        let folder =
            std::env::temp_dir().join(format!("b2c-machines-{}", rustix::process::getuid().as_raw()));
        fs::create_dir_all(&folder).unwrap();
        let count = 2 * thread::available_parallelism().unwrap().get();
        loop {
            for number in 0..count {
                let file = File::create(folder.join(number.to_string())).unwrap();
                if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    return Self { _file: file };
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
