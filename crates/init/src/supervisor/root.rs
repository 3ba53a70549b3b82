//! Leaving the initial ramfs. pivot_root(2) refuses to leave it, and every container starts with one, so a tmpfs becomes the root.

use rustix::fs::{FileType, Mode};
use rustix::mount::{MountFlags, mount, mount_bind, mount_move};
use std::ffi::CStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const NEW_ROOT: &str = "/.new-root";

/// Most of the memory may be files: images live here when there is no cache drive. What is left is for the programs in them.
const TMPFS_OPTIONS: &CStr = c"mode=0755,size=90%,nr_inodes=0";

/// Folders on which file systems are mounted right away; what is in them would be hidden.
const MOUNT_POINTS: [&str; 3] = ["dev", "proc", "sys"];

/// Makes a tmpfs the root, with all that the archives of the initrd brought in its old place.
///
/// Folders and files stay where they are and are bound: a distribution's modules take many megabytes, which would be copied on every boot, and this program runs from its
/// file. Links move.
pub fn switch_to_tmpfs() -> io::Result<()> {
    std::fs::create_dir(NEW_ROOT)?;
    mount("tmpfs", NEW_ROOT, "tmpfs", MountFlags::empty(), TMPFS_OPTIONS)?;
    for entry in std::fs::read_dir("/")? {
        let source = entry?.path();
        if let Some(name) = source.file_name()
            && source != Path::new(NEW_ROOT)
        {
            bring(&source, &Path::new(NEW_ROOT).join(name))?;
        }
    }
    std::env::set_current_dir(NEW_ROOT)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    std::env::set_current_dir("/")
}

/// Makes `source`, an entry of the old root, appear as `target`.
fn bring(source: &Path, target: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(source)?;
    match FileType::from_raw_mode(metadata.mode()) {
        FileType::Directory => {
            std::fs::create_dir(target)?;
            let hidden = MOUNT_POINTS.iter().any(|name| target.ends_with(name));
            return if hidden { Ok(()) } else { Ok(mount_bind(source, target)?) };
        }
        FileType::RegularFile => {
            std::fs::File::create_new(target)?;
            return Ok(mount_bind(source, target)?);
        }
        FileType::Symlink => std::os::unix::fs::symlink(std::fs::read_link(source)?, target)?,
        kind => {
            let mode = Mode::from_raw_mode(metadata.mode());
            rustix::fs::mknodat(rustix::fs::CWD, target, kind, mode, metadata.rdev())?;
        }
    }
    std::os::unix::fs::lchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    std::fs::remove_file(source)
}
