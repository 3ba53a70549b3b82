//! What was fetched of a large layer, kept on the disk until the layer is whole, so that neither a broken pull nor a power cut
//! fetches it again.
//!
//! The file only grows, and is flushed whenever it has grown by [`STEP`]; only then does it grow on. So after a power cut all steps
//! before the last byte are on the disk, whatever the file system did with the rest, and need no journal. That it is the layer
//! indeed shows the layer's digest, which is taken from the first byte on.

use super::Store;
use crate::digest::Digest;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// Bytes between two flushes; at most so many, and the step in the making, are fetched twice.
const STEP: u64 = 8 << 20;

/// The first part of a layer's blob.
pub(crate) struct Partial {
    file: File,
    path: PathBuf,
    /// What was there already.
    kept: u64,
    /// What is there now.
    length: u64,
}

impl Store {
    /// What there is of a blob, to be added to. `None` if it is not worth the trouble: in memory it would be a copy, and a small
    /// blob is quickly fetched again.
    pub(crate) fn partial(&self, digest: &Digest, size: u64) -> Option<Partial> {
        if size <= STEP || !self.keeps_partials() {
            return None;
        }
        let path = self.content_path("partial", digest);
        Partial::open(path, size).unwrap_or_else(|e| {
            log::warn!("What is fetched of the layer {digest} cannot be kept: {e}");
            None
        })
    }
}

impl Partial {
    /// `None` if another pull is writing it.
    fn open(path: PathBuf, size: u64) -> io::Result<Option<Partial>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        let length = file.metadata()?.len();
        let kept = if length <= size { flushed(length) } else { 0 };
        file.set_len(kept)?;
        Ok(Some(Partial { file, path, kept, length: kept }))
    }

    /// How many bytes need not be fetched.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// It is of no use any more.
    pub(crate) fn discard(self) {
        if let Err(e) = fs::remove_file(&self.path)
            && e.kind() != io::ErrorKind::NotFound
        {
            log::warn!("{} is left behind: {e}", self.path.display());
        }
    }

    /// Whether a file of `partial/` is written by nobody at the moment.
    pub(super) fn is_idle(file: &File) -> bool {
        rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let to_boundary = usize::try_from(STEP - self.length % STEP).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(to_boundary.min(bytes.len()));
            self.file.write_all_at(now, self.length)?;
            self.length += now.len() as u64;
            bytes = later;
            if self.length.is_multiple_of(STEP) {
                self.file.sync_data()?;
            }
        }
        Ok(())
    }
}

/// How much of a file of that length is on the disk for certain: a byte beyond a step is written only when the step is flushed.
fn flushed(length: u64) -> u64 {
    length.saturating_sub(1) / STEP * STEP
}

/// A blob from its first byte on: what is kept, and then the rest, which is kept as it comes.
pub(crate) struct Resumed<R> {
    partial: Option<Partial>,
    read: u64,
    rest: R,
}

impl<R: Read> Resumed<R> {
    /// `rest` begins at [`Partial::kept`].
    pub(crate) fn new(partial: Option<Partial>, rest: R) -> Resumed<R> {
        Resumed { partial, read: 0, rest }
    }

    /// What is kept by now.
    pub(crate) fn into_partial(self) -> Option<Partial> {
        self.partial
    }

    /// To go on without is better than not to go on.
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(mut partial) = self.partial.take() {
            match partial.append(bytes) {
                Ok(()) => self.partial = Some(partial),
                Err(e) => {
                    log::warn!(
                        "What is fetched of a layer is not kept any more: {}: {e}",
                        partial.path.display()
                    );
                    partial.discard();
                }
            }
        }
    }
}

impl<R: Read> Read for Resumed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(partial) = &self.partial
            && self.read < partial.kept
        {
            let left = usize::try_from(partial.kept - self.read).unwrap_or(usize::MAX);
            let wanted = left.min(buf.len());
            let count = partial.file.read_at(&mut buf[..wanted], self.read)?;
            if count == 0 && wanted > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read += count as u64;
            return Ok(count);
        }
        let count = self.rest.read(buf)?;
        self.keep(&buf[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_counts_when_something_follows_it() {
        let lengths = [0, 1, STEP, STEP + 1, 2 * STEP, 2 * STEP + 1];
        assert_eq!(lengths.map(flushed), [0, 0, 0, STEP, STEP, 2 * STEP]);
    }

    proptest! {
        #[test]
        fn no_more_than_a_step_is_given_up(length: u64) {
            let kept = flushed(length);
            prop_assert!(kept.is_multiple_of(STEP) && kept <= length && length - kept <= STEP);
        }
    }
}
