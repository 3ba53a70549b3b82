//! The stores that the tests run against, and what they share.

use harness::{Garage, S3s};
use net::http::{Client, Config};
use net::patience::Limits;
use s3::{Bucket, Endpoint, Head};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Less than in earnest, so that giving up does not take a minute.
pub const LIMITS: Limits = Limits {
    silence: Duration::from_secs(3),
    question: Duration::from_secs(1),
    unknown_name: Duration::from_millis(300),
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(200),
    longest_asked_pause: Duration::from_secs(1),
    absence: Duration::ZERO,
};

/// The one that all tests may share; each takes a bucket of its own.
pub fn garage() -> &'static Garage {
    static SHARED: OnceLock<Garage> = OnceLock::new();
    SHARED.get_or_init(Garage::start)
}

fn s3s() -> &'static S3s {
    static SHARED: OnceLock<S3s> = OnceLock::new();
    SHARED.get_or_init(S3s::start)
}

pub fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.into(),
        access_key: Garage::ACCESS_KEY.into(),
        secret_key: Garage::SECRET_KEY.into(),
        session_token: String::new(),
    }
}

pub fn client() -> Client {
    Client::new(Config::default())
}

/// The same new bucket in stores of all kinds.
pub fn buckets(name: &str) -> [Bucket; 2] {
    s3s().create_bucket(name);
    [bucket(name), open(&s3s().endpoint(), name)]
}

/// A new bucket in Garage.
pub fn bucket(name: &str) -> Bucket {
    garage().create_bucket(name);
    open(&garage().endpoint(), name)
}

/// A bucket that is there.
pub fn open(url: &str, name: &str) -> Bucket {
    Bucket::new(&client(), &endpoint(url), name, None).unwrap().with_limits(LIMITS)
}

pub fn file(content: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(content, 0).unwrap();
    file
}

pub fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Puts, and checks the count.
pub fn put(bucket: &Bucket, key: &str, content: &[u8]) -> String {
    let sent = AtomicU64::new(0);
    let etag = bucket.put(key, &file(content), &BTreeMap::new(), &sent).unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), content.len() as u64);
    etag
}

/// Gets, and checks the count.
pub fn get(bucket: &Bucket, key: &str) -> Option<(Head, Vec<u8>)> {
    let (received, file) = (AtomicU64::new(0), file(b""));
    let head = bucket.get(key, &file, &received).unwrap()?;
    let content = content(&file);
    assert_eq!(head.size, content.len() as u64);
    assert_eq!(received.load(Ordering::Relaxed), head.size);
    Some((head, content))
}

/// Bytes that differ everywhere, so that no two parts can be mistaken for each other.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
