//! What a file system is good for. Shares of other machines are chosen by users, and many can hold files but no images: no owners, no device nodes,
//! no `trusted.` attributes. That shows only when it is tried.

use crate::overlay::RootFs;
use crate::unpack::OPAQUE_XATTR;
use rustix::fs::{CWD, FileType, Gid, Mode, Uid, XattrFlags};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

/// Where it is tried; removed again.
const PROBE: &str = ".b2c-probe";
/// An owner that nobody has by accident.
const OWNER: u32 = 54321;

/// What can be kept in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// Unpacked layers, with owners and white-outs.
    pub layers: bool,
    /// What containers write: overlayfs takes no upper folder on most network file systems.
    pub containers: bool,
}

/// Tries what can be kept in `folder`.
pub fn fitness(folder: &Path) -> Fitness {
    let probe = folder.join(PROBE);
    // One that a power cut left.
    let _ = fs::remove_dir_all(&probe);
    let layers = try_layer(&probe.join("layer"));
    let containers = try_container(&probe.join("layer"), &probe.join("container"));
    for (what, tried) in [("layers", &layers), ("what containers write", &containers)] {
        if let Err(error) = tried {
            log::debug!("{} cannot hold {what}: {error}", folder.display());
        }
    }
    if let Err(error) = fs::remove_dir_all(&probe) {
        log::debug!("{} stays: {error}", probe.display());
    }
    Fitness { layers: layers.is_ok(), containers: containers.is_ok() }
}

/// Makes one of each kind that unpacking makes, and looks at it again.
fn try_layer(layer: &Path) -> io::Result<()> {
    let (folder, white_out, link) = (layer.join("folder"), layer.join("white-out"), layer.join("link"));
    fs::create_dir_all(&folder)?;
    rustix::fs::setxattr(&folder, OPAQUE_XATTR, b"y", XattrFlags::empty())?;
    rustix::fs::mknodat(CWD, &white_out, FileType::CharacterDevice, Mode::empty(), 0)?;
    symlink("folder", &link)?;
    rustix::fs::chownat(
        CWD,
        &link,
        Some(Uid::from_raw(OWNER)),
        Some(Gid::from_raw(OWNER)),
        rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
    )?;
    let made = fs::symlink_metadata(&white_out)?;
    let is_white_out = FileType::from_raw_mode(made.mode()) == FileType::CharacterDevice && made.rdev() == 0;
    if is_white_out && fs::symlink_metadata(&link)?.uid() == OWNER {
        Ok(())
    } else {
        Err(io::Error::other("it takes owners or device nodes, but does not keep them"))
    }
}

fn try_container(layer: &Path, container: &Path) -> io::Result<()> {
    fs::create_dir_all(layer)?;
    let root = RootFs::mount(&[layer.to_owned()], container).map_err(io::Error::other)?;
    let written = fs::write(root.path().join("file"), "content");
    root.unmount().map_err(io::Error::other)?;
    written
}
