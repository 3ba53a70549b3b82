//! Stores that go away, and connections that break.

use super::store::{LIMITS, bucket, content, file, garage, get, noise, open, put};
use harness::{Fault, Faults, Garage};
use s3::{Bucket, Error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// A new bucket, seen through a front that has faults.
fn through_front(name: &str) -> (Faults, Bucket, Bucket) {
    let direct = bucket(name);
    let front = Faults::before_port(garage().port());
    let through = open(&format!("http://{}", front.address()), name);
    (front, through, direct)
}

#[test]
fn a_busy_store_is_asked_again() {
    let (front, bucket, _) = through_front("busy");
    for status in [500, 503, 429] {
        front.times(2, "/busy/", Fault::Status(status, None));
        put(&bucket, "a", b"content");
        front.times(2, "/busy/", Fault::Status(status, Some(0)));
        assert_eq!(get(&bucket, "a").unwrap().1, b"content");
        front.times(2, "/busy/", Fault::Status(status, None));
        assert_eq!(bucket.list("").count(), 1);
        front.times(2, "/busy/", Fault::Status(status, None));
        assert_eq!(bucket.delete(&["a".into(), "b".into()]).unwrap(), []);
    }
}

#[test]
fn a_store_that_stays_busy_is_given_up() {
    let (front, bucket, _) = through_front("always-busy");
    front.always("/", Fault::Status(503, None));
    let sent = AtomicU64::new(0);
    let error = bucket.put("a", &file(&noise(1000, 1)), &BTreeMap::new(), &sent).unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }) && error.to_string().contains("503"), "{error}");
    assert_eq!(sent.into_inner(), 0);
}

#[test]
fn cut_answers_go_on_at_the_same_byte() {
    let (front, bucket, direct) = through_front("cut-answers");
    for size in [1 << 20, 40 << 20] {
        let expected = noise(size, 2);
        put(&direct, "object", &expected);
        for cut in [0, 1, 100_000, 1_000_000] {
            front.times(1, "/object", Fault::CutAfter(cut));
        }
        let before = front.requests().len();
        assert!(get(&bucket, "object").unwrap().1 == expected, "{size}");
        let ranges = front.requests().split_off(before).into_iter().filter_map(|request| request.range);
        assert!(ranges.count() >= 3);
    }
}

#[test]
fn cut_requests_are_sent_again() {
    let (front, bucket, direct) = through_front("cut-requests");
    for size in [100_000, 1 << 20, 40 << 20] {
        for cut in [0, 1, 99_999] {
            front.times(1, "/object", Fault::CutRequestAfter(cut));
        }
        let expected = noise(size, 4);
        put(&bucket, "object", &expected);
        assert!(get(&direct, "object").unwrap().1 == expected, "{size}");
    }
}

#[test]
fn what_arrives_broken_is_fetched_again() {
    let (front, bucket, direct) = through_front("broken");
    for size in [1000, 40 << 20] {
        let expected = noise(size, 3);
        put(&direct, "object", &expected);
        front.times(1, "/object", Fault::Corrupt(500));
        assert!(get(&bucket, "object").unwrap().1 == expected, "{size}");
    }
    front.always("/object", Fault::Corrupt(500));
    let error = bucket.get("object", &file(b""), &AtomicU64::new(0)).unwrap_err();
    assert!(error.to_string().contains("MD5"), "{error}");
}

/// The answer that all parts were put together may be the one that is lost.
#[test]
fn a_lost_completion_is_noticed() {
    let (front, bucket, direct) = through_front("lost-completion");
    let expected = noise(17 << 20, 5);
    front.times(1, "?uploadId=", Fault::CutAfter(0));
    put(&bucket, "object", &expected);
    assert!(get(&direct, "object").unwrap().1 == expected);
}

#[test]
fn a_lost_completion_is_noticed_before_it_is_given_up() {
    let (front, bucket, direct) = through_front("lost-for-good");
    let expected = noise(17 << 20, 5);
    front.times(1, "?uploadId=", Fault::CutAfter(0));
    front.always("?uploadId=", Fault::Status(503, None));
    put(&bucket, "object", &expected);
    assert!(get(&direct, "object").unwrap().1 == expected);
}

#[test]
fn an_object_that_is_replaced_while_it_is_fetched() {
    let (front, bucket, direct) = through_front("replaced");
    let (old, new) = (noise(40 << 20, 6), noise(33 << 20, 7));
    put(&direct, "object", &old);
    front.always("/object", Fault::Delay(Duration::from_millis(300)));
    let came = file(b"");
    thread::scope(|scope| {
        let received = AtomicU64::new(0);
        let get = scope.spawn(|| {
            let received = AtomicU64::new(0);
            bucket.get("object", &came, &received).unwrap().unwrap();
            received.into_inner()
        });
        put(&direct, "object", &new);
        let count = get.join().unwrap();
        received.store(count, Ordering::Relaxed);
        assert_eq!(count, content(&came).len() as u64);
    });
    let came = content(&came);
    assert!(came == old || came == new, "a mixture of {} bytes", came.len());
}

#[test]
fn a_store_that_is_away_for_a_while() {
    let mut garage = Garage::start();
    garage.create_bucket("away");
    let patient = net::patience::Limits { silence: Duration::from_secs(120), ..LIMITS };
    let bucket = open(&garage.endpoint(), "away").with_limits(patient);
    let expected = noise(150 << 20, 8);
    let (source, came) = (file(&expected), file(b""));
    let count = AtomicU64::new(0);
    thread::scope(|scope| {
        let put = scope.spawn(|| bucket.put("object", &source, &BTreeMap::new(), &count).unwrap());
        interrupt(&mut garage, &count);
        put.join().unwrap();
        assert_eq!(count.swap(0, Ordering::Relaxed), expected.len() as u64);
        let get = scope.spawn(|| bucket.get("object", &came, &count).unwrap().unwrap());
        interrupt(&mut garage, &count);
        get.join().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), expected.len() as u64);
    });
    assert!(content(&came) == expected);
}

/// Kills the store when something has been transferred, and starts it again.
fn interrupt(garage: &mut Garage, transferred: &AtomicU64) {
    while transferred.load(Ordering::Relaxed) < 20 << 20 {
        thread::sleep(Duration::from_millis(5));
    }
    garage.stop();
    thread::sleep(Duration::from_millis(500));
    garage.start_again();
}
