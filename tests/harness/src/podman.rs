//! An image store that a real podman has written.

use crate::registry::Registry;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder that podman has as its `--root`.
#[derive(Debug)]
pub struct PodmanStore {
    folder: TempDir,
}

impl PodmanStore {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("b2c-podman").tempdir().unwrap() }
    }

    /// Pulls an image of a registry into it; gives the image's ID.
    pub fn pull(&self, registry: &Registry, name: &str) -> String {
        let image = format!("{}/{name}", registry.address());
        let output = self.podman(&["pull", "--quiet", "--tls-verify=false", &image]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Gives an image one more name.
    pub fn tag(&self, image: &str, name: &str) {
        self.podman(&["tag", image, name]);
    }

    /// The store itself.
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn podman(&self, arguments: &[&str]) -> Output {
        let folder: &Path = self.folder.path();
        let output = Command::new("podman")
            .arg("--root")
            .arg(self.path())
            .arg("--runroot")
            .arg(folder.join("run"))
            .args(["--storage-driver=overlay", "--events-backend=none"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "podman {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

impl Default for PodmanStore {
    fn default() -> Self {
        Self::new()
    }
}
