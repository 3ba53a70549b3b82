//! Where images are kept: manifests and configurations as they were fetched, layers unpacked, and what each reference was last.
//!
//! ```text
//! v1/blobs/sha256/<hex>             manifests and configurations; checked whenever they are read
//! v1/layers/sha256/<diffID>/root/   one unpacked layer
//! v1/layers/sha256/<diffID>/seal    what it has to be, on a disk
//! v1/partial/sha256/<hex>           the packed layer as far as it was fetched, on a disk
//! v1/refs/<hash>                    a reference and the manifest that it was last, as JSON; its time says when it was used
//! v1/staging/                       what is being written or removed
//! ```
//!
//! A name appears only when what it names is whole, also after a power cut: a layer is unpacked in `staging`, flushed to the disk,
//! and only then renamed. A reference is written when all its layers have their names and all that it names is flushed. What is
//! removed loses its name first. Whatever changes about this gets a folder of its own beside `v1`, so that no version misreads
//! another's.

mod error;
mod eviction;
mod layer;
mod partial;
mod predecessors;
mod records;
mod room;
mod seal;
mod verify;

use crate::config::{Config, MAX_CONFIG};
use crate::digest::{Algorithm, Digest};
use crate::manifest::{ImageManifest, MAX_MANIFEST, Manifest};
use crate::pull::Fetched;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, FsWord, Mode, OFlags};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::{Room, StoreError};
pub(crate) use partial::{Partial, Resumed};
pub(crate) use records::Record;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Of everything that is kept. Another one gets another name.
const LAYOUT: &str = "v1";

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6_u32 as FsWord];

/// Images on this machine. Can be used from many threads. It can be opened more than once, but where there is little room only one of
/// them may pull: it does not know what the others use.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// `staging`, locked as long as this store is open, so that nobody empties it.
    lock: OwnedFd,
    on_disk: bool,
    keeps_partials: AtomicBool,
    budget: Option<u64>,
    podman: Option<PathBuf>,
    /// Manifests, configurations and layers that were used since the store was opened.
    pinned: Mutex<HashSet<Digest>>,
}

/// An image that is whole in the store.
pub(crate) struct StoredImage {
    pub(crate) digest: Digest,
    pub(crate) config: Config,
    /// What had to be fetched for it just now.
    pub(crate) fetched: Fetched,
}

