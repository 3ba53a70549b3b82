//! Telling a drive which blocks are free: FITRIM (fstrim(8)), in a thread, a piece at a time, so that it can be stopped.

use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// `struct fstrim_range` (linux/fs.h), in bytes.
#[repr(C)]
struct Range {
    start: u64,
    /// What is to be trimmed; the kernel leaves what was.
    length: u64,
    shortest: u64,
}

/// `_IOWR('X', 121, struct fstrim_range)`
const FITRIM: Opcode = opcode::read_write::<Range>(b'X', 121);

/// How much is looked at between two looks at the stop sign.
const PIECE: u64 = 4 << 30;
const STACK: usize = 64 << 10;

/// A file system that is being trimmed. It is in use until [`Trim::stop`].
#[derive(Debug)]
pub struct Trim {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Trim {
    /// Begins to trim the file system that is mounted at `folder`. What comes of it goes to the log.
    ///
    /// # Errors
    /// When the folder cannot be opened, or no thread be started.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let root = File::open(folder)?;
        let size = {
            let space = rustix::fs::fstatvfs(&root)?;
            space.f_blocks.saturating_mul(space.f_frsize)
        };
        let name = folder.display().to_string();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || match trim(&root, size, &stopped) {
            Ok(trimmed) => log::info!("Trimmed {} of {name}", crate::human(trimmed)),
            Err(Errno::OPNOTSUPP) => log::info!("The drive of {name} cannot be trimmed"),
            Err(errno) => log::warn!("Could not trim {name}: {errno}"),
        };
        let thread = thread::Builder::new().name("fstrim".into()).stack_size(STACK).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Ends it after the piece that is being trimmed.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It does not panic; if it did, it has let go of the file system as well.
        let _ = self.thread.join();
    }
}

fn trim(root: &File, size: u64, stopped: &AtomicBool) -> Result<u64, Errno> {
    let mut trimmed = 0;
    let mut start = 0;
    while start < size && !stopped.load(Ordering::Relaxed) {
        let mut range = Range { start, length: PIECE, shortest: 0 };
        // SAFETY: FITRIM takes the kernel's struct fstrim_range, which Range is, and writes nothing but its second field.
        unsafe { ioctl(root, Updater::<FITRIM, Range>::new(&mut range)) }?;
        trimmed += range.length;
        start += PIECE;
    }
    Ok(trimmed)
}
