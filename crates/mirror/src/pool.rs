//! Some threads that do what another one finds.

use crate::report::lock;
use std::sync::{Mutex, mpsc};
use std::thread;

/// Small files are bound by how long the store takes to answer, not by this machine.
const WORKERS: usize = 16;
/// TLS and HTTP need most of it.
const STACK: usize = 512 << 10;
/// What may be found ahead of the work: the memory that this takes does not grow with the count of files.
const AHEAD: usize = 64;

/// Does `work` with all that `feed` hands out; comes back when all is done. Threads are started as there is work for them.
pub(crate) fn run<T: Send>(work: impl Fn(T) + Sync, feed: impl FnOnce(&mut dyn FnMut(T))) {
    let (sender, receiver) = mpsc::sync_channel(AHEAD);
    let receiver = Mutex::new(receiver);
    let serve = || {
        loop {
            let next = lock(&receiver).recv();
            let Ok(job) = next else { break };
            work(job);
        }
    };
    thread::scope(|scope| {
        let mut started = 0;
        feed(&mut |job| {
            if started < WORKERS
                && thread::Builder::new().stack_size(STACK).spawn_scoped(scope, serve).is_ok()
            {
                started += 1;
            }
            if started == 0 {
                work(job);
            } else {
                // There is a thread that receives, and none ends before the sender does.
                let _ = sender.send(job);
            }
        });
        drop(sender);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn all_work_is_done_once() {
        let sum = AtomicU64::new(0);
        let add = |number: u64| {
            sum.fetch_add(number, Ordering::Relaxed);
        };
        run(add, |send| (1..=1000).for_each(send));
        assert_eq!(sum.into_inner(), 500_500);
        run(|()| unreachable!(), |_| ());
    }
}