impl Store {
    /// Opens the store in the folder `base`, and makes it if there is none. What was left half written is removed.
    pub fn open(base: &Path) -> Result<Store, StoreError> {
        let root = base.join(LAYOUT);
        for kind in ["blobs", "layers", "partial"] {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let path = root.join(kind).join(algorithm.name());
                fs::create_dir_all(&path).map_err(StoreError::io("create", &path))?;
            }
        }
        for folder in ["refs", "staging"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(StoreError::io("create", &path))?;
        }
        let path = root.join("staging");
        let lock = open_folder(&path)?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            empty(&path).map_err(StoreError::io("empty", &path))?;
        }
        rustix::fs::flock(&lock, FlockOperation::LockShared).map_err(StoreError::io("lock", &path))?;
        let kind = rustix::fs::fstatfs(&lock).map_err(StoreError::io("read", &path))?.f_type;
        let on_disk = !IN_MEMORY.contains(&kind);
        Ok(Store {
            root,
            lock,
            on_disk,
            keeps_partials: AtomicBool::new(on_disk),
            budget: None,
            podman: None,
            pinned: Mutex::default(),
        })
    }

    /// Whether the store outlives the machine's memory. In memory, nothing is kept but what containers need.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.on_disk
    }

    fn keeps_partials(&self) -> bool {
        self.keeps_partials.load(Ordering::Relaxed)
    }

    /// From now on, and until the store is closed, these are in use.
    pub(crate) fn pin<'a>(&self, digests: impl IntoIterator<Item = &'a Digest>) {
        self.pinned().extend(digests.into_iter().cloned());
    }

    fn pinned(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A manifest or configuration; `None` if it is not there or not what its name says.
    pub(crate) fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        read_small(&self.content_path("blobs", digest)).filter(|bytes| digest.matches(bytes))
    }

    /// Keeps a manifest or configuration. Not flushed: a torn one is found out when it is read, and before anything names it
    /// ([`Store::put_record`]), everything is flushed.
    pub(crate) fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        self.pin([digest]);
        let staged = self.staged_path();
        let path = self.content_path("blobs", digest);
        fs::write(&staged, bytes).map_err(StoreError::io("write", &staged))?;
        fs::rename(&staged, &path).map_err(StoreError::io("rename to", &path))
    }

    /// The image with that manifest, if all of it is there. It is in use then.
    pub(crate) fn image(&self, manifest: &Digest) -> Option<StoredImage> {
        // Before looking: what is there then stays.
        self.pin([manifest]);
        let image = self.manifest(manifest)?;
        self.pin([&image.config.digest]);
        let config = Config::parse(&self.blob(&image.config.digest)?).ok()?;
        self.pin(&config.diff_ids);
        let whole = config.diff_ids.iter().all(|diff_id| self.has_layer(diff_id));
        whole.then(|| StoredImage { digest: manifest.clone(), config, fetched: Fetched::default() })
    }

    fn manifest(&self, digest: &Digest) -> Option<ImageManifest> {
        match Manifest::parse(&self.blob(digest)?, "") {
            Ok(Manifest::Image(image)) => Some(image),
            _ => None,
        }
    }

    fn content_path(&self, kind: &str, digest: &Digest) -> PathBuf {
        self.root.join(kind).join(digest.algorithm().name()).join(digest.hex())
    }

    /// What there is of a kind. Other names are not ours.
    fn digests(&self, kind: &str, algorithm: Algorithm) -> Result<Vec<Digest>, StoreError> {
        let folder = self.root.join(kind).join(algorithm.name());
        let read = || -> io::Result<Vec<Digest>> {
            let mut digests = Vec::new();
            for entry in fs::read_dir(&folder)? {
                let name = entry?.file_name();
                let digest = name.to_str().map(|hex| Digest::parse(&format!("{}:{hex}", algorithm.name())));
                digests.extend(digest.and_then(Result::ok));
            }
            Ok(digests)
        };
        read().map_err(StoreError::io("read", &folder))
    }

    /// Takes a name away at once, and then what it named.
    fn discard(&self, path: &Path) -> Result<(), StoreError> {
        let aside = self.put_aside(path)?;
        self.remove_aside(&aside)
    }

    /// Where it is removed at the latest when the store is opened.
    fn put_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let aside = self.staged_path();
        fs::rename(path, &aside).map_err(StoreError::io("remove", path))?;
        Ok(aside)
    }

    fn remove_aside(&self, aside: &Path) -> Result<(), StoreError> {
        remove(aside).map_err(StoreError::io("remove", aside))
    }

    fn staged_path(&self) -> PathBuf {
        // Unique also if another process, or this one a second time, has the store open.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.root.join("staging").join(format!("{}-{number}", std::process::id()))
    }
}

fn open_folder(path: &Path) -> Result<OwnedFd, StoreError> {
    rustix::fs::open(path, FOLDER, Mode::empty()).map_err(StoreError::io("open", path))
}

/// A file that is no larger than what is ever written; a disk that decays may claim anything.
fn read_small(path: &Path) -> Option<Vec<u8>> {
    const LARGEST: u64 = if MAX_MANIFEST > MAX_CONFIG { MAX_MANIFEST } else { MAX_CONFIG };
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// `None` also if it is torn.
fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&read_small(path)?).ok()
}

fn empty(folder: &Path) -> io::Result<()> {
    fs::read_dir(folder)?.try_for_each(|entry| remove(&entry?.path()))
}

/// A file, or a folder with all that is in it.
fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
