//! The kernel's limits for inotify, which are for all of a user together: containers use it too.

use std::fs;

const QUEUE: usize = 65_536;

/// Raises what is too low for `folders` watches and some others, as far as that is allowed. Gives the length of a new queue.
pub(super) fn raise(folders: usize) -> usize {
    at_least("max_user_instances", 1024);
    at_least("max_user_watches", 4 * folders);
    at_least("max_queued_events", QUEUE)
}

/// Gives what it is then.
fn at_least(name: &str, wanted: usize) -> usize {
    let file = format!("/proc/sys/fs/inotify/{name}");
    let read = || fs::read_to_string(&file).ok()?.trim().parse().ok();
    let now = read().unwrap_or(0);
    if now >= wanted {
        return now;
    }
    match fs::write(&file, wanted.to_string()) {
        Ok(()) => wanted,
        Err(error) => {
            log::debug!("{file} stays at {now}: {error}");
            now
        }
    }
}
