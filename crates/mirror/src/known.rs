//! Which file and which object were made equal: what times alone cannot tell.
//!
//! Times come from two clocks, and one of them may be wrong by years: many boards have none that goes on while they are off. With `preserve`, the
//! time of a file is not even when it was written here. So, whenever a file was transferred, its size and time and the object's ETag are
//! written down together: in memory, for this boot, and in an attribute of the file, for the next one.

use crate::{report::lock, time};
use rustix::fs::{Statx, XattrFlags, fgetxattr, fsetxattr};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;

/// Only root can read and write it, and containers with all capabilities. Name and value are short, so that two lie within an inode.
const ATTRIBUTE: &str = "trusted.b2c.";

/// A file and an object that are equal, both as fingerprints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) object: u64,
    pub(crate) file: u64,
    /// The object is from the file, not the file from the object.
    pub(crate) sent: bool,
}

impl Record {
    /// Something of ours is in the store, but not what is in the file.
    const UNFINISHED: Record = Record { object: 0, file: 0, sent: true };

    /// As it is written down.
    fn bytes(self) -> [u8; 17] {
        let mut bytes = [u8::from(self.sent); 17];
        bytes[..8].copy_from_slice(&self.object.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.file.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 17]) -> Option<Record> {
        let (object, rest) = bytes.split_first_chunk()?;
        let (file, sent) = rest.split_first_chunk()?;
        let (object, file) = (u64::from_le_bytes(*object), u64::from_le_bytes(*file));
        Some(Record { object, file, sent: sent == [1] })
    }
}

/// All that this mirror transferred.
#[derive(Debug)]
pub(crate) struct Known {
    /// Another one for each place in a store: a volume may be pulled from one, and pushed to another.
    attribute: String,
    /// Mode and owner count.
    preserve: bool,
    /// By a fingerprint of the key: 100,000 files take a few megabytes.
    records: Mutex<HashMap<u64, Record>>,
}

impl Known {
    /// `place` says where in a store; `preserve`, that mode and owner count.
    pub(crate) fn new(place: &str, preserve: bool) -> Known {
        let attribute = format!("{ATTRIBUTE}{:08x}", fingerprint(&[place.as_bytes()]) >> 32);
        Known { attribute, preserve, records: Mutex::default() }
    }

    /// Of a file that was stored.
    pub(crate) fn sent(&self, etag: &str, stat: &Statx) -> Record {
        Record { object: self.object(etag), file: self.file(stat), sent: true }
    }

    /// Of a file that was fetched.
    pub(crate) fn fetched(&self, etag: &str, stat: &Statx) -> Record {
        Record { sent: false, ..self.sent(etag, stat) }
    }

    /// Whether neither the file nor the object has changed since.
    pub(crate) fn is_equal(&self, record: Record, etag: &str, stat: &Statx) -> bool {
        (record.object, record.file) == (self.object(etag), self.file(stat))
    }

    /// An object's fingerprint. One that was stored without attributes is not the same with them.
    pub(crate) fn object(&self, etag: &str) -> u64 {
        fingerprint(&[etag.as_bytes(), &[self.preserve.into()]])
    }

    /// A file's fingerprint. A file that is written to gets another time.
    pub(crate) fn file(&self, stat: &Statx) -> u64 {
        let (size, mtime) = (stat.stx_size.to_le_bytes(), time::of(stat.stx_mtime).to_le_bytes());
        if !self.preserve {
            return fingerprint(&[&size, &mtime]);
        }
        let owner = [stat.stx_mode.into(), stat.stx_uid, stat.stx_gid].map(u32::to_le_bytes);
        fingerprint(&[&size, &mtime, owner.as_flattened()])
    }

    pub(crate) fn get(&self, key: &str) -> Option<Record> {
        lock(&self.records).get(&fingerprint(&[key.as_bytes()])).copied()
    }

    pub(crate) fn remember(&self, key: &str, record: Record) {
        lock(&self.records).insert(fingerprint(&[key.as_bytes()]), record);
    }

    /// What was sent may have been stored, or a part of it.
    pub(crate) fn remember_attempt(&self, key: &str) {
        self.remember(key, Record::UNFINISHED);
    }

    /// Whether the object that is there was put there by this mirror, be it in an earlier boot.
    pub(crate) fn is_ours(&self, record: Record, etag: &str) -> bool {
        record.sent && self.is_covered(record, etag)
    }

    /// Whether the object has nothing that the file did not have or replace. What was sent and got no answer may be what is there.
    pub(crate) fn is_covered(&self, record: Record, etag: &str) -> bool {
        record.object == Record::UNFINISHED.object || record.object == self.object(etag)
    }

    /// Whether the file is as it was when it was transferred.
    pub(crate) fn is_unchanged(&self, key: &str, stat: &Statx) -> bool {
        self.get(key).is_some_and(|record| record.file == self.file(stat))
    }

    pub(crate) fn forget(&self, key: &str) {
        lock(&self.records).remove(&fingerprint(&[key.as_bytes()]));
    }

    /// Writes it down for the next boot. Where that is not possible (NFS, FAT), times have to do.
    pub(crate) fn save(&self, file: BorrowedFd<'_>, record: Record) {
        let _ = fsetxattr(file, &self.attribute, &record.bytes(), XattrFlags::empty());
    }

    /// What was written down, perhaps about what the file was before.
    pub(crate) fn load(&self, file: BorrowedFd<'_>) -> Option<Record> {
        let mut value = [0; 17];
        let length = fgetxattr(file, &self.attribute, &mut value).ok()?;
        if length == value.len() { Record::from_bytes(value) } else { None }
    }
}

/// The first bytes of the SHA-256 of all parts: the same at the next boot, and with the next release.
fn fingerprint(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
