//! Taking a device over: nobody else may use it, and nobody may recognise what was on it.

use crate::Error;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes at the start that are zeroed: the partition table, and the start of a partition that begins at 1 MiB.
const START: u64 = 2 << 20;
/// Bytes at the end: the second copy of a GPT, RAID metadata.
const END: u64 = 1 << 20;

/// Opens a device for writing, and for nobody else: the kernel refuses while it, or a partition of it, is in use (`O_EXCL` on block
/// devices, open(2)).
pub(crate) fn claim(path: &Path) -> Result<File, Error> {
    match open(path, OFlags::RDWR | OFlags::EXCL | OFlags::CLOEXEC, Mode::empty()) {
        Ok(node) => Ok(node.into()),
        Err(Errno::BUSY) => Err(Error::InUse { device: path.to_owned() }),
        Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Err(Error::ReadOnly { device: path.to_owned() }),
        Err(errno) => Err(Error::io(format!("open {}", path.display()))(errno)),
    }
}

/// Zeroes both ends of a device of `size` bytes, and waits until that is on the medium: whatever happens next, what was there is not
/// mistaken for something whole.
pub(crate) fn wipe(node: &File, path: &Path, size: u64) -> Result<(), Error> {
    let end = size.saturating_sub(END);
    let zeroed = zero(node, 0, START.min(size)).and_then(|()| zero(node, end, size - end));
    zeroed.and_then(|()| node.sync_all()).map_err(Error::io(format!("wipe {}", path.display())))
}

fn zero(mut node: &File, start: u64, length: u64) -> io::Result<()> {
    node.seek(SeekFrom::Start(start))?;
    io::copy(&mut io::repeat(0).take(length), &mut node).map(drop)
}
