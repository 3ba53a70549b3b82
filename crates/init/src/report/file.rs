//! `b2c.report=file:VOLUME/PATH`: a file in a volume, and in its bucket if it is pushed into one.

use crate::pipeline::World;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Its name until it is whole.
const UNFINISHED: &str = ".b2c-report.unfinished";

/// Writes the file in place of what was there. All pushes of the pipeline are over by now, so that its status is known; this file is pushed after them.
///
/// # Errors
/// There are no volumes, the path leads out of the volume or over something that is no folder, the volume is full, the store does not take it.
pub fn write(volume: &str, path: &str, json: &str, world: Option<&World<'_>>) -> Result<(), String> {
    let world = world.ok_or("there are no volumes, because the boot failed before they were set up")?;
    let folder = world.volumes.folder(volume).map_err(|error| error.to_string())?;
    write_below(&folder, path, json).map_err(|error| error.to_string())?;
    world.hooks.push_file(volume, path)
}

fn write_below(root: &Path, path: &str, json: &str) -> io::Result<()> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folder = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder = enter(folder.as_fd(), part)?;
    }
    // A container may have left anything here, a FIFO or a link, too: only what is made now is written to.
    match rustix::fs::unlinkat(&folder, UNFINISHED, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(&folder, UNFINISHED, flags, Mode::from_raw_mode(0o644))?);
    writeln!(file, "{json}")?;
    file.sync_all()?;
    Ok(rustix::fs::renameat(&folder, UNFINISHED, &folder, name)?)
}

/// The folder `name`, which is made if it is not there. Containers may have put links in the way, which lead anywhere: none is followed.
fn enter(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(rustix::fs::openat2(folder, name, flags, Mode::empty(), resolve)?)
}
