//! Room for images: a budget, and what goes when it is exceeded or the disk is full.

use super::Store;
use super::error::{Room, StoreError};
use super::eviction::{Step, order};
use super::partial::Partial;
use crate::digest::{Algorithm, Digest};
use crate::progress::size;
use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

/// How much of a disk images may take if nobody says: volumes and what containers write need some of it, too.
const DEFAULT_PERCENT: u64 = 80;
/// Kept free for manifests and records, in bytes.
const SLACK: u64 = 1 << 20;

/// What somebody wants to write, in bytes.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// What has to be free.
    space: u64,
    /// What the budget is charged with.
    budget: u64,
    /// How much of both is certain. Where even that cannot be had, no image goes in vain.
    certain: u64,
}

impl Need {
    fn has_space(self, room: &Room) -> bool {
        room.free >= self.space
    }

    fn is_met(self, room: &Room, limit: u64) -> bool {
        self.has_space(room) && room.used.saturating_add(self.budget) <= limit
    }

    /// The certain part of it.
    fn least(self) -> Need {
        let Need { space, budget, certain } = self;
        Need { space: space.min(certain), budget: budget.min(certain), certain }
    }
}

impl Store {
    /// Limits what images may take on a disk, in bytes. A pull that would need more fails. Without a limit, only the disk's size
    /// makes a pull fail, but images that are not in use are removed beyond four fifths of the disk.
    pub fn limit(&mut self, budget: u64) {
        self.budget = Some(budget);
    }

    /// Removes images that this boot has not used, least recently used first, until the store keeps to its budget.
    pub fn collect(&self) -> Result<(), StoreError> {
        self.evict(Need { space: 0, budget: 0, certain: 0 }).map(drop)
    }

    /// Before layers are fetched that take `least` bytes for certain and probably `wanted`. Not to get `least` is an error.
    pub(crate) fn make_room(&self, least: u64, wanted: u64) -> Result<(), StoreError> {
        // What the budget is really charged with is known when a layer is unpacked; no image goes on a guess.
        self.require(Need { space: wanted.saturating_add(SLACK), budget: least, certain: least })
    }

    /// Before a layer of `bytes`, which is on the disk already, gets its name.
    pub(super) fn keep_to_budget(&self, bytes: u64) -> Result<(), StoreError> {
        self.require(Need { space: 0, budget: bytes, certain: bytes })
    }

    fn require(&self, need: Need) -> Result<(), StoreError> {
        let (room, _) = self.evict(need)?;
        if need.least().is_met(&room, room.budget.unwrap_or(u64::MAX)) {
            return Ok(());
        }
        Err(StoreError::NoRoom { needed: need.certain, room })
    }

    /// Before manifests or records are written, which take next to nothing.
    pub(crate) fn make_slack(&self) -> Result<(), StoreError> {
        self.evict(Need { space: SLACK, budget: 0, certain: 0 }).map(drop)
    }

    /// After the disk was full, though what is free again now seemed enough: twice as much, if it can be had. `false`: nothing can.
    pub(crate) fn make_more_room(&self) -> Result<bool, StoreError> {
        let (_, removed) =
            self.evict(Need { space: self.free()?.saturating_mul(2), budget: 0, certain: 0 })?;
        if removed || !self.is_on_disk() {
            return Ok(removed);
        }
        // Partial downloads are a comfort.
        self.keeps_partials.store(false, Ordering::Relaxed);
        self.remove_partials(&HashSet::new()).map(|freed| freed > 0)
    }

    /// The error that what is free now was not enough.
    pub(crate) fn no_room(&self) -> StoreError {
        let room = self.room(&self.pinned());
        room.map_or_else(|error| error, |room| StoreError::NoRoom { needed: room.free, room })
    }

    /// What the file system still has, in bytes.
    pub(super) fn free(&self) -> Result<u64, StoreError> {
        self.sizes().map(|(free, _)| free)
    }

    /// Beyond that, images that are not in use go.
    fn target(&self, room: &Room) -> u64 {
        room.budget.unwrap_or(room.total / 100 * DEFAULT_PERCENT)
    }

    fn room(&self, pinned: &HashSet<Digest>) -> Result<Room, StoreError> {
        let (free, total) = self.sizes()?;
        let (used, idle) = if self.is_on_disk() { self.used(pinned)? } else { (0, 0) };
        Ok(Room { free, total, used, idle, budget: self.budget, in_memory: !self.is_on_disk() })
    }

