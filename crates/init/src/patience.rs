//! Patience with what may hang in the kernel: a file server or a disk that went away must not keep the machine up.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// For how long nothing may be written back before a disk counts as lost. A slow one is waited for as long as it takes.
const STANDSTILL: Duration = Duration::from_secs(30);
/// Between two looks at what is left.
const LOOK: Duration = Duration::from_secs(1);
/// The work makes system calls only.
const STACK: usize = 64 << 10;

/// Writes everything back and unmounts or whatever else `work` does with disks, in a thread that is left alone once it stands still. `false`: it did.
/// `waiting` is called now and then meanwhile.
pub fn write_back(work: impl FnOnce() + Send + 'static, mut waiting: impl FnMut()) -> bool {
    let (done, end) = mpsc::channel();
    let worker = move || {
        work();
        // Nobody may listen any more.
        let _ = done.send(());
    };
    if thread::Builder::new().stack_size(STACK).spawn(worker).is_err() {
        // Without memory for a thread, the machine goes down with what has been written so far.
        return false;
    }
    let mut left = unwritten();
    let mut moved = Instant::now();
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        waiting();
        let now = unwritten();
        if now < left {
            moved = Instant::now();
        }
        left = now;
        if moved.elapsed() > STANDSTILL {
            return false;
        }
    }
    true
}

/// Kilobytes that wait to be written to disks, as far as the kernel says (proc_meminfo(5)).
fn unwritten() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    let waiting = ["Dirty:", "Writeback:", "NFS_Unstable:"];
    text.lines().filter(|line| waiting.iter().any(|name| line.starts_with(name))).filter_map(field).sum()
}
