//! Module trees with few modules, as somebody makes them for `b2c.modules` or for a small initramfs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where tools/kernel unpacks the kernels' packages.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache");

/// A kernel of the tests.
#[derive(Clone, Copy)]
pub enum Kernel {
    /// That of most boots.
    Cloud,
    /// Debian's ordinary one.
    Stock,
}

impl Kernel {
    /// All of its modules, by their release.
    fn modules(self) -> PathBuf {
        let folder = Path::new(CACHE).join(match self {
            Kernel::Cloud => "kernel",
            Kernel::Stock => "stock",
        });
        let package =
            entries(&folder).into_iter().find(|path| path.is_dir()).expect("tools/kernel has been run");
        entries(&package.join("lib/modules")).remove(0)
    }

    /// One module's file.
    pub fn module(self, name: &str) -> PathBuf {
        find(&self.modules(), name).unwrap_or_else(|| panic!("no module {name}"))
    }

    /// A folder with `usr/lib/modules/RELEASE`, in which depmod has found those modules.
    pub fn tree(self, names: &[&str]) -> TempDir {
        let all = self.modules();
        let release = all.file_name().unwrap();
        let root = tempfile::Builder::new().prefix("b2c-modules").tempdir().unwrap();
        let folder = root.path().join("usr/lib/modules").join(release);
        fs::create_dir_all(&folder).unwrap();
        for name in names {
            let file = self.module(name);
            fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
        for index in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
            fs::copy(all.join(index), folder.join(index)).unwrap();
        }
        let depmod =
            Command::new("/sbin/depmod").arg("-b").arg(root.path().join("usr")).arg(release).status();
        assert!(depmod.unwrap().success());
        root
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    entries(folder).into_iter().find_map(|path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            find(&path, name)
        } else {
            (file.split(".ko").next() == Some(name) && file != name).then_some(path)
        }
    })
}
