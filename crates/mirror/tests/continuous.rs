//! A mirror that is kept all the time. The other side is a folder too, which can be away.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use mirror::continuous::{Continuous, Directions, Sides};
use mirror::{Error, Progress};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::churn::Churn;
use support::{Item, Tree, assert_same, tree};
use tempfile::TempDir;

const BOTH: Directions = Directions { push: true, pull: true };
const PUSH: Directions = Directions { push: true, pull: false };

/// A folder, and a bucket that is a folder, with everything overwritten and removed that differs.
struct Folders {
    folder: TempDir,
    bucket: TempDir,
    is_away: AtomicBool,
    /// How often a store that was away was asked for something.
    in_vain: AtomicUsize,
    /// How often everything was pushed.
    full: AtomicUsize,
}

impl Folders {
    fn new() -> Arc<Folders> {
        let (folder, bucket) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let is_away = AtomicBool::new(false);
        Arc::new(Folders { folder, bucket, is_away, in_vain: AtomicUsize::new(0), full: AtomicUsize::new(0) })
    }

    fn start(self: &Arc<Self>, directions: Directions) -> Continuous {
        let folder = OwnedFd::from(File::open(self.folder.path()).unwrap());
        let sides: Arc<dyn Sides> = Arc::<Folders>::clone(self);
        Continuous::start("the volume test", sides, folder, directions, Arc::default())
    }

    fn check(&self) -> Result<(), Error> {
        if !self.is_away.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.in_vain.fetch_add(1, Ordering::Relaxed);
        Err(s3::Error::NotYet.into())
    }

    fn folder(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn bucket(&self, path: &str) -> PathBuf {
        self.bucket.path().join(path)
    }

    #[track_caller]
    fn are_same(&self) {
        assert_same(&tree(self.folder.path()), &tree(self.bucket.path()), "the folder and the bucket");
    }
}

impl Sides for Folders {
    fn push(&self, _: &Progress) -> Result<(), Error> {
        self.check()?;
        self.full.fetch_add(1, Ordering::Relaxed);
        copy(self.folder.path(), self.bucket.path(), Path::new(""));
        Ok(())
    }

    fn push_paths(&self, paths: &[PathBuf], _: &Progress) -> Result<Vec<PathBuf>, Error> {
        self.check()?;
        paths.iter().for_each(|path| copy(self.folder.path(), self.bucket.path(), path));
        Ok(Vec::new())
    }

    fn pull(&self, keep: &(dyn Fn(&Path) -> bool + Sync), _: &Progress) -> Result<(), Error> {
        self.check()?;
        let (bucket, folder) = (tree(self.bucket.path()), tree(self.folder.path()));
        // What is below comes first.
        for path in folder.keys().rev().filter(|path| !bucket.contains_key(*path)) {
            if !keep(path) {
                remove(&self.folder.path().join(path));
            }
        }
        for (path, item) in bucket.iter().filter(|(path, item)| folder.get(*path) != Some(item)) {
            if !keep(path) {
                make(self.folder.path(), path, item);
            }
        }
        Ok(())
    }
}

/// Makes what is at `path` the same, and all below.
fn copy(from: &Path, to: &Path, path: &Path) {
    let mut source = Tree::new();
    support::look(from, path, &mut source);
    let mut target = Tree::new();
    support::look(to, path, &mut target);
    for gone in target.keys().rev().filter(|path| target.get(*path) != source.get(*path)) {
        remove(&to.join(gone));
    }
    for (path, item) in source.iter().filter(|(path, item)| target.get(*path) != Some(item)) {
        make(to, path, item);
    }
}

/// A folder only if it is empty.
fn remove(path: &Path) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
}

fn make(root: &Path, path: &Path, item: &Item) {
    let full = root.join(path);
    // As keys have it, a folder is there as soon as something is in it.
    for above in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
        let above = root.join(above);
        if !above.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            let _ = fs::remove_file(&above);
            fs::create_dir(&above).unwrap();
        }
    }
    let _ = match item {
        Item::Folder => fs::create_dir(full),
        Item::File(content) => fs::write(full, content),
        Item::Link(target) => std::os::unix::fs::symlink(target, full),
    };
}

/// Waits for what has to come sooner or later.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not after a minute");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_there_and_what_changes_is_pushed() {
    let folders = Folders::new();
    fs::write(folders.folder("early"), "").unwrap();
    let mirror = folders.start(PUSH);
    eventually("the first push", || folders.bucket("early").exists());
    fs::create_dir_all(folders.folder("a/b")).unwrap();
    fs::write(folders.folder("a/b/late"), "late").unwrap();
    fs::remove_file(folders.folder("early")).unwrap();
    eventually("a new file", || fs::read(folders.bucket("a/b/late")).is_ok_and(|content| content == b"late"));
    eventually("a removed file", || !folders.bucket("early").exists());
    assert_eq!(folders.full.load(Ordering::Relaxed), 1);
    mirror.finish(Duration::ZERO).unwrap();
    assert_eq!(folders.full.load(Ordering::Relaxed), 2);
    folders.are_same();
}

