//! What a layer on a disk has to be, written down when it is unpacked, so that rot is found ([`Store::verify`](super::Store::verify)).
//!
//! Each file carries the checksum of its content as an attribute (`SUM_XATTR`), and a seal is one sum over the names, metadata
//! and checksums of all files. So nothing is read a second time when a layer is sealed. It is a guard against decay, not against
//! attackers: who can write to the disk can write seals, too.

use crate::unpack::SUM_XATTR;
use flate2::Crc;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, Result as SysResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;

const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Should it be no regular file any more, opening it does not block.
const OPEN_FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// Bytes that are read and summed at once.
const BUFFER: usize = 128 << 10;

/// A layer in one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// What the layer takes on the disk, in bytes.
    pub(super) bytes: u64,
    /// Over all files, in any order.
    pub(super) sum: String,
}

/// Where the checksums of contents come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// From the attributes, which were written with the content.
    Trusted,
    /// From the content; files that are not what their attribute says are named in the log.
    Read,
}

impl Seal {
    /// The seal of what is in `root`.
    pub(super) fn of(root: impl AsFd, content: Content) -> SysResult<Seal> {
        let root = root.as_fd();
        let mut survey = Survey { content, bytes: 0, sum: 0, buffer: Vec::new() };
        survey.add(root, b"", b".")?;
        let mut pending = vec![Vec::new()];
        while let Some(path) = pending.pop() {
            let folder = open_folder(root, &path)?;
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if matches!(name, b"." | b"..") {
                    continue;
                }
                let inner = if path.is_empty() { name.to_vec() } else { [&path, &b"/"[..], name].concat() };
                if survey.add(folder.as_fd(), &inner, name)? == FileType::Directory {
                    pending.push(inner);
                }
            }
        }
        Ok(Seal { bytes: survey.bytes, sum: format!("{:032x}", survey.sum) })
    }
}

struct Survey {
    content: Content,
    bytes: u64,
    sum: u128,
    buffer: Vec<u8>,
}

impl Survey {
    /// Adds the file `name` of `folder`, which is `path` in the layer.
    fn add(&mut self, folder: BorrowedFd<'_>, path: &[u8], name: &[u8]) -> SysResult<FileType> {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let content = match kind {
            FileType::RegularFile => self.checksum(folder, path, name)?.to_vec(),
            FileType::Symlink => rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes(),
            _ => Vec::new(),
        };
        let mut hash = Sha256::new();
        hash.update(metadata(&stat, kind));
        for text in [path, &content] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        // Added up, because folders list their files in any order.
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
        self.bytes += bytes(&stat, kind);
        Ok(kind)
    }

    fn checksum(&mut self, folder: BorrowedFd<'_>, path: &[u8], name: &[u8]) -> SysResult<[u8; 4]> {
        let file = rustix::fs::openat(folder, name, OPEN_FILE, Mode::empty())?;
        let mut said = [0; 4];
        let length = rustix::fs::fgetxattr(&file, SUM_XATTR, &mut said);
        if self.content == Content::Trusted {
            return length.map(|_| said);
        }
        let found = self.sum_content(file);
        if length != Ok(4) || found != Ok(said) {
            log::warn!("The file {:?} of the image store is damaged", String::from_utf8_lossy(path));
        }
        found
    }

    fn sum_content(&mut self, file: OwnedFd) -> SysResult<[u8; 4]> {
        self.buffer.resize(BUFFER, 0);
        let (mut file, mut sum) = (File::from(file), Crc::new());
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(sum.sum().to_le_bytes()),
                Ok(count) => sum.update(&self.buffer[..count]),
                Err(e) => return Err(Errno::from_io_error(&e).unwrap_or(Errno::IO)),
            }
        }
    }
}

/// What a name takes on the disk; of a file with several names, each has its share.
fn bytes(stat: &Stat, kind: FileType) -> u64 {
    let names = if kind == FileType::Directory { 1 } else { i128::from(stat.st_nlink).max(1) };
    u64::try_from(i128::from(stat.st_blocks) * 512 / names).unwrap_or(0)
}

/// A folder's size and a link's count are the file system's affair.
fn metadata(stat: &Stat, kind: FileType) -> String {
    let size = match kind {
        FileType::RegularFile => i128::from(stat.st_size),
        FileType::CharacterDevice | FileType::BlockDevice => i128::from(stat.st_rdev),
        _ => 0,
    };
    let (mode, uid, gid) = (stat.st_mode, stat.st_uid, stat.st_gid);
    format!("{mode:o} {uid} {gid} {size} {}.{} ", stat.st_mtime, stat.st_mtime_nsec)
}

/// Inside, and through no link.
fn open_folder(root: BorrowedFd<'_>, path: &[u8]) -> SysResult<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::openat2(root, path, OPEN_FOLDER, Mode::empty(), resolve)
}
