//! Files that change while they are read, and stores that fail in the middle.

use crate::store::*;
use mirror::Progress;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tempfile::tempdir;

/// What a service still writes at the end of a boot arrives as it was at some moment.
#[test]
fn a_log_that_grows_all_the_time_arrives() {
    let here = tempdir().unwrap();
    write(here.path(), "stable", "stable");
    let store = new_bucket("growing");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut log = File::create(here.path().join("log")).unwrap();
        let is_over = &is_over;
        scope.spawn(move || {
            for number in 0u64.. {
                writeln!(log, "{number}").unwrap();
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                thread::sleep(Duration::from_micros(100));
            }
        });
        // What an attempt left in the bucket is no reason to leave it there.
        let result = mirror(here.path(), bucket("growing"), &NONE).push(&Progress::default());
        is_over.store(true, Ordering::Relaxed);
        result.unwrap();
    });
    let objects = objects(&store);
    assert_eq!(objects["stable"], b"stable");
    assert!(!objects["log"].is_empty());
    assert!(fs::read(here.path().join("log")).unwrap().starts_with(&objects["log"]));
    assert_eq!(push(&mirror(here.path(), bucket("growing"), &ALL)), (1, 0, 1));
    assert_eq!(tree(here.path()).into_keys().collect::<Vec<_>>(), [&b"log"[..], b"stable"]);
}

#[test]
fn files_that_come_and_go_are_no_errors() {
    let here = tempdir().unwrap();
    let store = new_bucket("come-and-go");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                let path = here.path().join(format!("folder {}", number % 50));
                if number % 3 == 0 {
                    let _ = fs::write(&path, "file");
                } else if number % 3 == 1 {
                    let _ = fs::remove_file(&path);
                } else {
                    let _ = fs::create_dir(&path).and_then(|()| fs::write(path.join("x"), ""));
                    let _ = fs::remove_dir_all(&path);
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mirror = mirror(here.path(), bucket("come-and-go"), &ALL);
        let results: Vec<_> = (0..5).map(|_| try_push(&mirror)).collect();
        is_over.store(true, Ordering::Relaxed);
        for result in results {
            result.unwrap();
        }
    });
    push(&mirror(here.path(), bucket("come-and-go"), &ALL));
    let files = tree(here.path()).into_iter().filter(|(_, content)| content != b"[folder]");
    let files: Vec<_> = files.map(|(path, _)| String::from_utf8(path).unwrap()).collect();
    assert_eq!(objects(&store).into_keys().collect::<Vec<_>>(), files);
}

/// Passes everything on, but lets no request for a second page through.
fn relay(port: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        let mut buffer = [0; 16384];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let is_second_page = buffer[..count].windows(18).any(|window| window == b"continuation-token");
            if is_second_page || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to));
            thread::spawn(move || pass(server, client));
        }
    });
    url
}

#[test]
fn a_listing_that_fails_half_way_deletes_nothing() {
    let here = tempdir().unwrap();
    for number in 0..1100 {
        write(here.path(), &format!("{number}"), "");
    }
    let store = new_bucket("half-way");
    push(&mirror(here.path(), bucket("half-way"), &ALL));
    write(here.path(), "0", "changed");
    write(here.path(), "a file", "");
    fs::remove_file(here.path().join("1")).unwrap();
    let before = (tree(here.path()), objects(&store));
    let cut = bucket_at(&relay(garage().port()), "half-way");
    try_pull(&mirror(here.path(), cut, &ALL)).unwrap_err();
    assert!(here.path().join("a file").exists());
    let cut = bucket_at(&relay(garage().port()), "half-way");
    try_push(&mirror(here.path(), cut, &ALL)).unwrap_err();
    assert!(objects(&store).contains_key("1"));
    assert_eq!(objects(&store).len(), before.1.len());
}

/// Steps of a pipeline: what one has written is not undone by the pull before the next, but what is new in the bucket still comes.
#[test]
fn a_pull_undoes_nothing_that_was_not_pushed_yet() {
    let here = tempdir().unwrap();
    let store = new_bucket("not-undone");
    crate::store::store(&store, "results", b"1");
    let mirror = mirror(here.path(), bucket("not-undone"), &OVERWRITE);
    assert_eq!(pull(&mirror), (1, 0, 0));
    write(here.path(), "results", "1 2");
    assert_eq!(pull(&mirror), (0, 0, 1));
    assert_eq!(fs::read(here.path().join("results")).unwrap(), b"1 2");
    assert_eq!(push(&mirror), (1, 0, 0));
    assert_eq!(objects(&store)["results"], b"1 2");
    crate::store::store(&store, "results", b"from somebody else");
    assert_eq!(pull(&mirror), (1, 0, 0));
    assert_eq!(fs::read(here.path().join("results")).unwrap(), b"from somebody else");
}

/// Inputs of a job: every boot is to find the same, although the last one's job has edited them.
#[test]
fn a_pull_undoes_changes_that_are_pushed_nowhere() {
    let here = tempdir().unwrap();
    let store = new_bucket("undone");
    crate::store::store(&store, "input", b"1 2");
    let mirror = mirror(here.path(), bucket("undone"), &OVERWRITE).reset_by_pulls();
    assert_eq!(pull(&mirror), (1, 0, 0));
    assert_eq!(pull(&mirror), (0, 0, 1));
    for edited in ["1 2 3", "2 1"] {
        write(here.path(), "input", edited);
        assert_eq!(pull(&mirror), (1, 0, 0), "{edited}");
        assert_eq!(fs::read(here.path().join("input")).unwrap(), b"1 2");
    }
}

/// Where a watch is blind, nobody says of a new file that it has to stay.
#[test]
fn a_pull_beside_pushes_removes_nothing_that_was_not_pushed() {
    let here = tempdir().unwrap();
    let store = new_bucket("not-removed");
    for path in ["pulled", "changed"] {
        crate::store::store(&store, path, b"1");
    }
    let mirror = mirror(here.path(), bucket("not-removed"), &ALL);
    assert_eq!(pull(&mirror), (2, 0, 0));
    write(here.path(), "changed", "1 2");
    write(here.path(), "new", "");
    store.delete(&["pulled", "changed"].map(|key| format!("some/prefix/{key}"))).unwrap();
    mirror.pull_but(&|_| false, &Progress::default()).unwrap();
    assert_eq!(tree(here.path()).into_keys().collect::<Vec<_>>(), [&b"changed"[..], b"new"]);
    assert_eq!(pull(&mirror), (0, 2, 0));
}
