//! The parts of one large file, several at once.

use crate::error::Error;
use net::patience::Cancel;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Enough to keep a server busy that is some milliseconds away; more cost only memory.
const AT_ONCE: u64 = 4;
/// Enough for TLS and hashing; pages that are not used cost nothing.
const STACK: usize = 512 << 10;

/// Does `work` for each number below `count`. The first failure ends all, and is the result.
pub(crate) fn each(
    count: u64,
    cancel: &Cancel,
    work: impl Fn(u64) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let next = AtomicU64::new(0);
    let failure = Mutex::new(None);
    let worker = || {
        while !cancel.is_cancelled() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            if let Err(error) = work(number) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                cancel.cancel();
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(count) {
            let thread = thread::Builder::new().name("s3-part".into()).stack_size(STACK);
            // Without it there is one less.
            if let Err(e) = thread.spawn_scoped(scope, worker) {
                log::debug!("no thread for a part: {e}");
            }
        }
        worker();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
