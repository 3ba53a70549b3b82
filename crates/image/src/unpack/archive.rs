//! Reads a tar archive entry by entry: ustar, PAX and GNU's long names.
//!
//! Where readers disagree on what an archive holds, whoever checked it with one reader is fooled by the other (CVE-2025-62518,
//! RUSTSEC-2026-0068). Such an archive is refused, nothing is guessed and nothing skipped. The tar crate is not used for reading
//! because it takes extended headers of any size into memory and splits their records at newlines.

use super::UnpackError;
use super::header::{BLOCK, Header};
use super::pax::Pax;
use super::tree::Content;
use rustix::fs::Timespec;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// Largest extended header or long name, in bytes; Go's reader has the same limit.
const MAX_EXTENSION: u64 = 1 << 20;

/// One thing to create.
#[derive(Debug)]
pub(super) struct Entry {
    /// As in the archive.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) meta: Metadata,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The content follows in the archive.
    File,
    Directory,
    /// The text of the link.
    Symlink(Vec<u8>),
    /// The path of an entry, as in the archive.
    HardLink(Vec<u8>),
    Fifo,
    /// Major and minor number.
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
}

#[derive(Debug)]
pub(super) struct Metadata {
    /// Permissions, set-id and sticky bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Timespec,
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What came before an entry to describe it.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

/// An archive as it arrives.
pub(super) struct Archive<R> {
    reader: R,
    /// Bytes of the current entry's content that are still to come.
    content: u64,
    /// Bytes that fill the content's last block.
    padding: u64,
}

impl<R: BufRead> Archive<R> {
    pub(super) fn new(reader: R) -> Archive<R> {
        Archive { reader, content: 0, padding: 0 }
    }

    /// The next entry; `None` at the end of the archive, which may be before the end of the stream.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, UnpackError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip(self.content + self.padding)?;
            (self.content, self.padding) = (0, 0);
            let Some(block) = self.header_block()? else {
                return match extensions {
                    Extensions { name: None, link: None, pax: None } => Ok(None),
                    _ => Err(damaged("it ends after an extended header")),
                };
            };
            let header = Header::new(block).map_err(damaged)?;
            let once = match header.kind() {
                b'L' => extensions.name.replace(self.long_name(&header)?).is_none(),
                b'K' => extensions.link.replace(self.long_name(&header)?).is_none(),
                b'x' | b'X' => {
                    let data = self.extension(&header)?;
                    extensions.pax.replace(Pax::parse(&data).map_err(damaged)?).is_none()
                }
                b'g' => {
                    check_global(&self.extension(&header)?)?;
                    true
                }
                _ => return self.entry(&header, extensions).map(Some),
            };
            if !once {
                return Err(damaged("two extended headers of the same kind precede an entry"));
            }
        }
    }

    /// Reads what is behind the archive's end: it counts for the digest.
    pub(super) fn drain(mut self) -> Result<(), UnpackError> {
        io::copy(&mut self.reader, &mut io::sink()).map(drop).map_err(UnpackError::Read)
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> Result<Entry, UnpackError> {
        let pax = extensions.pax.unwrap_or_default();
        if (extensions.name.is_some() && pax.path.is_some())
            || (extensions.link.is_some() && pax.link.is_some())
        {
            return Err(damaged("an entry has a long name of GNU's and one of PAX"));
        }
        let path = extensions.name.or(pax.path).unwrap_or_else(|| header.name());
        let link = extensions.link.or(pax.link).unwrap_or_else(|| header.link());
        let refused = |reason| UnpackError::entry(&path, reason);

        let size = pax.size.or_else(|| header.size()?.try_into().ok());
        self.begin_content(size.ok_or_else(|| refused("its size is damaged"))?)?;
        let kind = kind(header, &path, link).map_err(refused)?;
        // POSIX gives such a size no meaning; some readers skip that many bytes, others none.
        if self.content > 0 && !matches!(kind, Kind::File) {
            return Err(refused("it is no regular file, but has content"));
        }
        let id = |pax: Option<u32>, header: Option<i64>| pax.or_else(|| header?.try_into().ok());
        let meta = Metadata {
            mode: header
                .mode()
                .and_then(|mode| u32::try_from(mode).ok())
                .ok_or_else(|| refused("its mode is damaged"))?
                & 0o7777,
            uid: id(pax.uid, header.uid()).ok_or_else(|| refused("its owner is damaged"))?,
            gid: id(pax.gid, header.gid()).ok_or_else(|| refused("its group is damaged"))?,
            mtime: pax
                .mtime
                .or_else(|| Some(Timespec { tv_sec: header.mtime()?, tv_nsec: 0 }))
                .ok_or_else(|| refused("its time is damaged"))?,
            xattrs: pax.xattrs,
        };
        Ok(Entry { path, kind, meta })
    }

    fn begin_content(&mut self, size: u64) -> Result<(), UnpackError> {
        // More could not be on any disk; and the sums with it cannot overflow.
        if size > 1 << 60 {
            return Err(damaged("an entry's size is absurd"));
        }
        self.content = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(())
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, UnpackError> {
        let size =
            header.size().and_then(|size| u64::try_from(size).ok()).filter(|size| *size <= MAX_EXTENSION);
        self.begin_content(size.ok_or_else(|| damaged("an extended header is larger than 1 MiB"))?)?;
        let mut data = Vec::new();
        (&mut self.reader).take(self.content).read_to_end(&mut data).map_err(UnpackError::Read)?;
        if (data.len() as u64) < self.content {
            return Err(UnpackError::Read(cut()));
        }
        self.content = 0;
        Ok(data)
    }

    /// The content of GNU's long name entries: a name and perhaps a NUL.
    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>, UnpackError> {
        let mut name = self.extension(header)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        if name.contains(&0) { Err(damaged("a long name holds a NUL")) } else { Ok(name) }
    }

    /// `None` at the end: two blocks of zeros, or the end of the stream instead of the first or second of them.
    fn header_block(&mut self) -> Result<Option<[u8; BLOCK]>, UnpackError> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block != [0; BLOCK] {
            return Ok(Some(block));
        }
        match self.block()? {
            Some(second) if second != [0; BLOCK] => {
                Err(damaged("there is something after a lone block of zeros"))
            }
            _ => Ok(None),
        }
    }

    /// `None` at the end of the stream.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, UnpackError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]).map_err(UnpackError::Read)? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(UnpackError::Read(cut())),
                count => filled += count,
            }
        }
        Ok(Some(block))
    }

    fn skip(&mut self, count: u64) -> Result<(), UnpackError> {
        if count == 0 {
            return Ok(());
        }
        let skipped =
            io::copy(&mut (&mut self.reader).take(count), &mut io::sink()).map_err(UnpackError::Read)?;
        if skipped == count { Ok(()) } else { Err(UnpackError::Read(cut())) }
    }
}

