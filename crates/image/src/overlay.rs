//! A container's root file system: the image's layers, read only, and over them what the container writes (overlayfs).

use crate::unpack::OPAQUE_XATTR;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Below the kernel's page of mount options, whatever the page size.
const MAX_OPTIONS: usize = 4095;

/// A mounted root file system. Unmounted when dropped; its folders are the caller's to remove.
#[derive(Debug)]
pub struct RootFs {
    path: PathBuf,
    mounted: bool,
}

/// The root file system cannot be mounted or unmounted.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// There is nothing to mount.
    #[error("the image has no layers, so there is nothing to run")]
    NoLayers,
    /// More than mount options can name.
    #[error("the image has {0} layers, more than overlayfs can stack")]
    TooMany(usize),
    /// A folder cannot be made or read.
    #[error("{} cannot be prepared for the container: {source}", path.display())]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// mount(2) or umount(2) failed.
    #[error("the container's root file system cannot be {action}: {source}{}", hint(*source))]
    Mount {
        /// `mounted` or `unmounted`.
        action: &'static str,
        /// The kernel's reason.
        source: Errno,
    },
}

impl RootFs {
    /// Stacks `layers`, lowest first, and mounts the result at `work/merged`.
    ///
    /// `work` is a folder of the container's own on a file system that can hold white-outs (tmpfs, ext4, ...); all that the container writes
    /// goes to `work/upper`.
    pub fn mount(layers: &[PathBuf], work: &Path) -> Result<RootFs, OverlayError> {
        let layers = visible(layers)?;
        let Some(top) = layers.first() else { return Err(OverlayError::NoLayers) };
        for name in ["upper", "work", "merged", "l"] {
            let path = work.join(name);
            fs::create_dir_all(&path).map_err(|e| prepare(&path, e))?;
        }
        copy_root_attributes(top, &work.join("upper"))?;
        for (number, layer) in layers.iter().enumerate() {
            let path = work.join("l").join(number.to_string());
            symlink(layer, &path).map_err(|e| prepare(&path, e))?;
        }
        mount(layers.len(), work)?;
        Ok(RootFs { path: work.join("merged"), mounted: true })
    }

    /// The merged root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Unmounts it. If something still uses it, it only vanishes from the tree, and the error says so.
    pub fn unmount(mut self) -> Result<(), OverlayError> {
        rustix::mount::unmount(&self.path, UnmountFlags::NOFOLLOW)
            .map_err(|source| OverlayError::Mount { action: "unmounted", source })?;
        self.mounted = false;
        Ok(())
    }
}

impl Drop for RootFs {
    fn drop(&mut self) {
        if !self.mounted {
            return;
        }
        if let Err(e) = rustix::mount::unmount(&self.path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            log::warn!("{} stays mounted: {e}", self.path.display());
        }
    }
}

/// The layers that count, top first. overlayfs merges the layers' roots even where one says that it hides those below.
fn visible(layers: &[PathBuf]) -> Result<Vec<&Path>, OverlayError> {
    let mut visible = Vec::new();
    for layer in layers.iter().rev() {
        visible.push(layer.as_path());
        let mut value = [0u8; 1];
        match rustix::fs::getxattr(layer, OPAQUE_XATTR, &mut value) {
            Ok(1) if &value == b"y" => break,
            Ok(_) | Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => {}
            Err(e) => return Err(prepare(layer, e.into())),
        }
    }
    Ok(visible)
}

/// The merged root has the owner and mode of the uppermost folder, which is not the image's.
fn copy_root_attributes(from: &Path, to: &Path) -> Result<(), OverlayError> {
    let copy = || {
        let attributes = fs::metadata(from)?;
        chown(to, Some(attributes.uid()), Some(attributes.gid()))?;
        fs::set_permissions(to, fs::Permissions::from_mode(attributes.mode() & 0o7777))
    };
    copy().map_err(|e| prepare(to, e))
}

/// Mounts from a thread that has a working directory of its own.
///
/// The kernel takes one page of options, and hundreds of layers fit in only by short names. Names can be short if they are
/// relative, but the working directory belongs to all threads of a process, unless a thread lets go of it (unshare(2), CLONE_FS).
/// The newer mount API has no such limit, but Linux 6.7 is the first with it for overlayfs.
fn mount(layers: usize, work: &Path) -> Result<(), OverlayError> {
    let lower = (0..layers).map(|number| number.to_string()).collect::<Vec<_>>().join(":");
    let options = format!("lowerdir={lower},upperdir=../upper,workdir=../work");
    let options = CString::new(options).ok().filter(|options| options.count_bytes() <= MAX_OPTIONS);
    let options = options.ok_or(OverlayError::TooMany(layers))?;
    let names = work.join("l");
    let mount_there = || -> rustix::io::Result<()> {
        // SAFETY: only CLONE_FS is unshared: no descriptor table is, which is what makes unshare unsafe.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS) }?;
        let names =
            rustix::fs::open(&names, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::process::fchdir(names)?;
        rustix::mount::mount(c"overlay", c"../merged", c"overlay", MountFlags::empty(), Some(&*options))
    };
    let mounted = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, mount_there);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(mounted)) => mounted,
            Ok(Err(_)) | Err(_) => Err(Errno::AGAIN),
        }
    });
    mounted.map_err(|source| OverlayError::Mount { action: "mounted", source })
}

fn prepare(path: &Path, source: io::Error) -> OverlayError {
    OverlayError::Prepare { path: path.to_owned(), source }
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::NODEV => {
            ": the kernel has no overlayfs; its module is called `overlay` (modules_load=overlay)"
        }
        Errno::INVAL => ": the file system of the container's folder may not be fit for overlayfs",
        Errno::BUSY => ": something still uses it",
        Errno::PERM => ": only root can mount",
        _ => "",
    }
}
