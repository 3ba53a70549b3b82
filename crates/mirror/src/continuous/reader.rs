//! The thread that reads what changes.

use super::changes::Changes;
use crate::report::lock;
use crate::watch::Watch;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How often everything is looked at while some folders cannot be watched.
const RESCAN: Duration = Duration::from_secs(30);
/// Events that come together are read together: a busy container is not interrupted for each of its writes, and the kernel folds some.
const GATHER: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Reader {
    name: String,
    watch: Mutex<Watch>,
    changes: Arc<Changes>,
    /// Ends a wait.
    wake: OwnedFd,
}

impl Reader {
    pub(super) fn new(name: &str, folder: OwnedFd, changes: Arc<Changes>) -> std::io::Result<Reader> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let watch = Mutex::new(Watch::new(folder));
        Ok(Reader { name: name.to_owned(), watch, changes, wake })
    }

    pub(super) fn run(&self) {
        let mut rescan: Option<Instant> = None;
        while !self.changes.is_stopped() {
            let (inotify, blind_spot) = self.catch_up();
            rescan = blind_spot.map(|blind_spot| self.rescan(rescan, &blind_spot));
            self.wait(inotify.as_deref().unwrap_or(&self.wake), rescan);
        }
    }

    /// Looks at everything if it is time for that; gives the next time.
    fn rescan(&self, time: Option<Instant>, blind_spot: &str) -> Instant {
        let now = Instant::now();
        match time {
            Some(time) if time > now => return time,
            Some(_) => self.changes.add(PathBuf::new()),
            None => log::warn!(
                "not all folders of {} can be watched, so all of it is looked at every {} s ({blind_spot})",
                self.name,
                RESCAN.as_secs()
            ),
        }
        now + RESCAN
    }

    /// All that has happened until now is in the list of changes then. Gives what to wait for, and what is not watched.
    pub(super) fn catch_up(&self) -> (Option<Arc<OwnedFd>>, Option<String>) {
        let mut watch = lock(&self.watch);
        let before = watch.inotify();
        watch.read(&mut |path| self.changes.add(path));
        let inotify = watch.inotify();
        if inotify.as_ref().map(Arc::as_ptr) != before.as_ref().map(Arc::as_ptr) {
            // The thread may be waiting for the old one.
            self.wake();
        }
        (inotify, watch.blind_spot().map(str::to_owned))
    }

    /// Whether the folder's own version of `path` has to stay, because it has not been pushed yet: a pull must neither bring back what was deleted here, nor
    /// delete or replace what is new here.
    pub(super) fn keeps(&self, path: &Path) -> bool {
        self.catch_up();
        match self.changes.concerning(path) {
            None => false,
            // A new folder may be one that the pull itself has made: it is to be filled.
            Some(above) if above != path && path.starts_with(&above) => {
                let watch = lock(&self.watch);
                watch.has(path) || !watch.has(&above)
            }
            Some(_) => true,
        }
    }

    pub(super) fn wake(&self) {
        // It can only fail because it is awake already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn wait(&self, inotify: &OwnedFd, until: Option<Instant>) {
        let time = until.map(|until| until.saturating_duration_since(Instant::now()));
        let time = time.map(|time| Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let mut waited = [PollFd::new(&self.wake, PollFlags::IN), PollFd::new(inotify, PollFlags::IN)];
        // Whether it was woken, by what, or could not wait is seen by looking.
        let _ = poll(&mut waited, time.as_ref());
        let _ = rustix::io::read(&self.wake, &mut [0_u8; 8]);
        if !self.changes.is_stopped() {
            thread::sleep(GATHER);
        }
    }
}
