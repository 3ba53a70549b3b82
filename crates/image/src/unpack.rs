//! Unpacks a layer, a tar archive, into a folder of its own, in the form that overlayfs stacks.

mod archive;
mod cpio;
mod header;
mod members;
mod path;
mod pax;
mod tree;

use archive::Archive;
pub use members::unpack_initramfs;
use path::Target;
use rustix::fd::AsFd;
use rustix::io::Errno;
use std::io::{self, BufReader, Read};
use tree::Tree;

/// Most entries of one layer. The largest known images have some hundred thousands.
const MAX_ENTRIES: u64 = 4 << 20;
/// Bytes that are inflated, hashed and written at once.
const BUFFER: usize = 128 << 10;

/// On a folder of a layer: the layers below are not looked at for its content (Documentation/filesystems/overlayfs.rst).
pub(crate) const OPAQUE_XATTR: &str = "trusted.overlay.opaque";
/// On a file of a layer: the CRC-32 of its content, in four bytes, least significant first. overlayfs neither shows nor copies what
/// begins so, and four bytes fit into ext4's inode.
pub(crate) const SUM_XATTR: &str = "trusted.overlay.b2c.crc32";

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Reading failed, not the archive: the reader's own error.
    #[error("the layer cannot be read: {0}")]
    Read(io::Error),
    /// The archive as a whole is wrong.
    #[error("the layer's archive is refused: {0}")]
    Damaged(&'static str),
    /// An entry is wrong.
    #[error("the layer's entry {path:?} is refused: {reason}")]
    Entry {
        /// As in the archive, shortened.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The file system did not take an entry.
    #[error("the layer's entry {path:?} cannot be created: {source}{}", hint(*source))]
    Write {
        /// As in the archive, shortened.
        path: String,
        /// The kernel's reason.
        source: Errno,
    },
}

/// Why one entry could not be created.
enum Reason {
    Refused(&'static str),
    System(Errno),
}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Reason {
        Reason::System(errno)
    }
}

impl Reason {
    fn of(self, path: &[u8]) -> UnpackError {
        match self {
            Reason::Refused(reason) => UnpackError::entry(path, reason),
            Reason::System(source) => UnpackError::Write { path: printable(path), source },
        }
    }
}

impl UnpackError {
    /// Whether there was no room for it.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, UnpackError::Write { source: Errno::NOSPC | Errno::DQUOT, .. })
    }

    fn entry(path: &[u8], reason: &'static str) -> UnpackError {
        UnpackError::Entry { path: printable(path), reason }
    }
}

/// Unpacks the archive that `reader` gives into `folder`, which has to be empty, and reads on to the end of the stream.
///
/// White-outs become character devices 0:0 and opaque folders. An entry is refused, and with it the layer, if it would reach outside the
/// folder or if readers of tar disagree on what it is. After an error, what is in the folder is of no use.
pub fn unpack(reader: impl Read, folder: impl AsFd) -> Result<(), UnpackError> {
    unpack_into(reader, Tree::new(folder.as_fd()))
}

/// As [`unpack`]; each file also gets the checksum of its content ([`SUM_XATTR`]).
pub(crate) fn unpack_with_sums(reader: impl Read, folder: impl AsFd) -> Result<(), UnpackError> {
    unpack_into(reader, Tree::with_sums(folder.as_fd()))
}

fn unpack_into(reader: impl Read, mut tree: Tree<'_>) -> Result<(), UnpackError> {
    let mut archive = Archive::new(BufReader::with_capacity(BUFFER, reader));
    let mut count = 0;
    while let Some(entry) = archive.next_entry()? {
        count += 1;
        if count > MAX_ENTRIES {
            return Err(UnpackError::Damaged("it has more than 4194304 entries"));
        }
        let failed = |reason: Reason| reason.of(&entry.path);
        match path::target(&entry.path).map_err(|reason| UnpackError::entry(&entry.path, reason))? {
            Target::Root => tree.describe_root(&entry).map_err(failed)?,
            Target::Name(place) => tree.create(&place, &entry, &mut archive)?,
            Target::Whiteout(place) => tree.hide(&place).map_err(failed)?,
            Target::Opaque(folder) => tree.hide_content(&folder).map_err(failed)?,
            Target::Ignored => {}
        }
    }
    archive.drain()?;
    tree.finish()
}

fn printable(path: &[u8]) -> String {
    String::from_utf8_lossy(&path[..path.len().min(300)]).into_owned()
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::NOSPC => ": the store is full",
        Errno::PERM => ": only root can unpack layers",
        _ => "",
    }
}
