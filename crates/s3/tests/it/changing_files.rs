//! Files that others write to while they are sent.

use super::store::{bucket, file, get, noise, put};
use s3::Error;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Does `change` to the file again and again while it is put.
fn put_while(size: usize, name: &str, change: impl Fn(&std::fs::File, u64) + Send + Sync) {
    let bucket = bucket(name);
    put(&bucket, "object", b"before");
    let file = file(&noise(size, 1));
    let (sent, changes, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                change(&file, round);
                changes.store(round, Ordering::Relaxed);
                if over.load(Ordering::Relaxed) > 0 {
                    return;
                }
            }
        });
        // It has begun.
        while changes.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let result = bucket.put("object", &file, &BTreeMap::new(), &sent);
        over.store(1, Ordering::Relaxed);
        result
    });
    assert!(matches!(result, Err(Error::SourceChanged)), "{result:?}");
    assert_eq!(sent.into_inner(), 0);
    if size > 16 << 20 {
        assert_eq!(get(&bucket, "object").unwrap().1, b"before");
    }
}

#[test]
fn a_file_that_is_written_to() {
    let write = |file: &std::fs::File, round: u64| file.write_all_at(&round.to_ne_bytes(), 100).unwrap();
    put_while(8 << 20, "written-small", write);
    put_while(40 << 20, "written-large", write);
}

#[test]
fn a_file_that_gets_shorter() {
    let shorten = |file: &std::fs::File, round: u64| {
        let size = (40u64 << 20).saturating_sub(round << 14);
        file.set_len(size).unwrap();
    };
    put_while(40 << 20, "shorter", shorten);
}