    /// What the file system has free, and in all.
    fn sizes(&self) -> Result<(u64, u64), StoreError> {
        let sizes = rustix::fs::fstatvfs(&self.lock).map_err(StoreError::io("read", &self.root))?;
        // A file system in memory without a limit says that it has no blocks at all.
        let bytes = |blocks: u64| if sizes.f_blocks == 0 { u64::MAX } else { blocks * sizes.f_frsize };
        Ok((bytes(sizes.f_bavail), bytes(sizes.f_blocks)))
    }

    /// What layers and downloads take, and how much of it is not in use. Manifests and configurations do not count, nor do downloads
    /// that this boot goes on with: they end as layers.
    fn used(&self, pinned: &HashSet<Digest>) -> Result<(u64, u64), StoreError> {
        let (mut used, mut idle) = (0, 0);
        for (diff_id, bytes) in self.layers()? {
            used += bytes;
            if !pinned.contains(&diff_id) {
                idle += bytes;
            }
        }
        let mut partials = 0;
        self.each_partial(|digest, _, file| {
            if !pinned.contains(digest) {
                partials += bytes_on_disk(file);
            }
        })?;
        Ok((used + partials, idle + partials))
    }

    /// Removes what is not in use, until the need is met. Says what there is then, and whether anything was removed. A store in
    /// memory holds nothing that this boot has not used.
    fn evict(&self, need: Need) -> Result<(Room, bool), StoreError> {
        // Held until the end: nothing comes into use meanwhile.
        let pinned = self.pinned();
        let room = self.room(&pinned)?;
        let is_met = |room: &Room| need.is_met(room, self.target(room));
        if is_met(&room) || !self.is_on_disk() {
            return Ok((room, false));
        }
        let mut removed = !need.has_space(&room) && self.remove_predecessors()?;
        let room = self.room(&pinned)?;
        let at_best = Room { free: room.free + room.idle, used: room.used - room.idle, ..room };
        if is_met(&room) || !need.least().is_met(&at_best, room.budget.unwrap_or(u64::MAX)) {
            return Ok((room, removed));
        }
        removed |= self.remove_partials(&pinned)? > 0;
        removed |= self.remove_images(&pinned, is_met)?;
        Ok((self.room(&pinned)?, removed))
    }

    fn remove_images(
        &self,
        pinned: &HashSet<Digest>,
        is_met: impl Fn(&Room) -> bool,
    ) -> Result<bool, StoreError> {
        let mut images = self.known_images()?;
        let layers: Vec<Digest> = self.layers()?.into_iter().map(|(diff_id, _)| diff_id).collect();
        let mut removed = false;
        for step in order(&mut images, &layers, pinned) {
            if is_met(&self.room(pinned)?) {
                break;
            }
            removed = true;
            match step {
                Step::Layer(diff_id) => self.remove_layer(diff_id)?,
                Step::Image(image) => {
                    log::info!("Removing the image {} from the store to make room", image.reference);
                    let path = self.root.join("refs").join(&image.file);
                    fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                }
            }
        }
        if removed {
            self.remove_unnamed_blobs(pinned)?;
        }
        Ok(removed)
    }

    /// Removes partial downloads that no pull wants or is writing; says how many bytes that were.
    fn remove_partials(&self, pinned: &HashSet<Digest>) -> Result<u64, StoreError> {
        let mut freed = 0;
        self.each_partial(|digest, path, file| {
            if !pinned.contains(digest) && Partial::is_idle(file) && fs::remove_file(path).is_ok() {
                freed += bytes_on_disk(file);
            }
        })?;
        if freed > 0 {
            log::info!("Removed downloads that were not completed: {}", size(freed));
        }
        Ok(freed)
    }

    fn each_partial(&self, mut act: impl FnMut(&Digest, &Path, &File)) -> Result<(), StoreError> {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for digest in self.digests("partial", algorithm)? {
                let path = self.content_path("partial", &digest);
                // One that is gone meanwhile was completed.
                if let Ok(file) = File::open(&path) {
                    act(&digest, &path, &file);
                }
            }
        }
        Ok(())
    }

    /// Manifests and configurations of images that are gone.
    fn remove_unnamed_blobs(&self, pinned: &HashSet<Digest>) -> Result<(), StoreError> {
        let named = self.named_blobs()?;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for digest in self.digests("blobs", algorithm)? {
                if !named.contains(&digest) && !pinned.contains(&digest) {
                    let path = self.content_path("blobs", &digest);
                    fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                }
            }
        }
        Ok(())
    }
}

fn bytes_on_disk(file: &File) -> u64 {
    file.metadata().map_or(0, |meta| meta.blocks() * 512)
}
