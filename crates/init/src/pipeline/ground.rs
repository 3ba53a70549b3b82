//! What a container stands on besides its image: its own folder, the mounted root file system, the volumes that go with it.

use image::overlay::{OverlayError, RootFs};
use std::io;
use std::path::PathBuf;

/// Dropping it takes all of it away again, whatever came of the container.
pub struct Ground {
    folder: PathBuf,
    rootfs: Option<RootFs>,
}

impl Ground {
    /// Makes the container's folder.
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(folder.join("run"))?;
        Ok(Ground { folder, rootfs: None })
    }

    /// For the files that are the container's own, such as its /etc/hosts.
    pub fn run_dir(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Stacks the image's layers below a layer of the container's own.
    pub fn mount(&mut self, layers: &[PathBuf]) -> Result<PathBuf, OverlayError> {
        let rootfs = RootFs::mount(layers, &self.folder)?;
        let path = rootfs.path().to_owned();
        self.rootfs = Some(rootfs);
        Ok(path)
    }

    /// Makes a volume that nobody else knows, and that goes with the container.
    pub fn anonymous_volume(&self, number: usize) -> io::Result<PathBuf> {
        let path = self.folder.join("volumes").join(number.to_string());
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(rootfs) = self.rootfs.take()
            && let Err(error) = rootfs.unmount()
        {
            log::warn!("{error}");
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            log::warn!("Could not remove the container's folder {}: {error}", self.folder.display());
        }
    }
}
