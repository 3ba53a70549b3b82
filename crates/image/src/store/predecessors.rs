//! What others left on the disk that only takes room now: the original boot2container's podman store, and stores of other
//! versions of this program. Kept as long as there is room, so that one can go back.

use super::error::StoreError;
use super::{LAYOUT, Store};
use crate::progress::size;
use std::fs;
use std::path::{Path, PathBuf};

/// What podman leaves in its `--root`, for the drivers that it chooses by itself. Not `volumes`, which are the users'; nor
/// `networks`, `secrets` and `tmp`, which are small and may be.
const PODMAN: [&str; 14] = [
    "overlay",
    "overlay-containers",
    "overlay-images",
    "overlay-layers",
    "overlay-locks",
    "vfs",
    "vfs-containers",
    "vfs-images",
    "vfs-layers",
    "vfs-locks",
    "libpod",
    "db.sql",
    "storage.lock",
    "userns.lock",
];
/// Without one of these it is no podman store, whatever has the other names.
const PODMAN_MARKS: [&str; 2] = ["overlay-images", "vfs-images"];

impl Store {
    /// Says where the original boot2container may have left its podman store, which is removed first when there is no room.
    pub fn succeed_podman(&mut self, folder: &Path) {
        self.podman = Some(folder.to_owned());
    }

    /// Says whether there was anything to remove.
    pub(super) fn remove_predecessors(&self) -> Result<bool, StoreError> {
        let mut removed = self.remove_all("an image store of another version", &self.other_layouts()?)?;
        if let Some(folder) = &self.podman
            && PODMAN_MARKS.iter().any(|name| folder.join(name).is_dir())
        {
            let parts = PODMAN.iter().map(|name| folder.join(name));
            let present: Vec<_> = parts.filter(|path| path.symlink_metadata().is_ok()).collect();
            removed |= self.remove_all("the image store of the original boot2container", &present)?;
        }
        Ok(removed)
    }

    fn remove_all(&self, what: &str, paths: &[PathBuf]) -> Result<bool, StoreError> {
        if paths.is_empty() {
            return Ok(false);
        }
        let before = self.free()?;
        let paths = paths.iter().map(|path| self.put_aside(path)).collect::<Result<Vec<_>, _>>()?;
        paths.iter().try_for_each(|path| self.remove_aside(path))?;
        let freed = self.free()?.saturating_sub(before);
        log::warn!("Removed {what} to make room: {}", size(freed));
        Ok(true)
    }

    /// Folders beside ours that have the name of a layout.
    fn other_layouts(&self) -> Result<Vec<PathBuf>, StoreError> {
        let base = self.root.parent().unwrap_or(&self.root);
        let failed = StoreError::io("read", base);
        let names = fs::read_dir(base)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|e| e.file_name())).collect::<Result<Vec<_>, _>>()
            })
            .map_err(failed)?;
        let is_layout = |name: &str| {
            name != LAYOUT && name.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok())
        };
        Ok(names
            .iter()
            .filter(|name| name.to_str().is_some_and(is_layout))
            .map(|name| base.join(name))
            .collect())
    }
}