#[test]
fn the_end_pushes_what_has_not_settled() {
    let folders = Folders::new();
    let mirror = folders.start(PUSH);
    fs::write(folders.folder("file"), "").unwrap();
    mirror.finish(Duration::ZERO).unwrap();
    folders.are_same();
}

#[test]
fn nothing_is_forgotten_while_the_store_is_away() {
    let folders = Folders::new();
    let mirror = folders.start(PUSH);
    eventually("the first push", || folders.full.load(Ordering::Relaxed) == 1);
    folders.is_away.store(true, Ordering::Relaxed);
    fs::write(folders.folder("first"), "").unwrap();
    eventually("a push in vain", || folders.in_vain.load(Ordering::Relaxed) > 0);
    fs::write(folders.folder("second"), "").unwrap();
    eventually("another one", || folders.in_vain.load(Ordering::Relaxed) > 1);
    folders.is_away.store(false, Ordering::Relaxed);
    eventually("the first", || folders.bucket("first").exists());
    eventually("the second", || folders.bucket("second").exists());
    drop(mirror);
}

#[test]
fn the_end_waits_for_the_store_and_not_for_ever() {
    let folders = Folders::new();
    let mirror = folders.start(PUSH);
    folders.is_away.store(true, Ordering::Relaxed);
    fs::write(folders.folder("file"), "").unwrap();
    let finish = thread::spawn(move || mirror.finish(Duration::from_secs(600)));
    eventually("an end in vain", || folders.in_vain.load(Ordering::Relaxed) > 1);
    folders.is_away.store(false, Ordering::Relaxed);
    finish.join().unwrap().unwrap();
    folders.are_same();

    let mirror = folders.start(PUSH);
    folders.is_away.store(true, Ordering::Relaxed);
    assert!(mirror.finish(Duration::ZERO).is_err());
}

#[test]
fn both_directions_do_not_fight() {
    let folders = Folders::new();
    fs::create_dir(folders.bucket("there")).unwrap();
    fs::write(folders.bucket("there/1"), "").unwrap();
    fs::write(folders.bucket("there/2"), "").unwrap();
    fs::write(folders.folder("here"), "").unwrap();
    let mirror = folders.start(BOTH);
    // Neither side is emptied by the other one at the start, although both have "remove".
    eventually("the pull", || folders.folder("there/1").exists() && folders.folder("there/2").exists());
    eventually("the push", || folders.bucket("here").exists());
    fs::remove_file(folders.folder("there/1")).unwrap();
    eventually("the removal of what was pulled", || !folders.bucket("there/1").exists());
    fs::write(folders.bucket("new"), "").unwrap();
    eventually("the next pull", || folders.folder("new").exists());
    fs::remove_file(folders.bucket("here")).unwrap();
    eventually("the removal of what was pushed", || !folders.folder("here").exists());
    assert!(!folders.folder("there/1").exists());
    mirror.finish(Duration::ZERO).unwrap();
    folders.are_same();
}

#[test]
fn what_changes_during_a_pull_is_kept() {
    let folders = Folders::new();
    fs::write(folders.folder("changed"), "old").unwrap();
    fs::write(folders.folder("removed"), "").unwrap();
    let mirror = folders.start(BOTH);
    eventually("the push", || folders.bucket("changed").exists() && folders.bucket("removed").exists());
    folders.is_away.store(true, Ordering::Relaxed);
    fs::write(folders.folder("changed"), "new").unwrap();
    fs::write(folders.folder("made"), "").unwrap();
    fs::remove_file(folders.folder("removed")).unwrap();
    eventually("a try in vain", || folders.in_vain.load(Ordering::Relaxed) > 0);
    folders.is_away.store(false, Ordering::Relaxed);
    eventually("the changes", || {
        fs::read(folders.bucket("changed")).unwrap() == b"new" && folders.bucket("made").exists()
    });
    eventually("the removal", || !folders.bucket("removed").exists());
    assert!(!folders.folder("removed").exists());
    mirror.finish(Duration::ZERO).unwrap();
    folders.are_same();
}

#[test]
fn churn_with_outages_ends_equal() {
    let folders = Folders::new();
    let outside = TempDir::new_in(folders.folder.path().parent().unwrap()).unwrap();
    let mirror = folders.start(PUSH);
    let until = Instant::now() + Duration::from_secs(10);
    thread::scope(|scope| {
        for seed in 0..2 {
            let mut churn = Churn::new(folders.folder.path(), outside.path(), seed);
            scope.spawn(move || {
                while Instant::now() < until {
                    churn.turn();
                    thread::sleep(Duration::from_micros(100));
                }
            });
        }
        while Instant::now() < until {
            thread::sleep(Duration::from_secs(2));
            folders.is_away.fetch_xor(true, Ordering::Relaxed);
        }
    });
    folders.is_away.store(false, Ordering::Relaxed);
    eventually("what was seen", || tree(folders.folder.path()) == tree(folders.bucket.path()));
    mirror.finish(Duration::from_secs(60)).unwrap();
    folders.are_same();
}
