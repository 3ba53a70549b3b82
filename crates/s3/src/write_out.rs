//! The disk works while more comes. Otherwise a large file would be written when all of it is there, and whoever flushes it waits for that.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd as _;

/// Lets the kernel begin to write what is in this range of the file (sync_file_range(2)). Nobody waits for it, and it promises nothing: where it
/// is not possible, the flush at the end has more to do.
pub(crate) fn begin(file: &File, range: Range<u64>) {
    let (offset, length) = (range.start.cast_signed(), (range.end - range.start).cast_signed());
    // SAFETY: the descriptor is open as long as `file` is borrowed; no memory is involved.
    let begun =
        unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE) };
    if begun != 0 {
        log::debug!("cannot begin to write a file: {}", std::io::Error::last_os_error());
    }
}
