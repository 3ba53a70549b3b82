//! What references were, and when they were used.

use super::error::StoreError;
use super::eviction::Known;
use super::{Store, StoredImage, read_json};
use crate::Platform;
use crate::config::Config;
use crate::digest::{Algorithm, Digest};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, DirEntry, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

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

impl Store {
    /// What a reference was last; `None` if it was never pulled.
    pub(crate) fn record(&self, reference: &str, platform: &Platform) -> Option<Record> {
        let record: Record = read_json(&self.record_path(reference, &platform.to_string()))?;
        (record.reference == reference && record.platform == platform.to_string()).then_some(record)
    }

    /// Records what a reference is now. All of it has to be in the store, and is on the disk before it is named.
    pub(crate) fn put_record(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.record_path(&record.reference, &record.platform);
        let staged = self.staged_path();
        let write = || -> io::Result<()> {
            let mut file = File::create(&staged)?;
            file.write_all(&serde_json::to_vec(record)?)?;
            rustix::fs::futimens(&file, &self.next_use()?)?;
            rustix::fs::syncfs(&file)?;
            fs::rename(&staged, &path)?;
            File::open(self.root.join("refs"))?.sync_all()
        };
        write().map_err(StoreError::io("write", &path))
    }

    /// Notes that a reference is used now. Not flushed: only the order of eviction depends on it.
    pub(crate) fn touch(&self, record: &Record) {
        if !self.is_on_disk() {
            return;
        }
        let path = self.record_path(&record.reference, &record.platform);
        let touch = || Ok(rustix::fs::utimensat(CWD, &path, &self.next_use()?, AtFlags::SYMLINK_NOFOLLOW)?);
        if let Err(e) = touch().map_err(StoreError::io::<io::Error>("note the use of", &path)) {
            log::warn!("{e}");
        }
    }

    /// The image whose configuration has that digest, if all of it is there.
    pub(crate) fn image_by_id(&self, id: &Digest) -> Option<StoredImage> {
        let records = self.records().ok()?;
        let (_, record) = records
            .into_iter()
            .find(|(_, record)| self.manifest(&record.manifest).is_some_and(|m| m.config.digest == *id))?;
        self.touch(&record);
        self.image(&record.manifest)
    }

    /// All images, for eviction.
    pub(super) fn known_images(&self) -> Result<Vec<Known>, StoreError> {
        let mut images = Vec::new();
        for (entry, record) in self.records()? {
            let layers = self
                .manifest(&record.manifest)
                .and_then(|manifest| Config::parse(&self.blob(&manifest.config.digest)?).ok())
                .map(|config| config.diff_ids);
            images.push(Known {
                file: entry.file_name().to_string_lossy().into_owned(),
                reference: record.reference,
                used: entry.metadata().map_or(0, |meta| meta.mtime()),
                manifest: record.manifest,
                layers: layers.unwrap_or_default(),
            });
        }
        Ok(images)
    }

    /// Manifests and configurations that belong to an image.
    pub(super) fn named_blobs(&self) -> Result<HashSet<Digest>, StoreError> {
        let mut named = HashSet::new();
        for (_, record) in self.records()? {
            named.extend(self.manifest(&record.manifest).map(|manifest| manifest.config.digest));
            named.extend([record.resolved, record.manifest]);
        }
        Ok(named)
    }

    /// All that can be read. A torn one is as good as none.
    fn records(&self) -> Result<Vec<(DirEntry, Record)>, StoreError> {
        let folder = self.root.join("refs");
        let entries: io::Result<Vec<DirEntry>> = fs::read_dir(&folder).and_then(Iterator::collect);
        let entries = entries.map_err(StoreError::io("read", &folder))?;
        let read = |entry: DirEntry| read_json(&entry.path()).map(|record| (entry, record));
        Ok(entries.into_iter().filter_map(read).collect())
    }

    /// A time later than those of all records. It counts uses and not seconds, because the clocks of such machines go as they like.
    fn next_use(&self) -> io::Result<Timestamps> {
        let mut last = 0;
        for entry in fs::read_dir(self.root.join("refs"))? {
            last = last.max(entry?.metadata()?.mtime());
        }
        let now = Timespec { tv_sec: last.saturating_add(1), tv_nsec: 0 };
        Ok(Timestamps { last_access: now, last_modification: now })
    }

    /// References can be longer than a file's name, and have slashes: so a hash of them is the name.
    fn record_path(&self, reference: &str, platform: &str) -> PathBuf {
        let name = Digest::of(Algorithm::Sha256, format!("{reference} {platform}").as_bytes());
        self.root.join("refs").join(name.hex())
    }
}
