//! A mirror that is kept all the time, with a real store that goes away.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use harness::Garage;
use mirror::continuous::{Continuous, Directions};
use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;
use support::volume::{Volume, eventually};

const BOTH: Directions = Directions { push: true, pull: true };
const PUSH: Directions = Directions { push: true, pull: false };
const PULL: Directions = Directions { push: false, pull: true };

/// In a store that all tests share; `name` is the bucket's.
fn volume(name: &str) -> Volume {
    Volume::new(shared(), &shared().endpoint(), name)
}

fn shared() -> &'static Garage {
    static SHARED: OnceLock<Garage> = OnceLock::new();
    SHARED.get_or_init(Garage::start)
}

/// In a store of its own.
fn alone(name: &str) -> (Garage, Volume) {
    let garage = Garage::start();
    let volume = Volume::new(&garage, &garage.endpoint(), name);
    (garage, volume)
}

/// `name` is found in the log.
fn start(volume: &Volume, name: &str, directions: Directions) -> Continuous {
    log::set_max_level(log::LevelFilter::Info);
    // Another test may have done so.
    let _ = log::set_logger(&LOG);
    Continuous::start(name, Arc::clone(&volume.mirror), directions, Arc::default())
}

static LOG: Log = Log(Mutex::new(Vec::new()));

struct Log(Mutex<Vec<String>>);

impl Log {
    /// The levels of the lines about `name`.
    fn levels(&self, name: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let about = lines.iter().filter(|line| line.contains(name));
        about.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{} {}", record.level(), record.args());
        self.0.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn what_is_there_and_what_changes_is_pushed() {
    let volume = volume("changes");
    volume.write("early", "early");
    volume.write("changed", "old");
    let continuous = start(&volume, "changes", PUSH);
    volume.eventually_has("early", "early");
    volume.write("a/b/late", "late");
    volume.write("changed", "new");
    fs::remove_file(volume.path("early")).unwrap();
    volume.eventually_has("a/b/late", "late");
    volume.eventually_has("changed", "new");
    volume.eventually_lacks("early");
    fs::rename(volume.path("a"), volume.path("c")).unwrap();
    volume.eventually_has("c/b/late", "late");
    volume.eventually_lacks("a/b/late");
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}

#[test]
fn the_end_pushes_what_has_not_settled() {
    let volume = volume("end");
    let continuous = start(&volume, "end", PUSH);
    volume.write("file", "last words");
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}

#[test]
fn a_file_that_is_written_all_the_time_is_pushed_now_and_then() {
    let volume = volume("busy");
    let continuous = start(&volume, "busy", PUSH);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = File::create(volume.path("log")).unwrap();
            while !over.load(Ordering::Relaxed) {
                writeln!(log, "a line").unwrap();
                thread::sleep(Duration::from_millis(100));
            }
        });
        eventually("a part of it", || volume.object("log").is_some_and(|log| log.starts_with("a line")));
        over.store(true, Ordering::Relaxed);
    });
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}

#[test]
fn what_cannot_be_watched_is_looked_at_again_and_again() {
    let volume = Volume::for_many_folders(shared(), "blind");
    // More than are watched.
    for i in 0..66_000 {
        fs::create_dir(volume.path(&format!("{i}"))).unwrap();
    }
    volume.write("early", "");
    let continuous = start(&volume, "volume blind", PUSH);
    volume.eventually_has("early", "");
    for i in 0..100 {
        volume.write(&format!("{}/file", i * 660), "late");
    }
    for i in 0..100 {
        volume.eventually_has(&format!("{}/file", i * 660), "late");
    }
    assert_eq!(LOG.levels("volume blind"), ["WARN"]);
    drop(continuous);
}

#[test]
fn an_outage_is_said_once_and_nothing_is_forgotten() {
    let (mut garage, volume) = alone("outage");
    let continuous = start(&volume, "volume outage", PUSH);
    volume.write("before", "");
    volume.eventually_has("before", "");
    fs::remove_file(volume.path("before")).unwrap();
    volume.write("first", "1");
    garage.stop();
    eventually("a warning", || !LOG.levels("volume outage").is_empty());
    volume.write("second", "2");
    // Some tries in vain.
    thread::sleep(Duration::from_secs(6));
    garage.start_again();
    volume.eventually_has("first", "1");
    volume.eventually_has("second", "2");
    volume.eventually_lacks("before");
    eventually("an end of it", || LOG.levels("volume outage") == ["WARN", "INFO"]);
    continuous.finish(Duration::ZERO).unwrap();
}

#[test]
fn the_end_waits_for_the_store_and_not_for_ever() {
    let (mut garage, volume) = alone("patience");
    let continuous = start(&volume, "volume patience", PUSH);
    volume.write("file", "content");
    garage.stop();
    let finish = thread::spawn(move || continuous.finish(Duration::from_secs(600)));
    eventually("a warning", || !LOG.levels("volume patience").is_empty());
    garage.start_again();
    finish.join().unwrap().unwrap();
    volume.is_mirrored();

    let continuous = start(&volume, "volume patience", PUSH);
    garage.stop();
    volume.write("file", "lost");
    continuous.finish(Duration::from_secs(1)).unwrap_err();
}

#[test]
fn what_changes_in_the_bucket_is_pulled() {
    let volume = volume("pull");
    volume.put("a/b", "1");
    volume.write("gone", "");
    let continuous = start(&volume, "pull", PULL);
    eventually("a file", || fs::read_to_string(volume.path("a/b")).is_ok_and(|content| content == "1"));
    eventually("no file", || !volume.path("gone").exists());
    volume.put("a/b", "2");
    eventually("another content", || fs::read_to_string(volume.path("a/b")).unwrap() == "2");
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}

#[test]
fn both_directions_do_not_fight() {
    let volume = volume("both");
    volume.put("there/1", "1");
    volume.put("there/2", "2");
    volume.write("here", "here");
    let continuous = start(&volume, "both", BOTH);
    // Neither side is emptied by the other one at the start.
    eventually("the pull", || volume.path("there/1").exists() && volume.path("there/2").exists());
    volume.eventually_has("here", "here");
    fs::remove_file(volume.path("there/1")).unwrap();
    volume.eventually_lacks("there/1");
    volume.put("new", "new");
    eventually("the next pull", || volume.path("new").exists());
    volume.delete("here");
    eventually("the removal of what was pushed", || !volume.path("here").exists());
    assert!(!volume.path("there/1").exists());
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}

#[test]
fn a_pull_leaves_alone_what_was_not_pushed_yet() {
    let (mut garage, volume) = alone("keep");
    volume.write("changed", "old");
    volume.write("removed", "");
    volume.write("folder/removed", "");
    let continuous = start(&volume, "keep", BOTH);
    for path in ["changed", "removed", "folder/removed"] {
        eventually(path, || volume.object(path).is_some());
    }
    garage.stop();
    volume.write("changed", "new");
    volume.write("made/in/here", "made");
    fs::remove_file(volume.path("removed")).unwrap();
    fs::remove_dir_all(volume.path("folder")).unwrap();
    eventually("a try in vain", || !LOG.levels("keep").is_empty());
    garage.start_again();
    volume.eventually_has("changed", "new");
    volume.eventually_has("made/in/here", "made");
    volume.eventually_lacks("removed");
    volume.eventually_lacks("folder/removed");
    assert_eq!(fs::read_to_string(volume.path("changed")).unwrap(), "new");
    assert!(volume.path("made/in/here").exists());
    assert!(!volume.path("removed").exists() && !volume.path("folder").exists());
    continuous.finish(Duration::ZERO).unwrap();
    volume.is_mirrored();
}
