//! Unpacks what a boot loader would load as an initramfs: cpio archives in a row, each plain or packed in its own way.

use super::cpio::{Cpio, skip_zeros};
use super::path::{self, Place};
use super::tree::Tree;
use super::{BUFFER, MAX_ENTRIES, UnpackError};
use crate::compression::MAX_ZSTD_WINDOW;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use rustix::fd::AsFd;
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// xz names the memory that unpacking takes; `xz -9` asks for 65 MiB.
const MAX_XZ_MEMORY_KIB: u32 = 128 << 10;
/// Of all packed pieces together, when they are unpacked. All of linux-firmware is a fifth of it.
const MAX_UNPACKED: u64 = 8 << 30;

/// Unpacks what lies below the folders `wanted` (`lib/modules`) into `folder`, which has to be empty; what else there is, is not looked at. Files also get the checksum of
/// their content if `sums` says so.
///
/// An entry is refused, and all of it, if it would reach outside `folder` or is something else than a file, a folder or a symbolic link. After an error, what is
/// in the folder is of no use.
pub fn unpack_initramfs(
    reader: impl BufRead,
    folder: impl AsFd,
    wanted: &[&str],
    sums: bool,
) -> Result<(), UnpackError> {
    unpack_within(MAX_UNPACKED, reader, folder, wanted, sums)
}

fn unpack_within(
    budget: u64,
    mut reader: impl BufRead,
    folder: impl AsFd,
    wanted: &[&str],
    sums: bool,
) -> Result<(), UnpackError> {
    let tree = if sums { Tree::with_sums(folder.as_fd()) } else { Tree::new(folder.as_fd()) };
    let mut unpacker = Unpacker { tree, wanted, entries: 0, budget };
    let mut is_empty = true;
    while let Some(first) = skip_zeros(&mut reader)? {
        is_empty = false;
        // A wrong second byte is found by whoever reads on. Decoders read what is behind a pointer, as those of modules do: one of each is enough.
        match first {
            b'0' => unpacker.archives(&mut reader)?,
            0x1f => unpacker.packed(GzDecoder::new(&mut reader))?,
            0xfd => {
                let packed: &mut dyn Read = &mut reader;
                unpacker.packed(XzReader::new_mem_limit(packed, false, MAX_XZ_MEMORY_KIB))?;
            }
            0x28 => {
                let packed: &mut dyn Read = &mut reader;
                let decoder = StreamingDecoder::new_with_max_window_size(packed, MAX_ZSTD_WINDOW);
                unpacker.packed(decoder.map_err(|error| UnpackError::Read(io::Error::other(error)))?)?;
            }
            _ => {
                return Err(UnpackError::Damaged(
                    "it is no cpio archive, and not packed as .gz, .xz or .zst",
                ));
            }
        }
    }
    if is_empty {
        return Err(UnpackError::Damaged("it is empty"));
    }
    unpacker.tree.finish()
}

struct Unpacker<'a> {
    tree: Tree<'a>,
    wanted: &'a [&'a str],
    entries: u64,
    /// Bytes that packed pieces may still be when they are unpacked.
    budget: u64,
}

impl Unpacker<'_> {
    /// Reads on to the end, where the checksums are.
    fn packed(&mut self, mut plain: impl Read) -> Result<(), UnpackError> {
        let plain: &mut dyn Read = &mut plain;
        // One more than allowed: what ends there would else look as if it were cut off.
        let mut plain = BufReader::with_capacity(BUFFER, plain.take(self.budget.saturating_add(1)));
        let unpacked = self.piece(&mut plain);
        let left = plain.into_inner().limit();
        if left == 0 {
            return Err(UnpackError::Damaged("it is larger than 8 GiB when it is unpacked"));
        }
        self.budget = left - 1;
        unpacked
    }

    fn piece(&mut self, plain: &mut impl BufRead) -> Result<(), UnpackError> {
        if skip_zeros(plain)?.is_some() {
            self.archives(plain)?;
        }
        match skip_zeros(plain)? {
            None => Ok(()),
            Some(_) => Err(UnpackError::Damaged("something that is no cpio archive is packed with it")),
        }
    }

    fn archives(&mut self, reader: &mut impl BufRead) -> Result<(), UnpackError> {
        let mut archives = Cpio::new(reader);
        while let Some(path) = archives.next_path()? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(UnpackError::Damaged("it has more than 4194304 entries"));
            }
            let place = path::plain(&path).map_err(|reason| UnpackError::entry(&path, reason))?;
            if let Some(place) = place.filter(|place| self.is_wanted(place)) {
                let entry = archives.entry(path)?;
                self.tree.create(&place, &entry, &mut archives)?;
            }
        }
        Ok(())
    }

    /// Whether it lies below one of the folders, and is not only one of them.
    fn is_wanted(&self, place: &Place) -> bool {
        self.wanted.iter().any(|wanted| {
            let rest = place.folder.strip_prefix(wanted.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs::File;
    use std::io::Write;

    /// Zeros between archives may be packed as well, and small pieces may become much.
    #[test]
    fn all_pieces_together_have_one_budget() {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&[0; 1000]).unwrap();
        let piece = packer.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let unpack = |budget, pieces| {
            let folder = File::open(folder.path()).unwrap();
            unpack_within(budget, piece.repeat(pieces).as_slice(), folder, &[], false)
                .map_err(|error| error.to_string())
        };
        unpack(3000, 3).unwrap();
        for (budget, pieces) in [(999, 1), (2999, 3), (3000, 4), (3000, 1000)] {
            let error = unpack(budget, pieces).unwrap_err();
            assert!(error.contains("larger than 8 GiB"), "{error}");
        }
    }
}
