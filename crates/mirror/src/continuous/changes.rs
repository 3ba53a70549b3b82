//! What stands between the thread that reads changes and the one that works on them.

use super::dirty::Dirty;
use crate::report::lock;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Work {
    Push(Vec<PathBuf>),
    Pull,
}

#[derive(Debug, Default)]
pub(super) struct Changes {
    state: Mutex<State>,
    /// Something that a waiting worker does not know of.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    dirty: Dirty,
    stopped: bool,
}

impl Changes {
    pub(super) fn add(&self, path: PathBuf) {
        if lock(&self.state).dirty.add(path, Instant::now()) {
            self.news.notify_one();
        }
    }

    /// What has changed until now and was not tried since, settled or not.
    pub(super) fn take_news(&self) -> Vec<PathBuf> {
        lock(&self.state).dirty.take_news(Instant::now())
    }

    /// For what was tried and is not done.
    pub(super) fn put_back(&self, paths: Vec<PathBuf>) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        paths.into_iter().for_each(|path| state.dirty.put_back(path, now));
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.news.notify_one();
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }

    /// Waits for something to do. `None`: to stop. A pull is not kept waiting by pushes without end.
    pub(super) fn next(&self, pull: Option<Instant>) -> Option<Work> {
        let mut state = lock(&self.state);
        while !state.stopped {
            let now = Instant::now();
            if pull.is_some_and(|pull| pull <= now) {
                return Some(Work::Pull);
            }
            let due = state.dirty.take(now);
            if !due.is_empty() {
                return Some(Work::Push(due));
            }
            let wake = [state.dirty.due(), pull].into_iter().flatten().min();
            state = self.wait(state, wake.map(|wake| wake.saturating_duration_since(now)));
        }
        None
    }

    /// Waits for nothing but the end.
    pub(super) fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        let mut state = lock(&self.state);
        while !state.stopped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.wait(state, Some(left));
        }
    }

    /// The nearest path, at or above `path`, or else one below it, that is to be pushed.
    pub(super) fn concerning(&self, path: &Path) -> Option<PathBuf> {
        lock(&self.state).dirty.concerning(path)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Option<Duration>) -> MutexGuard<'a, State> {
        match time {
            Some(time) => self.news.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}
