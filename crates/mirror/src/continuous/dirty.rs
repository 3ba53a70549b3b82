//! Paths that have to be looked at, and when.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What changed is left alone until nothing has happened to it for so long ...
const QUIET: Duration = Duration::from_secs(1);
/// ... or something has happened to it all the time for so long.
const LATEST: Duration = Duration::from_secs(30);
/// More paths become one, the folder itself. Each has at most 1.3 kB, and is much shorter usually.
const MAX_PATHS: usize = 10_000;

/// A path stands for all that is below it.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    paths: BTreeMap<PathBuf, Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    first: Instant,
    last: Instant,
}

impl Times {
    fn due(self) -> Instant {
        (self.last + QUIET).min(self.first + LATEST)
    }
}

impl Dirty {
    /// A folder does not wait until all is quiet in it: what changes after it was taken comes here by itself. Says whether something may be due
    /// earlier now.
    pub(super) fn add(&mut self, path: PathBuf, now: Instant) -> bool {
        if let Some(times) = self.paths.get_mut(&path) {
            let before = times.due();
            times.last = now;
            times.due() < before
        } else if self.covering(&path).is_none() {
            self.insert(path, Times { first: now, last: now });
            true
        } else {
            false
        }
    }

    /// For what was tried: if it changed meanwhile, it is here already, or will be soon. Else there is something wrong with it, and it is tried again at leisure.
    pub(super) fn put_back(&mut self, path: PathBuf, now: Instant) {
        if self.covering(&path).is_none() {
            self.insert(path, Times { first: now, last: now + LATEST });
        }
    }

    fn insert(&mut self, path: PathBuf, mut times: Times) {
        while let Some(below) = self.first_below(&path) {
            times.first = self.paths.remove(&below).map_or(times.first, |old| old.first.min(times.first));
        }
        self.paths.insert(path, times);
        if self.paths.len() > MAX_PATHS {
            self.paths.clear();
            self.paths.insert(PathBuf::new(), times);
        }
    }

    /// Those that are due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<PathBuf> {
        let due = self.paths.extract_if(.., |_, times| times.due() <= now);
        due.map(|(path, _)| path).collect()
    }

    /// Those that were not put back, due or not.
    pub(super) fn take_news(&mut self, now: Instant) -> Vec<PathBuf> {
        let news = self.paths.extract_if(.., |_, times| times.last <= now || times.due() <= now);
        news.map(|(path, _)| path).collect()
    }

    /// When the first one will be due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.paths.values().map(|times| times.due()).min()
    }

    /// The nearest path in it, at or above `path`, or else one below.
    pub(super) fn concerning(&self, path: &Path) -> Option<PathBuf> {
        self.covering(path).map(Path::to_owned).or_else(|| self.first_below(path))
    }

    fn covering<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.ancestors().find(|above| self.paths.contains_key(*above))
    }

    /// The order of paths is that of their components, so what is below a path comes right after it.
    fn first_below(&self, path: &Path) -> Option<PathBuf> {
        let after = (Bound::Excluded(path), Bound::Unbounded);
        let (next, _) = self.paths.range::<Path, _>(after).next()?;
        next.starts_with(path).then(|| next.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirty(paths: &[&str]) -> Dirty {
        let mut dirty = Dirty::default();
        for path in paths {
            dirty.add(PathBuf::from(path), Instant::now());
        }
        dirty
    }

    fn paths(dirty: &Dirty) -> Vec<&str> {
        dirty.paths.keys().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn a_folder_covers_what_is_below() {
        assert_eq!(paths(&dirty(&["a/b", "a/b", "a-b", "a/c/d", "b"])), ["a/b", "a/c/d", "a-b", "b"]);
        assert_eq!(paths(&dirty(&["a/b", "a-b", "a.b", "a/c/d", "b", "a"])), ["a", "a-b", "a.b", "b"]);
        assert_eq!(paths(&dirty(&["a", "a/b", "a-b"])), ["a", "a-b"]);
        assert_eq!(paths(&dirty(&["a", "b/c", ""])), [""]);
        assert_eq!(paths(&dirty(&["", "a"])), [""]);
    }

    #[test]
    fn too_many_are_everything() {
        let mut dirty = Dirty::default();
        let now = Instant::now();
        for i in 0..MAX_PATHS {
            dirty.add(PathBuf::from(i.to_string()), now);
        }
        assert_eq!(dirty.paths.len(), MAX_PATHS);
        dirty.add(PathBuf::from("one more"), now);
        assert_eq!(paths(&dirty), [""]);
    }

    #[test]
    fn what_is_quiet_is_due_and_what_is_busy_later() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.add(PathBuf::from("quiet"), start);
        dirty.add(PathBuf::from("busy"), start);
        let mut now = start;
        while now < start + LATEST {
            dirty.add(PathBuf::from("busy"), now);
            let due = dirty.take(now);
            assert!(!due.contains(&PathBuf::from("busy")));
            assert_eq!(due.contains(&PathBuf::from("quiet")), now == start + QUIET);
            now += QUIET / 4;
        }
        assert_eq!(dirty.take(now), [PathBuf::from("busy")]);
        assert_eq!(dirty.due(), None);
    }

    #[test]
    fn a_folder_does_not_wait_for_what_is_in_it() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.add(PathBuf::new(), start);
        dirty.add(PathBuf::from("busy"), start + QUIET);
        assert_eq!(dirty.take(start + QUIET), [PathBuf::new()]);
        assert_eq!(dirty.due(), None);
    }

    #[test]
    fn what_was_tried_waits_until_it_changes() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.put_back(PathBuf::from("bad"), start);
        dirty.put_back(PathBuf::from("busy"), start);
        dirty.add(PathBuf::from("busy"), start);
        dirty.put_back(PathBuf::from("busy"), start);
        assert_eq!(dirty.take(start + QUIET), [PathBuf::from("busy")]);
        assert_eq!(dirty.due(), Some(start + LATEST));
    }

    #[test]
    fn what_changed_is_news_and_what_was_tried_is_not() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.put_back(PathBuf::from("bad"), start);
        dirty.add(PathBuf::from("new"), start);
        assert_eq!(dirty.take_news(start), [PathBuf::from("new")]);
        assert_eq!(paths(&dirty), ["bad"]);
    }

    /// Whoever waits for what was tried must not wait as long for what is new.
    #[test]
    fn what_is_due_earlier_than_what_was_tried_is_told() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.put_back(PathBuf::from("bad"), start);
        assert!(dirty.add(PathBuf::from("new"), start));
        assert!(!dirty.add(PathBuf::from("new"), start + QUIET / 2));
        assert!(dirty.add(PathBuf::from("bad"), start));
    }

    #[test]
    fn a_folder_is_as_old_as_what_it_covers() {
        let (mut dirty, start) = (Dirty::default(), Instant::now());
        dirty.add(PathBuf::from("a/b"), start);
        dirty.add(PathBuf::from("a"), start + LATEST);
        assert_eq!(dirty.due(), Some(start + LATEST));
    }
}
