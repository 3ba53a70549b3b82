//! One file becomes an object.

use crate::attributes::Attributes;
use crate::folder::{is_gone, kind, stat_of};
use crate::run::{Run, Trouble, count};
use crate::temporary::Temporary;
use crate::time;
use crate::walk::{Entry, Kind};
use rustix::fs::{FileType, MemfdFlags, Statx, fdatasync, memfd_create};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The clock that files get their times from goes in steps of up to 10 ms (`CONFIG_HZ`).
const CLOCK_STEP: Duration = Duration::from_millis(20);
/// The kernel itself writes to the disk what is older than 30 s (`vm.dirty_expire_centisecs`), and looks for that every 5 s.
const WRITTEN_BACK: Duration = Duration::from_secs(120);

/// What to send of a file that is written to all the time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Nothing.
    Ordinary,
    /// What was in it when it was copied: the first part of a log that grows.
    Copy,
}

impl Run<'_> {
    pub(crate) fn put(&self, entry: &Entry, effort: Effort) -> Result<(), Trouble> {
        let (folder, trouble) = (&self.mirror.folder, self.trouble("read", &entry.path, entry.stat.stx_size));
        match entry.kind {
            Kind::File => self.put_file(entry, false, effort)?,
            Kind::FileBehindLink => self.put_file(entry, true, effort)?,
            Kind::EmptyFolder => {
                let file = in_memory(b"").map_err(&trouble)?;
                self.send(entry, &file, &entry.stat)?;
            }
            Kind::Link => {
                let target = match folder.read_link(&entry.path) {
                    Err(errno) if is_gone(errno) => return Err(Trouble::Gone),
                    target => target.map_err(&trouble)?,
                };
                let file = in_memory(target.as_os_str().as_bytes()).map_err(&trouble)?;
                self.send(entry, &file, &entry.stat)?;
            }
        }
        // What changed meanwhile is tried again, and counts once.
        count(&self.progress.files);
        Ok(())
    }

    fn put_file(&self, entry: &Entry, through_links: bool, effort: Effort) -> Result<(), Trouble> {
        let trouble = self.trouble("read", &entry.path, entry.stat.stx_size);
        let file = match self.mirror.folder.open_file(&entry.path, through_links) {
            Err(errno) if is_gone(errno) => return Err(Trouble::Gone),
            file => file.map_err(&trouble)?,
        };
        let before = stat_when_settled(&file).map_err(&trouble)?;
        if kind(&before) != FileType::RegularFile {
            return Err(Trouble::Changed);
        }
        flush(&file, &before).map_err(&trouble)?;
        let etag = if effort == Effort::Copy {
            let (_vanishes, copy) = self.copy(&file, &before)?;
            self.send(entry, &copy, &before)?
        } else {
            self.send(entry, &file, &before)?
        };
        let known = &self.mirror.known;
        let record = known.sent(&etag, &before);
        let after = stat_of(file.as_fd()).map_err(&trouble)?;
        if known.file(&after) == record.file {
            known.save(file.as_fd(), record);
        } else if effort == Effort::Ordinary {
            return Err(Trouble::Changed);
        }
        Ok(())
    }

    /// Stores it, and remembers that for this boot.
    fn send(&self, entry: &Entry, file: &File, stat: &Statx) -> Result<String, Trouble> {
        let preserve = self.mirror.rules.preserve;
        let metadata = if preserve { Attributes::of(stat).to_metadata() } else { BTreeMap::new() };
        let etag = self.mirror.bucket.put(&self.key(&entry.key), file, &metadata, &self.progress.bytes);
        let etag = etag.map_err(|error| {
            self.mirror.known.remember_attempt(&entry.key);
            self.store_trouble(&entry.path, stat.stx_size)(error)
        })?;
        self.mirror.known.remember(&entry.key, self.mirror.known.sent(&etag, stat));
        Ok(etag)
    }

    /// As much of a file as it had when it was looked at. It is on the same disk: memory may be less than a file.
    fn copy(&self, file: &File, stat: &Statx) -> Result<(Temporary, File), Trouble> {
        let failed = |errno: Errno| {
            Trouble::One(format!("cannot copy it while it changes: {}", io::Error::from(errno)))
        };
        let folder = self.mirror.folder.open_folder(Path::new("")).map_err(failed)?;
        let (temporary, mut copy) = Temporary::file(folder).map_err(failed)?;
        io::copy(&mut file.take(stat.stx_size), &mut copy)
            .map_err(|error| Trouble::One(format!("cannot copy it while it changes: {error}")))?;
        Ok((temporary, copy))
    }
}

/// A file that was written to a moment ago is read a moment later, so that whatever is written to it from then on shows in its time.
fn stat_when_settled(file: &File) -> Result<Statx, Errno> {
    let stat = stat_of(file.as_fd())?;
    let age = time::now() - time::of(stat.stx_mtime);
    if (0..CLOCK_STEP.as_nanos().cast_signed()).contains(&age) {
        thread::sleep(CLOCK_STEP);
        return stat_of(file.as_fd());
    }
    Ok(stat)
}

/// What is in the bucket is on the disk, too: else a power cut could leave less of the file, and the next push replace the whole object by that.
fn flush(file: &File, stat: &Statx) -> Result<(), Errno> {
    let age = time::now() - time::of(stat.stx_ctime);
    if age > WRITTEN_BACK.as_nanos().cast_signed() {
        return Ok(());
    }
    match fdatasync(file) {
        // A file system that cannot (fsync(2)).
        Err(Errno::INVAL | Errno::ROFS) => Ok(()),
        answer => answer,
    }
}

fn in_memory(content: &[u8]) -> Result<File, Errno> {
    let mut file = File::from(memfd_create("b2c-mirror", MemfdFlags::CLOEXEC)?);
    file.write_all(content).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(file)
}
