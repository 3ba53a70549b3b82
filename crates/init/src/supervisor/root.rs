//! Leaving the initial ramfs. pivot_root(2) refuses to leave it, and every container starts with one, so the files move to a tmpfs which becomes the root.

use rustix::fs::{self, AtFlags, FileType, Mode, Timespec, Timestamps};
use rustix::mount::{MountFlags, mount, mount_move};
use std::ffi::CStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const NEW_ROOT: &str = "/.new-root";

/// Most of the memory may be files: images live here when there is no cache drive. What is left is for the programs in them.
const TMPFS_OPTIONS: &CStr = c"mode=0755,size=90%,nr_inodes=0";

/// Makes a tmpfs with all files of the initramfs the root.
pub fn switch_to_tmpfs() -> io::Result<()> {
    std::fs::create_dir(NEW_ROOT)?;
    mount("tmpfs", NEW_ROOT, "tmpfs", MountFlags::empty(), TMPFS_OPTIONS)?;
    let device = std::fs::symlink_metadata("/")?.dev();
    move_children(Path::new("/"), Path::new(NEW_ROOT), device)?;
    std::env::set_current_dir(NEW_ROOT)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    std::env::set_current_dir("/")
}

/// Moves what is in `from` to `to`, one file at a time so that no more than one is in memory twice. Other file systems mounted below are left alone.
fn move_children(from: &Path, to: &Path, device: u64) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let source = entry?.path();
        let metadata = std::fs::symlink_metadata(&source)?;
        if metadata.dev() != device || source == Path::new(NEW_ROOT) {
            continue;
        }
        let Some(name) = source.file_name() else { continue };
        move_entry(&source, &to.join(name), &metadata, device)?;
    }
    Ok(())
}

fn move_entry(source: &Path, target: &Path, metadata: &Metadata, device: u64) -> io::Result<()> {
    match FileType::from_raw_mode(metadata.mode()) {
        FileType::Directory => {
            std::fs::create_dir(target)?;
            move_children(source, target, device)?;
        }
        FileType::RegularFile => {
            std::fs::copy(source, target)?;
        }
        FileType::Symlink => std::os::unix::fs::symlink(std::fs::read_link(source)?, target)?,
        kind => fs::mknodat(fs::CWD, target, kind, Mode::from_raw_mode(metadata.mode()), metadata.rdev())?,
    }
    copy_attributes(target, metadata)?;
    if metadata.is_dir() { std::fs::remove_dir(source) } else { std::fs::remove_file(source) }
}

fn copy_attributes(target: &Path, metadata: &Metadata) -> io::Result<()> {
    std::os::unix::fs::lchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    if !metadata.is_symlink() {
        std::fs::set_permissions(target, metadata.permissions())?;
    }
    let times = Timestamps {
        last_access: Timespec { tv_sec: metadata.atime(), tv_nsec: metadata.atime_nsec() },
        last_modification: Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() },
    };
    fs::utimensat(fs::CWD, target, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
