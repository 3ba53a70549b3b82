//! The store that the tests run against, and what they share.

use harness::Garage;
use mirror::{Error, Mirror, Progress, Rules};
use net::http::{Client, Config};
use net::patience::Limits;
use s3::{Bucket, Endpoint};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Less than in earnest, so that giving up does not take a minute.
const LIMITS: Limits = Limits {
    silence: Duration::from_secs(3),
    question: Duration::from_secs(1),
    unknown_name: Duration::from_millis(300),
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(200),
    longest_asked_pause: Duration::from_secs(1),
    absence: Duration::ZERO,
};

pub const NONE: Rules = Rules { overwrite: false, remove: false, preserve: false, exclude: Vec::new() };
pub const OVERWRITE: Rules = Rules { overwrite: true, remove: false, preserve: false, exclude: Vec::new() };
pub const ALL: Rules = Rules { overwrite: true, remove: true, preserve: false, exclude: Vec::new() };
pub const PRESERVE: Rules = Rules { overwrite: true, remove: true, preserve: true, exclude: Vec::new() };

/// The one that all tests share; each takes a bucket of its own.
pub fn garage() -> &'static Garage {
    static SHARED: OnceLock<Garage> = OnceLock::new();
    SHARED.get_or_init(Garage::start)
}

pub fn new_bucket(name: &str) -> Bucket {
    garage().create_bucket(name);
    bucket(name)
}

pub fn bucket(name: &str) -> Bucket {
    bucket_at(&garage().endpoint(), name)
}

pub fn bucket_at(url: &str, name: &str) -> Bucket {
    encrypted_at(url, name, None)
}

pub fn encrypted_at(url: &str, name: &str, key: Option<[u8; 32]>) -> Bucket {
    let endpoint = Endpoint {
        url: url.to_owned(),
        access_key: Garage::ACCESS_KEY.to_owned(),
        secret_key: Garage::SECRET_KEY.to_owned(),
        session_token: String::new(),
    };
    Bucket::new(&Client::new(Config::default()), &endpoint, name, key).unwrap().with_limits(LIMITS)
}

/// With nothing remembered, as after a boot.
pub fn mirror(folder: &Path, bucket: Bucket, rules: &Rules) -> Mirror {
    Mirror::new(File::open(folder).unwrap().into(), bucket, "some/prefix", rules.clone())
}

/// What a run did: files, removed, equal.
pub type Counts = (u64, u64, u64);

pub fn counts(progress: &Progress) -> Counts {
    let [files, removed, equal] =
        [&progress.files, &progress.removed, &progress.equal].map(|count| count.load(Ordering::Relaxed));
    (files, removed, equal)
}

pub fn try_push(mirror: &Mirror) -> Result<Counts, Error> {
    let progress = Progress::default();
    mirror.push(&progress).map(|()| counts(&progress))
}

pub fn try_pull(mirror: &Mirror) -> Result<Counts, Error> {
    let progress = Progress::default();
    mirror.pull(&progress).map(|()| counts(&progress))
}

pub fn push(mirror: &Mirror) -> Counts {
    try_push(mirror).unwrap()
}

pub fn pull(mirror: &Mirror) -> Counts {
    try_pull(mirror).unwrap()
}

/// All objects below the mirrors' prefix.
pub fn objects(bucket: &Bucket) -> BTreeMap<String, Vec<u8>> {
    let objects = bucket.list("some/prefix/").map(|object| object.unwrap().key);
    objects.map(|key| (key.strip_prefix("some/prefix/").unwrap().to_owned(), object(bucket, &key))).collect()
}

fn object(bucket: &Bucket, key: &str) -> Vec<u8> {
    let file = tempfile::tempfile().unwrap();
    let head = bucket.get(key, &file, &AtomicU64::new(0)).unwrap().unwrap();
    let mut content = vec![0; usize::try_from(head.size).unwrap()];
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

/// Stores an object below the mirrors' prefix.
pub fn store(bucket: &Bucket, key: &str, content: &[u8]) {
    store_with(bucket, key, content, &BTreeMap::new());
}

pub fn store_with(bucket: &Bucket, key: &str, content: &[u8], metadata: &BTreeMap<String, String>) {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(content, 0).unwrap();
    bucket.put(&format!("some/prefix/{key}"), &file, metadata, &AtomicU64::new(0)).unwrap();
}

/// All that is below a folder: the content of files, and what else there is in brackets.
pub fn tree(root: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut tree = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            let content = if kind.is_dir() {
                folders.push(path.clone());
                b"[folder]".to_vec()
            } else if kind.is_symlink() {
                [b"[link]", fs::read_link(&path).unwrap().as_os_str().as_bytes()].concat()
            } else {
                fs::read(&path).unwrap()
            };
            tree.insert(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), content);
        }
    }
    tree
}

/// Writes a file, and the folders above it.
pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Gives a file a time in the past, when the machine was not yet started.
pub fn make_old(root: &Path, path: &str) {
    let file = File::options().write(true).open(root.join(path)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789)).unwrap();
}
