//! A folder and a bucket of a real store.

use super::{Item, Tree, assert_same, tree};
use harness::Garage;
use mirror::{Mirror, Rules};
use net::http::{Client, Config};
use net::patience::Limits;
use s3::{Bucket, Endpoint};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// All that can be said of a file is to be the same on both sides.
const RULES: Rules = Rules { overwrite: true, remove: true, preserve: true, exclude: Vec::new() };
/// The client gives up soon, so that a store that is away is seen by what uses it.
const LIMITS: Limits = Limits {
    silence: Duration::from_secs(2),
    question: Duration::from_secs(1),
    unknown_name: Duration::from_millis(300),
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(200),
    longest_asked_pause: Duration::from_secs(1),
    absence: Duration::ZERO,
};
/// For what has to come sooner or later.
const PATIENCE: Duration = Duration::from_secs(120);
const PREFIX: &str = "some/where";

pub struct Volume {
    folder: TempDir,
    pub outside: TempDir,
    endpoint: Endpoint,
    name: String,
    pub mirror: Arc<Mirror>,
}

impl Volume {
    /// `url` leads to the store.
    pub fn new(garage: &Garage, url: &str, name: &str) -> Volume {
        Volume::with(garage, url, name, TempDir::new().unwrap(), RULES)
    }

    /// In memory, where many folders are made and removed quickly. Empty ones do not count.
    pub fn for_many_folders(garage: &Garage, name: &str) -> Volume {
        let rules = Rules { preserve: false, ..RULES };
        Volume::with(garage, &garage.endpoint(), name, TempDir::new_in("/dev/shm").unwrap(), rules)
    }

    fn with(garage: &Garage, url: &str, name: &str, folder: TempDir, rules: Rules) -> Volume {
        garage.create_bucket(name);
        let endpoint = Endpoint {
            url: url.to_owned(),
            access_key: Garage::ACCESS_KEY.to_owned(),
            secret_key: Garage::SECRET_KEY.to_owned(),
            session_token: String::new(),
        };
        let outside = TempDir::new_in(folder.path().parent().unwrap()).unwrap();
        let bucket = bucket(&endpoint, name);
        let root = File::open(folder.path()).unwrap().into();
        let mirror = Arc::new(Mirror::new(root, bucket, PREFIX, rules));
        let endpoint = Endpoint { url: garage.endpoint(), ..endpoint };
        Volume { folder, outside, endpoint, name: name.to_owned(), mirror }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), content).unwrap();
    }

    /// Does it without the mirror.
    pub fn put(&self, key: &str, content: &str) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        self.bucket().put(&format!("{PREFIX}/{key}"), &file, &BTreeMap::new(), &0.into()).unwrap();
    }

    /// Does it without the mirror.
    pub fn delete(&self, key: &str) {
        assert_eq!(self.bucket().delete(&[format!("{PREFIX}/{key}")]).unwrap(), []);
    }

    /// What is in the bucket under that key.
    pub fn object(&self, key: &str) -> Option<String> {
        content(&self.bucket(), &format!("{PREFIX}/{key}")).map(|content| String::from_utf8(content).unwrap())
    }

    #[track_caller]
    pub fn eventually_has(&self, key: &str, content: &str) {
        eventually(&format!("{key} in the bucket"), || self.object(key).as_deref() == Some(content));
    }

    #[track_caller]
    pub fn eventually_lacks(&self, key: &str) {
        eventually(&format!("{key} not in the bucket"), || self.object(key).is_none());
    }

    /// Whether both sides are the same is found out without the mirror.
    #[track_caller]
    pub fn is_mirrored(&self) {
        assert_same(&objects_of(&tree(self.folder())), &self.objects(), "the folder, and the bucket");
    }

    /// Folders with nothing in them are not looked at.
    #[track_caller]
    pub fn eventually_has_all_files(&self) {
        let files = |mut objects: Tree| {
            objects.retain(|path, _| !path.as_os_str().as_bytes().ends_with(b"/"));
            objects
        };
        let (folder, end) = (files(objects_of(&tree(self.folder()))), Instant::now() + PATIENCE);
        let mut bucket = files(self.objects());
        while bucket != folder && Instant::now() < end {
            thread::sleep(Duration::from_secs(1));
            bucket = files(self.objects());
        }
        assert_same(&folder, &bucket, "the folder's files, and the bucket's after a while");
    }

    /// How many files, links and empty folders there are.
    pub fn count(&self) -> usize {
        objects_of(&tree(self.folder())).len()
    }

    fn objects(&self) -> Tree {
        let bucket = self.bucket();
        let listing = bucket.list(PREFIX).map(|object| object.unwrap().key);
        let item = |key: String| {
            let path = PathBuf::from(key.strip_prefix(&format!("{PREFIX}/")).unwrap());
            // It may be deleted meanwhile.
            Some((path, Item::File(content(&bucket, &key)?)))
        };
        listing.filter_map(item).collect()
    }

    fn bucket(&self) -> Bucket {
        bucket(&self.endpoint, &self.name)
    }
}

fn bucket(endpoint: &Endpoint, name: &str) -> Bucket {
    Bucket::new(&Client::new(Config::default()), endpoint, name, None).unwrap().with_limits(LIMITS)
}

fn content(bucket: &Bucket, key: &str) -> Option<Vec<u8>> {
    let mut file = tempfile::tempfile().unwrap();
    bucket.get(key, &file, &0.into()).unwrap()?;
    file.rewind().unwrap();
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    Some(content)
}

/// What has to be in a bucket for what is in a folder: links and empty folders are objects too (docs/mirror.md).
fn objects_of(tree: &Tree) -> Tree {
    let is_empty = |folder: &Path| !tree.keys().any(|path| path.parent() == Some(folder));
    let object = |(path, item): (&PathBuf, &Item)| match item {
        Item::Folder => is_empty(path).then(|| (path.join(""), Item::File(Vec::new()))),
        Item::File(content) => Some((path.clone(), Item::File(content.clone()))),
        Item::Link(target) => Some((path.clone(), Item::File(target.as_os_str().as_bytes().to_owned()))),
    };
    tree.iter().filter_map(object).collect()
}

/// Waits for what has to come sooner or later.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
