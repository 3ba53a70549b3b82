//! A device that an option names: it may appear late, and what it holds has to be known before anything is done with it.

use crate::Error;
use crate::block::{self, Device, Found};
use crate::events::Events;
use crate::signature::{self, Ends, Signature};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a device is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// As much of a device's start has to be zero for it to be blank: longer than any superblock is far from it.
const BLANK: u64 = 1 << 20;

/// What a device holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It begins with zeros.
    Blank,
    /// Something that is known.
    Known(Signature),
    /// Something else, such as a partition table or an encrypted disk.
    Unknown,
}

/// The disk or partition at `path`, waited for if it is not there yet.
///
/// # Errors
/// When it does not appear.
pub fn wait_for(path: &Path) -> Result<Device, Error> {
    let events = Events::open()?;
    let found = events.wait_for(Instant::now() + PATIENCE, || block::find(path))?;
    match found {
        Some(Found::Disk(disk)) => Ok(disk.device),
        Some(Found::Partition(partition)) => Ok(partition.device),
        None => Err(not_there(path)),
    }
}

/// Reads what `device` holds.
///
/// # Errors
/// When it cannot be read.
pub fn content(device: &Device) -> Result<Content, Error> {
    let failed = || Error::io(format!("read {}", device.path.display()));
    let ends = Ends::read(&device.path, device.size).map_err(failed())?;
    if let Some(signature) = signature::identify(&ends) {
        return Ok(Content::Known(signature));
    }
    let mut start = Vec::new();
    File::open(&device.path).and_then(|file| file.take(BLANK).read_to_end(&mut start)).map_err(failed())?;
    let blank = start.iter().all(|&byte| byte == 0);
    Ok(if blank { Content::Blank } else { Content::Unknown })
}

fn not_there(path: &Path) -> Error {
    let names: Vec<_> = block::disks().iter().map(|disk| disk.device.path.display().to_string()).collect();
    let there = if names.is_empty() { "no disk".to_owned() } else { names.join(" ") };
    Error::NotThere { device: path.to_owned(), seconds: PATIENCE.as_secs(), there }
}
