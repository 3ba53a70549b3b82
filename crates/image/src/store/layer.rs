//! Layers: unpacked to one side, flushed, and only then given their name.

use super::error::StoreError;
use super::seal::{Content, Seal};
use super::{Store, open_folder, read_json};
use crate::digest::{Algorithm, Digest};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::{Errno, Result as SysResult};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The layer's files, in its folder.
const ROOT: &str = "root";
/// What they have to be, beside them, so that both get their name at once.
const SEAL: &str = "seal";

impl Store {
    /// Where a layer's files are, or would be.
    pub(crate) fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.content_path("layers", diff_id).join(ROOT)
    }

    /// Whether a layer is there, and so is whole.
    pub(crate) fn has_layer(&self, diff_id: &Digest) -> bool {
        self.layer_path(diff_id).is_dir()
    }

    /// A new folder for a layer.
    pub(crate) fn stage_layer(&self) -> Result<StagedLayer<'_>, StoreError> {
        let path = self.staged_path();
        let root = path.join(ROOT);
        fs::create_dir_all(&root).map_err(StoreError::io("create", &root))?;
        // Until the layer itself says otherwise; the umask has no say.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755))
            .map_err(StoreError::io("create", &root))?;
        let folder = open_folder(&root)?;
        Ok(StagedLayer { store: self, path, folder })
    }

    /// All layers that have their names, and what they take on the disk.
    pub(super) fn layers(&self) -> Result<Vec<(Digest, u64)>, StoreError> {
        let mut layers = Vec::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for diff_id in self.digests("layers", algorithm)? {
                let bytes = self.seal(&diff_id).map_or(0, |seal| seal.bytes);
                layers.push((diff_id, bytes));
            }
        }
        Ok(layers)
    }

    /// Whether a layer's files are still what they were.
    pub(super) fn is_sound(&self, diff_id: &Digest) -> bool {
        let found = open_folder(&self.layer_path(diff_id)).map(|root| Seal::of(root, Content::Read));
        match (self.seal(diff_id), found) {
            (Some(said), Ok(Ok(found))) => said.sum == found.sum,
            _ => false,
        }
    }

    /// Takes a layer's name away at once, and then its files. After a power cut in between, the rest goes when the store is
    /// opened.
    pub(super) fn remove_layer(&self, diff_id: &Digest) -> Result<(), StoreError> {
        self.discard(&self.content_path("layers", diff_id))
    }

    fn seal(&self, diff_id: &Digest) -> Option<Seal> {
        read_json(&self.content_path("layers", diff_id).join(SEAL))
    }
}

/// A layer that is being unpacked. Removed when dropped, unless it was committed.
pub(crate) struct StagedLayer<'a> {
    store: &'a Store,
    path: PathBuf,
    folder: OwnedFd,
}

impl StagedLayer<'_> {
    /// What is unpacked goes here; with sums if [`Store::is_on_disk`].
    pub(crate) fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// Gives the layer its name. Its content has to have that digest.
    pub(crate) fn commit(self, diff_id: &Digest) -> Result<(), StoreError> {
        let path = self.store.content_path("layers", diff_id);
        if self.store.is_on_disk() {
            self.seal()?;
        }
        rustix::fs::syncfs(&self.folder).map_err(StoreError::io("flush", &self.path))?;
        let mut renamed = self.rename(&path);
        if renamed == Err(Errno::EXIST) && !self.store.has_layer(diff_id) {
            // What is left of a layer after the file system was repaired.
            self.store.discard(&path)?;
            renamed = self.rename(&path);
        }
        match renamed {
            // Another pull was quicker.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(StoreError::io("keep", &path)(e)),
        }
        let parent = path.parent().unwrap_or(&self.store.root);
        rustix::fs::fsync(open_folder(parent)?).map_err(StoreError::io("flush", parent))
    }

    fn rename(&self, path: &Path) -> SysResult<()> {
        rustix::fs::renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE)
    }

    fn seal(&self) -> Result<(), StoreError> {
        let seal = Seal::of(&self.folder, Content::Trusted).map_err(StoreError::io("read", &self.path))?;
        self.store.keep_to_budget(seal.bytes)?;
        let path = self.path.join(SEAL);
        let text = serde_json::to_vec(&seal).map_err(StoreError::io("write", &path))?;
        fs::write(&path, text).map_err(StoreError::io("write", &path))
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
