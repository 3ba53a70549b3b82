//! Where images are kept: manifests and configurations as they were fetched, layers unpacked, and what each reference was last.
//!
//! ```text
//! blobs/sha256/<hex>        manifests and configurations; checked whenever they are read
//! layers/sha256/<diffID>/   one unpacked layer
//! refs/<hash>               a reference and the manifest that it was last, as JSON
//! staging/                  what is being written
//! ```
//!
//! A name appears only when what it names is whole, also after a power cut: a layer is unpacked in `staging`, flushed to the disk,
//! and only then renamed. A reference is written when all its layers have their names.

use crate::Platform;
use crate::config::Config;
use crate::digest::{Algorithm, Digest};
use crate::manifest::{ImageManifest, Manifest};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Images on this machine. Can be used from many threads, and opened more than once.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// `staging`, locked as long as this store is open, so that nobody empties it.
    _lock: OwnedFd,
}

/// The store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the image store cannot {action} {}: {source}{}", path.display(), hint(source))]
pub struct StoreError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// What a reference was when it was pulled last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// As a person reads it.
    pub(crate) reference: String,
    pub(crate) platform: String,
    /// What the registry had under the reference: an index or a manifest.
    pub(crate) resolved: Digest,
    /// The manifest that was chosen.
    pub(crate) manifest: Digest,
}

/// An image that is whole in the store.
pub(crate) struct StoredImage {
    pub(crate) digest: Digest,
    pub(crate) config: Config,
}

impl Store {
    /// Opens the store in the folder `root`, and makes it if there is none. What was left half written is removed.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        for folder in ["blobs/sha256", "blobs/sha512", "layers/sha256", "layers/sha512", "refs", "staging"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(|e| error("create", &path, e))?;
        }
        let path = root.join("staging");
        let staging = open_folder(&path)?;
        if rustix::fs::flock(&staging, FlockOperation::NonBlockingLockExclusive).is_ok() {
            empty(&path).map_err(|e| error("empty", &path, e))?;
        }
        rustix::fs::flock(&staging, FlockOperation::LockShared)
            .map_err(|e| error("lock", &path, e.into()))?;
        Ok(Store { root: root.to_owned(), _lock: staging })
    }

    /// Where a layer is, or would be.
    pub(crate) fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.content_path("layers", diff_id)
    }

    /// Whether a layer is there, and so is whole.
    pub(crate) fn has_layer(&self, diff_id: &Digest) -> bool {
        self.layer_path(diff_id).is_dir()
    }

    /// A manifest or configuration; `None` if it is not there or not what its name says.
    pub(crate) fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        fs::read(self.content_path("blobs", digest)).ok().filter(|bytes| digest.matches(bytes))
    }

    /// Keeps a manifest or configuration. Not flushed: a torn one is found out when it is read.
    pub(crate) fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let staged = self.staged_path();
        let path = self.content_path("blobs", digest);
        fs::write(&staged, bytes).map_err(|e| error("write", &staged, e))?;
        fs::rename(&staged, &path).map_err(|e| error("rename to", &path, e))
    }

    /// A new folder for a layer.
    pub(crate) fn stage_layer(&self) -> Result<StagedLayer<'_>, StoreError> {
        let path = self.staged_path();
        fs::create_dir(&path).map_err(|e| error("create", &path, e))?;
        // Until the layer itself says otherwise; the umask has no say.
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .map_err(|e| error("create", &path, e))?;
        let folder = open_folder(&path)?;
        Ok(StagedLayer { store: self, path, folder })
    }

    /// What a reference was last; `None` if it was never pulled.
    pub(crate) fn record(&self, reference: &str, platform: &Platform) -> Option<Record> {
        let bytes = fs::read(self.record_path(reference, &platform.to_string())).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.reference == reference && record.platform == platform.to_string()).then_some(record)
    }

    /// Records what a reference is now. All of it has to be in the store.
    pub(crate) fn put_record(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.record_path(&record.reference, &record.platform);
        let staged = self.staged_path();
        let write = || {
            let mut file = File::create(&staged)?;
            file.write_all(&serde_json::to_vec(record)?)?;
            file.sync_all()?;
            fs::rename(&staged, &path)?;
            File::open(self.root.join("refs"))?.sync_all()
        };
        write().map_err(|e| error("write", &path, e))
    }

    /// The image with that manifest, if all of it is there.
    pub(crate) fn image(&self, manifest: &Digest) -> Option<StoredImage> {
        let image = self.manifest(manifest)?;
        let config = Config::parse(&self.blob(&image.config.digest)?).ok()?;
        let whole = config.diff_ids.iter().all(|diff_id| self.has_layer(diff_id));
        whole.then(|| StoredImage { digest: manifest.clone(), config })
    }

    /// The image whose configuration has that digest, if all of it is there.
    pub(crate) fn image_by_id(&self, id: &Digest) -> Option<StoredImage> {
        let records = fs::read_dir(self.root.join("refs")).ok()?;
        records
            .filter_map(|file| serde_json::from_slice::<Record>(&fs::read(file.ok()?.path()).ok()?).ok())
            .find(|record| self.manifest(&record.manifest).is_some_and(|m| m.config.digest == *id))
            .and_then(|record| self.image(&record.manifest))
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

    /// References can be longer than a file's name, and have slashes: so a hash of them is the name.
    fn record_path(&self, reference: &str, platform: &str) -> PathBuf {
        let name = Digest::of(Algorithm::Sha256, format!("{reference} {platform}").as_bytes());
        self.root.join("refs").join(name.hex())
    }

    fn staged_path(&self) -> PathBuf {
        // Unique also if another process, or this one a second time, has the store open.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.root.join("staging").join(format!("{}-{number}", std::process::id()))
    }
}

/// A layer that is being unpacked. Removed when dropped, unless it was committed.
pub(crate) struct StagedLayer<'a> {
    store: &'a Store,
    path: PathBuf,
    folder: OwnedFd,
}

impl StagedLayer<'_> {
    /// What is unpacked goes here.
    pub(crate) fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// Gives the layer its name. Its content has to have that digest.
    pub(crate) fn commit(self, diff_id: &Digest) -> Result<(), StoreError> {
        let path = self.store.layer_path(diff_id);
        let failed = |e: Errno| error("keep", &path, e.into());
        rustix::fs::syncfs(&self.folder).map_err(failed)?;
        match rustix::fs::renameat_with(CWD, &self.path, CWD, &path, RenameFlags::NOREPLACE) {
            // Another pull was quicker.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e)),
        }
        let parent = path.parent().unwrap_or(&self.store.root);
        rustix::fs::fsync(open_folder(parent)?).map_err(failed)
    }
}

impl Drop for StagedLayer<'_> {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.path)
            && e.kind() != io::ErrorKind::NotFound
        {
            log::warn!("{} is left behind: {e}", self.path.display());
        }
    }
}

fn open_folder(path: &Path) -> Result<OwnedFd, StoreError> {
    rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|e| error("open", path, e.into()))
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError { action, path: path.to_owned(), source }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => ": it is full; give the machine more memory",
        _ => "",
    }
}
