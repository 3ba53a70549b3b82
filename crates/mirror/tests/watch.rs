//! A folder that is watched: what is reported is all that has to be looked at.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use mirror::watch::Watch;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::churn::Churn;
use support::{Tree, assert_same, look, tree};
use tempfile::TempDir;

/// A watched folder, and one beside it.
struct Watched {
    folder: TempDir,
    outside: TempDir,
    watch: Watch,
    /// What is known by looking at the reported paths only.
    known: Tree,
}

impl Watched {
    fn new() -> Watched {
        Watched::with(|_| ())
    }

    /// `fill` makes what is there before.
    fn with(fill: impl FnOnce(&Path)) -> Watched {
        // In memory: many folders are removed quickly there.
        let folder = TempDir::new_in("/dev/shm").unwrap();
        let outside = TempDir::new_in("/dev/shm").unwrap();
        fill(folder.path());
        let known = tree(folder.path());
        let watch = Watch::new(OwnedFd::from(File::open(folder.path()).unwrap()));
        assert_eq!(watch.blind_spot(), None);
        Watched { folder, outside, watch, known }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// What is reported now.
    fn reported(&mut self) -> BTreeSet<PathBuf> {
        let mut reported = BTreeSet::new();
        let (folder, known) = (self.folder.path(), &mut self.known);
        self.watch.read(&mut |path| {
            look(folder, &path, known);
            reported.insert(path);
        });
        reported
    }

    #[track_caller]
    fn reports(&mut self, expected: &[&str]) {
        let expected: BTreeSet<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(self.reported(), expected);
        self.is_known();
    }

    #[track_caller]
    fn is_known(&self) {
        assert_same(&self.known, &tree(self.folder.path()), "what is known, and the folder");
    }
}

#[test]
fn what_is_there_before_is_not_reported() {
    let mut watched = Watched::with(|folder| fs::create_dir_all(folder.join("a/b/c")).unwrap());
    watched.reports(&[]);
    fs::write(watched.path("a/b/c/file"), "new").unwrap();
    watched.reports(&["a/b/c/file"]);
}

#[test]
fn files_are_reported_when_anything_about_them_changes() {
    let mut watched = Watched::with(|folder| fs::write(folder.join("old"), "old").unwrap());
    fs::write(watched.path("new"), "new").unwrap();
    watched.reports(&["new"]);
    File::options().append(true).open(watched.path("old")).unwrap().set_len(1).unwrap();
    watched.reports(&["old"]);
    File::open(watched.path("old")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    watched.reports(&["old"]);
    fs::rename(watched.path("old"), watched.path("newer")).unwrap();
    watched.reports(&["old", "newer"]);
    fs::remove_file(watched.path("new")).unwrap();
    watched.reports(&["new"]);
    File::open(watched.path("newer")).unwrap();
    watched.reports(&[]);
}

#[test]
fn what_is_made_in_a_new_folder_before_it_is_watched_is_found() {
    let mut watched = Watched::new();
    fs::create_dir_all(watched.path("a/b/c")).unwrap();
    fs::write(watched.path("a/b/c/file"), "early").unwrap();
    watched.reports(&["a"]);
    fs::write(watched.path("a/b/c/file"), "late").unwrap();
    watched.reports(&["a/b/c/file"]);
}

#[test]
fn a_folder_is_followed_when_it_is_renamed() {
    let mut watched = Watched::with(|folder| {
        fs::create_dir_all(folder.join("a/b/c")).unwrap();
        fs::create_dir(folder.join("other")).unwrap();
    });
    fs::rename(watched.path("a/b"), watched.path("other/d")).unwrap();
    fs::write(watched.path("other/d/c/1"), "before the events are read").unwrap();
    watched.reports(&["a/b", "other/d"]);
    fs::write(watched.path("other/d/c/2"), "after").unwrap();
    watched.reports(&["other/d/c/2"]);
}

#[test]
fn folders_come_and_go_by_renaming() {
    let mut watched = Watched::with(|folder| fs::create_dir_all(folder.join("a/b")).unwrap());
    let away = watched.outside.path().join("away");
    fs::rename(watched.path("a"), &away).unwrap();
    fs::write(away.join("b/unseen"), "").unwrap();
    watched.reports(&["a"]);
    fs::write(away.join("b/unseen"), "also unseen").unwrap();
    watched.reports(&[]);
    fs::rename(&away, watched.path("back")).unwrap();
    watched.reports(&["back"]);
    fs::write(watched.path("back/b/seen"), "").unwrap();
    watched.reports(&["back/b/seen"]);
}

#[test]
fn exchanged_folders_are_both_followed() {
    let mut watched = Watched::with(|folder| {
        fs::create_dir_all(folder.join("a/in_a")).unwrap();
        fs::create_dir_all(folder.join("b/in_b")).unwrap();
    });
    let flags = rustix::fs::RenameFlags::EXCHANGE;
    rustix::fs::renameat_with(rustix::fs::CWD, watched.path("a"), rustix::fs::CWD, watched.path("b"), flags)
        .unwrap();
    watched.reports(&["a", "b"]);
    fs::write(watched.path("a/in_b/1"), "").unwrap();
    fs::write(watched.path("b/in_a/2"), "").unwrap();
    watched.reports(&["a/in_b/1", "b/in_a/2"]);
}

#[test]
fn a_folder_that_moved_below_a_new_one_of_its_own_name_is_followed() {
    let mut watched = Watched::with(|folder| fs::create_dir_all(folder.join("x/y")).unwrap());
    fs::rename(watched.path("x/y"), watched.path("y")).unwrap();
    fs::rename(watched.path("x"), watched.path("y/x")).unwrap();
    fs::create_dir(watched.path("x")).unwrap();
    fs::rename(watched.path("y"), watched.path("x/y")).unwrap();
    watched.reported();
    watched.is_known();
    fs::write(watched.path("x/y/x/file"), "").unwrap();
    watched.reports(&["x/y/x/file"]);
}

#[test]
fn a_tree_that_is_removed_takes_its_watches_along() {
    let mut watched = Watched::with(|folder| fs::create_dir_all(folder.join("a/b/c/d")).unwrap());
    fs::remove_dir_all(watched.path("a")).unwrap();
    assert!(watched.reported().contains(Path::new("a")));
    watched.is_known();
    fs::create_dir_all(watched.path("a/b")).unwrap();
    watched.reports(&["a"]);
    fs::write(watched.path("a/b/file"), "").unwrap();
    watched.reports(&["a/b/file"]);
}

#[test]
fn a_queue_that_was_too_short_means_everything() {
    let mut watched = Watched::with(|folder| fs::create_dir(folder.join("a")).unwrap());
    let limit: usize =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    for i in 0..limit / 2 + 1 {
        let file = watched.path(&format!("{i}"));
        fs::write(&file, "").unwrap();
        fs::remove_file(&file).unwrap();
    }
    fs::create_dir_all(watched.path("a/late/later")).unwrap();
    assert!(watched.reported().contains(Path::new("")));
    watched.is_known();
    fs::write(watched.path("a/late/later/file"), "").unwrap();
    watched.reports(&["a/late/later/file"]);
}

#[test]
fn links_are_reported_and_not_followed() {
    let mut watched = Watched::new();
    fs::create_dir(watched.outside.path().join("secret")).unwrap();
    symlink(watched.outside.path(), watched.path("link")).unwrap();
    watched.reports(&["link"]);
    fs::write(watched.outside.path().join("file"), "").unwrap();
    fs::write(watched.outside.path().join("secret/file"), "").unwrap();
    watched.reports(&[]);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_leads_nowhere() {
    let mut watched = Watched::new();
    fs::create_dir_all(watched.path("a/b")).unwrap();
    fs::create_dir(watched.outside.path().join("b")).unwrap();
    fs::rename(watched.path("a"), watched.path("c")).unwrap();
    symlink(watched.outside.path(), watched.path("a")).unwrap();
    watched.reports(&["a", "c"]);
    fs::write(watched.outside.path().join("b/file"), "").unwrap();
    watched.reports(&[]);
}

#[test]
fn names_are_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let mut watched = Watched::new();
    let name = std::ffi::OsStr::from_bytes(b"\xff \n\"");
    fs::create_dir(watched.folder.path().join(name)).unwrap();
    assert_eq!(watched.reported(), BTreeSet::from([PathBuf::from(name)]));
    fs::write(watched.folder.path().join(name).join(name), "").unwrap();
    assert_eq!(watched.reported(), BTreeSet::from([Path::new(name).join(name)]));
}

#[test]
fn what_is_too_deep_for_a_key_is_left_alone() {
    let mut watched = Watched::new();
    let deep = ["0123456789"; 120].join("/");
    fs::create_dir_all(watched.path(&deep)).unwrap();
    watched.reports(&["0123456789"]);
    fs::write(watched.path(&deep).join("file"), "").unwrap();
    assert_eq!(watched.reported(), BTreeSet::new());
    assert_eq!(watched.watch.blind_spot(), None);
}

#[test]
fn nothing_is_missed_whatever_happens() {
    for seed in 0..8_u64 {
        let mut watched = Watched::new();
        let until = Instant::now() + Duration::from_secs(1);
        let over = AtomicBool::new(false);
        let (folder, outside) = (watched.folder.path().to_owned(), watched.outside.path().to_owned());
        thread::scope(|scope| {
            let work = |thread| {
                let mut churn = Churn::new(&folder, &outside, 7, seed * 10 + thread);
                while Instant::now() < until {
                    churn.turn();
                }
            };
            let workers: Vec<_> = (0..3).map(|thread| scope.spawn(move || work(thread))).collect();
            let over = &over;
            let watched = &mut watched;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    watched.reported();
                }
            });
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            over.store(true, Ordering::Relaxed);
        });
        watched.reported();
        assert_same(&watched.known, &tree(watched.folder.path()), &format!("seed {seed}"));
        everything_is_watched(&mut watched);
    }
}

/// Also what nobody has touched since.
fn everything_is_watched(watched: &mut Watched) {
    let folders: Vec<PathBuf> = watched
        .known
        .iter()
        .filter(|(_, item)| **item == support::Item::Folder)
        .map(|(path, _)| path.join("touched"))
        .collect();
    for file in &folders {
        fs::write(watched.folder.path().join(file), "").unwrap();
    }
    assert_eq!(watched.reported(), BTreeSet::from_iter(folders));
}

#[test]
fn what_cannot_be_watched_is_said() {
    let mut watched = Watched::new();
    for i in 0..66_000 {
        fs::create_dir(watched.path(&format!("{i}"))).unwrap();
    }
    watched.watch.read(&mut |_| ());
    let blind_spot = watched.watch.blind_spot().unwrap();
    assert!(blind_spot.ends_with(": there are too many folders"), "{blind_spot}");
}
