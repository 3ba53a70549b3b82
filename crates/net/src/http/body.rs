//! What a request carries, read while it is sent.

use std::io::{self, Read};

/// A body of known length. Nothing of it is kept in memory.
pub struct Body<'a> {
    length: u64,
    reader: Box<dyn Read + 'a>,
}

impl<'a> Body<'a> {
    /// `reader` has to give `length` bytes; what more it has is not read.
    pub fn new(length: u64, reader: impl Read + 'a) -> Body<'a> {
        Body { length, reader: Box::new(reader) }
    }

    /// The whole of `bytes`.
    pub fn bytes(bytes: &'a [u8]) -> Body<'a> {
        Body::new(bytes.len() as u64, bytes)
    }
}

/// Gives exactly so many bytes, and remembers why it could not: ureq says of every failure that it is one of the connection.
pub(super) struct Source<'a> {
    body: Body<'a>,
    failure: Option<io::Error>,
}

impl<'a> Source<'a> {
    pub(super) fn new(body: Body<'a>) -> Source<'a> {
        Source { body, failure: None }
    }

    /// What is left of it.
    pub(super) fn length(&self) -> u64 {
        self.body.length
    }

    pub(super) fn failure(self) -> Option<io::Error> {
        self.failure
    }

    fn read_some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.body.length).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            match self.body.reader.read(&mut buf[..wanted]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => return read,
            }
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.read_some(buf) {
            Ok(count) => {
                self.body.length -= count as u64;
                Ok(count)
            }
            Err(e) => {
                let kind = e.kind();
                self.failure = Some(e);
                Err(kind.into())
            }
        }
    }
}
