//! Mirrors that gave no connection: the steps of a pipeline do not wait for the same one again and again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Since when, by `host[:port]`.
static ABSENT: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

/// It gave no connection just now.
pub(super) fn remember(host: &str) {
    absent(|hosts| hosts.insert(host.to_owned(), Instant::now()));
}

/// Whether it gave none within that time.
pub(super) fn is_absent(host: &str, within: Duration) -> bool {
    absent(|hosts| hosts.get(host).is_some_and(|since| since.elapsed() < within))
}

/// There is nobody else, so it is worth asking again.
pub(super) fn forget(host: &str) {
    absent(|hosts| hosts.remove(host));
}

fn absent<T>(use_hosts: impl FnOnce(&mut BTreeMap<String, Instant>) -> T) -> T {
    use_hosts(&mut ABSENT.lock().unwrap_or_else(PoisonError::into_inner))
}
