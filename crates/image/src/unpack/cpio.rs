//! Reads cpio archives as the kernel reads an initramfs: `newc`, several in a row, each plain or packed
//! (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! What the kernel would guess at or skip is refused.

use super::UnpackError;
use super::archive::{Entry, Kind, Metadata};
use super::tree::Content;
use rustix::fs::Timespec;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// Magic, and 13 numbers of eight hex digits.
const HEADER: usize = 110;
/// Without checksums, and with.
const MAGIC: [&[u8]; 2] = [b"070701", b"070702"];
const TRAILER: &[u8] = b"TRAILER!!!";
/// Longest name, with its NUL: PATH_MAX.
const MAX_NAME: u64 = 4096;
/// Of everything but the name and the content, which follow.
const ALIGN: u64 = 4;
/// `S_IFMT` and its values (inode(7)).
const TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// Archives in a row, in one stream that is not packed.
pub(super) struct Cpio<R> {
    reader: R,
    /// Bytes of the current entry's content that are still to come.
    content: u64,
    /// Bytes between it and the next header.
    padding: u64,
    /// Of the current entry.
    header: Header,
}

impl<R: BufRead> Cpio<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, content: 0, padding: 0, header: Header::default() }
    }

    /// The path of the next entry; `None` at the end, or where something begins that is no archive. The first archive has to be there.
    pub(super) fn next_path(&mut self) -> Result<Option<Vec<u8>>, UnpackError> {
        loop {
            skip(&mut self.reader, self.content + self.padding)?;
            (self.content, self.padding) = (0, 0);
            self.header = self.read_header()?;
            let name = self.name(self.header.name_size)?;
            self.content = self.header.size;
            self.padding = padding(self.header.size);
            if name != TRAILER {
                return Ok(Some(name));
            }
            skip(&mut self.reader, self.content + self.padding)?;
            (self.content, self.padding) = (0, 0);
            if skip_zeros(&mut self.reader)? != Some(MAGIC[0][0]) {
                return Ok(None);
            }
        }
    }

    fn read_header(&mut self) -> Result<Header, UnpackError> {
        let mut bytes = [0; HEADER];
        self.reader.read_exact(&mut bytes).map_err(cut)?;
        Header::parse(&bytes).ok_or(UnpackError::Damaged("a header of the cpio archive is damaged"))
    }

    fn name(&mut self, size: u64) -> Result<Vec<u8>, UnpackError> {
        if !(2..=MAX_NAME).contains(&size) {
            return Err(UnpackError::Damaged(
                "a name in the cpio archive is empty or longer than 4095 bytes",
            ));
        }
        let mut name = Vec::new();
        (&mut self.reader).take(size).read_to_end(&mut name).map_err(UnpackError::Read)?;
        skip(&mut self.reader, padding(HEADER as u64 + size))?;
        match name.pop() {
            Some(0) if name.len() as u64 == size - 1 => Ok(name),
            _ => Err(UnpackError::Damaged("a name in the cpio archive is cut")),
        }
    }

    /// The current entry, which has that path.
    pub(super) fn entry(&mut self, path: Vec<u8>) -> Result<Entry, UnpackError> {
        let header = &self.header;
        let refused = |reason| Err(UnpackError::entry(&path, reason));
        let kind = match header.mode & TYPE {
            FILE if header.links > 1 => {
                return refused("it is a hard link; pack it with symbolic links instead");
            }
            FILE => Kind::File,
            FOLDER if header.size == 0 => Kind::Directory,
            LINK if header.size < MAX_NAME => Kind::Symlink(self.link_text()?),
            _ => return refused("it is no file, folder or symbolic link"),
        };
        // Whoever packed it, and with which rights: it is the machine's.
        let meta = Metadata {
            mode: self.header.mode & 0o755,
            uid: 0,
            gid: 0,
            mtime: Timespec { tv_sec: self.header.mtime.into(), tv_nsec: 0 },
            xattrs: BTreeMap::new(),
        };
        Ok(Entry { path, kind, meta })
    }

    fn link_text(&mut self) -> Result<Vec<u8>, UnpackError> {
        let mut text = Vec::new();
        let read = (&mut self.reader).take(self.content).read_to_end(&mut text).map_err(UnpackError::Read)?;
        self.content -= read as u64;
        Ok(text)
    }
}

impl<R: BufRead> Content for Cpio<R> {
    fn content(&mut self) -> io::Result<&[u8]> {
        if self.content == 0 {
            return Ok(&[]);
        }
        let available = self.reader.fill_buf()?;
        if available.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = usize::try_from(self.content).unwrap_or(usize::MAX).min(available.len());
        Ok(&available[..count])
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.content -= count as u64;
    }
}

/// What of it is used.
#[derive(Default)]
struct Header {
    mode: u32,
    links: u32,
    mtime: u32,
    size: u64,
    name_size: u64,
}

impl Header {
    fn parse(bytes: &[u8; HEADER]) -> Option<Header> {
        let (magic, numbers) = bytes.split_at(MAGIC[0].len());
        if !MAGIC.contains(&magic) {
            return None;
        }
        let number = |index: usize| {
            let digits = numbers.get(index * 8..index * 8 + 8)?;
            let digits = std::str::from_utf8(digits)
                .ok()
                .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u32::from_str_radix(digits, 16).ok()
        };
        let size = |index| number(index).map(u64::from);
        Some(Header {
            mode: number(1)?,
            links: number(4)?,
            mtime: number(5)?,
            size: size(6)?,
            name_size: size(11)?,
        })
    }
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(ALIGN) - size
}

fn skip(reader: &mut impl BufRead, count: u64) -> Result<(), UnpackError> {
    let skipped = io::copy(&mut reader.take(count), &mut io::sink()).map_err(UnpackError::Read)?;
    if skipped == count { Ok(()) } else { Err(cut(io::ErrorKind::UnexpectedEof.into())) }
}

/// Goes to the next byte that is not zero, and gives it; `None` at the end.
pub(super) fn skip_zeros(reader: &mut impl BufRead) -> Result<Option<u8>, UnpackError> {
    loop {
        let available = reader.fill_buf().map_err(UnpackError::Read)?;
        let zeros = available.iter().take_while(|&&byte| byte == 0).count();
        let found = available.get(zeros).copied();
        let at_end = available.is_empty();
        reader.consume(zeros);
        if found.is_some() || at_end {
            return Ok(found);
        }
    }
}

fn cut(error: io::Error) -> UnpackError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => UnpackError::Damaged("the cpio archive is cut"),
        _ => UnpackError::Read(error),
    }
}