impl<R: BufRead> Content for Archive<R> {
    fn content(&mut self) -> io::Result<&[u8]> {
        if self.content == 0 {
            return Ok(&[]);
        }
        let available = self.reader.fill_buf()?;
        if available.is_empty() {
            return Err(cut());
        }
        let count = usize::try_from(self.content).unwrap_or(usize::MAX).min(available.len());
        Ok(&available[..count])
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.content -= count as u64;
    }
}

fn kind(header: &Header, path: &[u8], link: Vec<u8>) -> Result<Kind, &'static str> {
    let device = || {
        let (major, minor) = header.device()?;
        Some((u32::try_from(major).ok()?, u32::try_from(minor).ok()?))
    };
    const BAD_DEVICE: &str = "its device number is damaged";
    let kind = match header.kind() {
        // Before ustar there was no type for directories.
        0 if path.ends_with(b"/") => Kind::Directory,
        // '7' was for files in one piece; everybody takes it for a file.
        0 | b'0' | b'7' => Kind::File,
        b'1' => Kind::HardLink(link),
        b'2' => Kind::Symlink(link),
        b'3' => device().map(|(major, minor)| Kind::CharDevice(major, minor)).ok_or(BAD_DEVICE)?,
        b'4' => device().map(|(major, minor)| Kind::BlockDevice(major, minor)).ok_or(BAD_DEVICE)?,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        b'S' => return Err("it is a sparse file, which image layers may not have"),
        _ => return Err("it is of a type that is not known"),
    };
    // GNU tar would make a directory of it, Go a file.
    if path.ends_with(b"/") && !matches!(kind, Kind::Directory) {
        return Err("its name ends in /, but it is no directory");
    }
    Ok(kind)
}

/// Global headers are comments in practice (git archive writes them). Other engines ignore them, so what would change an entry is refused.
fn check_global(data: &[u8]) -> Result<(), UnpackError> {
    match Pax::parse(data) {
        Ok(pax) if pax == Pax::default() => Ok(()),
        Ok(_) => Err(damaged("a global header changes entries")),
        Err(reason) => Err(damaged(reason)),
    }
}

fn damaged(reason: &'static str) -> UnpackError {
    UnpackError::Damaged(reason)
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends in the middle of an entry")
}
