//! What is on a device, by the marks that formats leave at known places: what `blkid -p` does, for what is found on disks of Linux machines.

mod ext;
mod magic;
mod raid;

pub use ext::Ext;

use crate::block::printable;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How much of the start of a device is looked at: the superblock of btrfs, at 64 KiB, is the last.
pub const HEAD: usize = (64 << 10) + 4096;
/// How much of its end: RAID metadata of version 0.90 begins at most 128 KiB before it.
pub const TAIL: usize = 128 << 10;

/// What is on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What it is good for.
    pub family: Family,
    /// The format's usual name: `ext4`, `LUKS2`.
    pub name: &'static str,
    /// Its label; empty without one. Holds no control characters.
    pub label: String,
}

/// What a format is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ext2, ext3, ext4.
    Ext(Ext),
    /// xfs or btrfs: others that a cache can be on.
    Linux,
    /// FAT and ISO 9660, which firmware boots from.
    Bootable,
    /// Another file system.
    FileSystem,
    /// Swap space.
    Swap,
    /// A part of something larger, or a lock on it: LVM, RAID, LUKS, ZFS. What it holds cannot be seen here.
    Member,
}

impl Family {
    /// Whether it holds files.
    pub fn is_file_system(self) -> bool {
        !matches!(self, Self::Swap | Self::Member)
    }

    /// Whether a cache can be on it: it needs owners, links, device nodes, and `trusted.*` attributes.
    pub fn can_be_cache(self) -> bool {
        matches!(self, Self::Ext(_) | Self::Linux)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.label.is_empty() { Ok(()) } else { write!(f, " \"{}\"", self.label) }
    }
}

/// The start and the end of a device, as far as [`identify`] looks at them.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// The first [`HEAD`] bytes, or all.
    pub head: Vec<u8>,
    /// The last [`TAIL`] bytes, or all.
    pub tail: Vec<u8>,
    /// The device's size in bytes.
    pub size: u64,
}

impl Ends {
    /// Reads them. `size` is the device's, in bytes.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub fn read(path: &Path, size: u64) -> io::Result<Self> {
        let device = File::open(path)?;
        let part = |length: usize| usize::try_from(size).unwrap_or(usize::MAX).min(length);
        let mut ends = Self { head: vec![0; part(HEAD)], tail: vec![0; part(TAIL)], size };
        device.read_exact_at(&mut ends.head, 0)?;
        let start_of_tail = size - ends.tail.len() as u64;
        device.read_exact_at(&mut ends.tail, start_of_tail)?;
        Ok(ends)
    }
}

/// What is on the device; `None` is nothing that is known here.
///
/// What is part of something larger comes first: a disk of a mirror looks like the file system on the mirror.
pub fn identify(ends: &Ends) -> Option<Signature> {
    raid::identify(ends)
        .or_else(|| magic::identify(&ends.head, magic::MEMBERS))
        .or_else(|| magic::lvm(&ends.head))
        .or_else(|| ext::identify(&ends.head))
        .or_else(|| magic::identify(&ends.head, magic::OTHERS))
        .or_else(|| magic::fat(&ends.head))
}

/// The bytes `at..at + length`, if they are there.
fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// Whether `expected` stands at `at`.
fn has(bytes: &[u8], at: usize, expected: &[u8]) -> bool {
    part(bytes, at, expected.len()) == Some(expected)
}

/// A little-endian number.
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(part(bytes, at, 4)?.try_into().ok()?))
}

/// A little-endian number.
fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(part(bytes, at, 2)?.try_into().ok()?))
}

/// A text that ends at a NUL or with the field.
fn label(bytes: &[u8], at: usize, length: usize) -> String {
    let field = part(bytes, at, length).unwrap_or_default();
    let text = field.split(|&byte| byte == 0).next().unwrap_or_default();
    printable(&String::from_utf8_lossy(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(identify(&Ends::default()), None);
        assert_eq!(identify(&Ends { head: vec![0; HEAD], tail: vec![0; TAIL], size: 1 << 30 }), None);
    }

    proptest! {
        /// Marks at their places, and noise everywhere else.
        #[test]
        fn any_bytes_are_read(
            head in prop::collection::vec(any::<u8>(), 0..2048),
            tail in prop::collection::vec(any::<u8>(), 0..2048),
            size: u64,
            at in 0_usize..1200,
        ) {
            let mut head = head;
            if let Some(place) = head.get_mut(at..at + 2) {
                place.copy_from_slice(&[0x53, 0xef]);
            }
            if let Some(signature) = identify(&Ends { head, tail, size }) {
                prop_assert!(!signature.to_string().contains(char::is_control));
            }
        }
    }
}
