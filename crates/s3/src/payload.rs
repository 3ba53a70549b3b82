//! What is sent: bytes in memory, or a stretch of a file that is read twice, to sign it and to send it.

use crate::error::{Error, Fault};
use net::http::Body;
use net::patience::{Cancel, Patience};
use ring::digest::{Context, SHA256};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// The SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// What is read of a file at once to be hashed.
const PIECE: usize = 128 << 10;
/// Up to this length, a stretch is read once and kept until it is sent.
const KEPT: u64 = 128 << 10;

/// The body of a request, and its hash.
pub(crate) enum Payload<'a> {
    Empty,
    Bytes { bytes: Vec<u8>, hash: String },
    Stretch(Stretch<'a>),
}

/// Part of a file.
pub(crate) struct Stretch<'a> {
    file: &'a File,
    offset: u64,
    length: u64,
    hash: String,
}

impl<'a> Payload<'a> {
    pub(crate) fn bytes(bytes: Vec<u8>) -> Payload<'a> {
        let hash = crate::encode::hex(ring::digest::digest(&SHA256, &bytes).as_ref());
        Payload::Bytes { bytes, hash }
    }

    /// Reads and hashes part of a file. The store checks the hash, so that what arrives is what was read here.
    pub(crate) fn stretch(
        file: &'a File,
        offset: u64,
        length: u64,
        cancel: &Cancel,
    ) -> Result<Payload<'a>, Failure> {
        if length == 0 {
            return Ok(Payload::Empty);
        }
        let mut reader = At { file, position: offset, left: length };
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(PIECE).min(PIECE)];
        if length <= KEPT {
            reader.read_exact(&mut buffer)?;
            return Ok(Payload::bytes(buffer));
        }
        let mut context = Context::new(&SHA256);
        while reader.left > 0 {
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let count = reader.read(&mut buffer)?;
            context.update(&buffer[..count]);
        }
        let hash = crate::encode::hex(context.finish().as_ref());
        Ok(Payload::Stretch(Stretch { file, offset, length, hash }))
    }

    /// In hexadecimal.
    pub(crate) fn hash(&self) -> &str {
        match self {
            Payload::Empty => EMPTY,
            Payload::Bytes { hash, .. } | Payload::Stretch(Stretch { hash, .. }) => hash,
        }
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Payload::Empty => 0,
            Payload::Bytes { bytes, .. } => bytes.len() as u64,
            Payload::Stretch(stretch) => stretch.length,
        }
    }

    /// To be sent; `meter` is told of each piece that goes out.
    pub(crate) fn body<'b>(&'b self, meter: &'b mut dyn Meter) -> Body<'b> {
        match self {
            Payload::Empty => Body::bytes(&[]),
            Payload::Bytes { bytes, .. } => Body::new(self.length(), Metered { reader: &bytes[..], meter }),
            Payload::Stretch(it) => {
                let reader = At { file: it.file, position: it.offset, left: it.length };
                Body::new(it.length, Metered { reader, meter })
            }
        }
    }
}

/// Why a stretch could not be read.
pub(crate) enum Failure {
    Cancelled,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl Failure {
    /// A file that has become shorter is one that changed.
    pub(crate) fn explain(self, key: &str) -> Error {
        match self {
            Failure::Cancelled => Error::Cancelled,
            Failure::Io(e) if is_change(&e) => Error::SourceChanged,
            Failure::Io(source) => Error::File { key: key.to_owned(), source },
        }
    }
}

/// Whether reading failed because of what somebody did to the file: it is shorter now, or its file server has lost it.
fn is_change(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        || error.raw_os_error() == Some(rustix::io::Errno::STALE.raw_os_error())
}

/// What stores say when a body does not have its hash.
const CHANGED: [&str; 3] = ["XAmzContentSHA256Mismatch", "BadDigest", "InvalidDigest"];

/// Turns the failure of an attempt to send into what it means for the file.
pub(crate) fn explain_send(fault: Fault, key: &str, cancel: &Cancel) -> Fault {
    if cancel.is_cancelled() {
        return Fault::last(Error::Cancelled);
    }
    match fault.error {
        Error::Http(net::http::Error::Source { source, .. }) => Fault::last(Failure::Io(source).explain(key)),
        // What was sent is not what was hashed before.
        Error::Refused(ref it) if CHANGED.contains(&it.code.as_str()) => Fault::last(Error::SourceChanged),
        _ => fault,
    }
}

/// Reads a file from a position on, whatever others do with it.
struct At<'a> {
    file: &'a File,
    position: u64,
    left: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let count = self.file.read_at(&mut buf[..wanted], self.position)?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Is told how far a body has got.
pub(crate) trait Meter {
    /// It is sent from the start, maybe not for the first time.
    fn start(&mut self);
    /// So many bytes more are on their way. A failure ends it.
    fn passed(&mut self, bytes: u64) -> io::Result<()>;
}

/// Nobody wants to know.
impl Meter for () {
    fn start(&mut self) {}

    fn passed(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// Tells a meter of what is read.
pub(crate) struct Metered<'a, R> {
    pub(crate) reader: R,
    pub(crate) meter: &'a mut dyn Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        self.meter.passed(count as u64)?;
        Ok(count)
    }
}

/// What a file is before and after it is sent: if these differ, parts of two files may have been sent as one.
#[derive(PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) size: u64,
    modified: (i64, i64),
}

impl Version {
    pub(crate) fn of(file: &File) -> io::Result<Version> {
        let metadata = file.metadata()?;
        Ok(Version { size: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}

/// Counts what is sent of a stretch, and takes back what attempts in vain have counted.
pub(crate) struct Count<'a> {
    total: &'a AtomicU64,
    now: u64,
    furthest: u64,
}

impl<'a> Count<'a> {
    pub(crate) fn new(total: &'a AtomicU64) -> Count<'a> {
        Count { total, now: 0, furthest: 0 }
    }

    /// By this stretch.
    pub(crate) fn counted(&self) -> u64 {
        self.now
    }

    pub(crate) fn take_back(&mut self) {
        self.total.fetch_sub(self.now, Ordering::Relaxed);
        self.now = 0;
    }

    /// For one attempt.
    pub(crate) fn attempt<'b, 'c>(&'b mut self, patience: &'b mut Patience<'c>) -> Attempt<'a, 'b, 'c> {
        Attempt { count: self, patience }
    }
}

/// An attempt that gets further than all before is a sign of life; a server that takes everything and then fails is none.
pub(crate) struct Attempt<'a, 'b, 'c> {
    count: &'b mut Count<'a>,
    patience: &'b mut Patience<'c>,
}

impl Meter for Attempt<'_, '_, '_> {
    fn start(&mut self) {
        self.count.take_back();
    }

    fn passed(&mut self, bytes: u64) -> io::Result<()> {
        if self.patience.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = &mut *self.count;
        count.total.fetch_add(bytes, Ordering::Relaxed);
        count.now += bytes;
        if count.now > count.furthest {
            count.furthest = count.now;
            self.patience.progress();
        }
        Ok(())
    }
}
