//! The cache drive: what is kept at /storage from one boot to the next.

use super::filesystems;
use super::world::STORAGE;
use crate::console::{CONSOLE, Fold};
use disk::Trim;
use disk::cache::{self, Condition, Request};
use options::{Budget, CacheDevice, Options};
use std::path::Path;
use std::time::Duration;

/// How long a device may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);

/// A cache that is mounted at /storage.
pub struct Cache {
    /// How many bytes images may take; `None` leaves it to the store.
    pub budget: Option<u64>,
    /// Whether all that is on it has to be checked.
    pub condition: Condition,
    trim: Option<Trim>,
}

/// The cache is required, and there is none; why has been said.
pub struct Missing;

/// Mounts the cache, if one is asked for.
///
/// Kept quirk: a failure is a red line, and the boot goes on in memory, unless the cache is required.
///
/// Divergence: the original mounts the cache before it connects. Here it comes after the extra arguments, which may name another one.
pub fn mount(all: &Options) -> Result<Option<Cache>, Missing> {
    CONSOLE.section("mount_cache_partition", "Mounting the cache partition", Fold::Collapsed);
    let options = &all.cache;
    let mounted = match &options.device {
        CacheDevice::None => {
            CONSOLE.line("Do not use a partition cache");
            return Ok(None);
        }
        CacheDevice::Auto => mount_partition(&Request::Auto),
        CacheDevice::Reset => mount_partition(&Request::Reset),
        CacheDevice::Device(path) => mount_partition(&Request::Device(path.clone())),
        CacheDevice::Filesystem(name) => mount_filesystem(all, name),
    };
    match mounted {
        Ok(condition) => {
            let cache = Cache { budget: options.budget.and_then(bytes), condition, trim: trim(options) };
            if let Some(budget) = cache.budget {
                CONSOLE.line(&format!("Images may take {} of it", disk::human(budget)));
            }
            Ok(Some(cache))
        }
        Err(reason) if options.required => {
            CONSOLE.error(&format!("{}: {reason}; it is required, so nothing runs", shown(&options.device)));
            Err(Missing)
        }
        Err(reason) => {
            CONSOLE.error(&format!("{}: {reason}; continue without a cache", shown(&options.device)));
            Ok(None)
        }
    }
}

/// The option as it was written.
fn shown(device: &CacheDevice) -> String {
    let value = match device {
        CacheDevice::None => "none",
        CacheDevice::Auto => "auto",
        CacheDevice::Reset => "reset",
        CacheDevice::Device(path) => &path.to_string_lossy(),
        CacheDevice::Filesystem(name) => name,
    };
    format!("b2c.cache_device={value}")
}

fn mount_partition(request: &Request) -> Result<Condition, String> {
    let cache = cache::select(request, PATIENCE).map_err(|error| error.to_string())?;
    let name = cache.device().display();
    CONSOLE.line(&format!("Selected the partition {name} as a cache"));
    let condition = cache.mount(Path::new(STORAGE)).map_err(|error| error.to_string())?;
    CONSOLE.line(&format!("Mounting the partition {name} to {STORAGE}: DONE"));
    Ok(condition)
}

fn mount_filesystem(options: &Options, name: &str) -> Result<Condition, String> {
    filesystems::mount(options, name, Path::new(STORAGE))?;
    CONSOLE.line(&format!("Mounting the file system {name} to {STORAGE}: DONE"));
    Ok(Condition::Sound)
}

/// The budget in bytes; `None`, and a line that says why, if the file system does not tell its size.
fn bytes(budget: Budget) -> Option<u64> {
    let percent = match budget {
        Budget::Bytes(bytes) => return Some(bytes),
        Budget::Percent(percent) => u64::from(percent),
    };
    match rustix::fs::statvfs(STORAGE) {
        Ok(space) => Some(space.f_blocks.saturating_mul(space.f_frsize) / 100 * percent),
        Err(errno) => {
            CONSOLE.error(&format!(
                "b2c.cache_device: budget={percent}% is ignored: {STORAGE} does not tell its size: {errno}"
            ));
            None
        }
    }
}

fn trim(options: &options::Cache) -> Option<Trim> {
    let started = options.fstrim.then(|| Trim::start(Path::new(STORAGE)))?;
    started.map_err(|error| CONSOLE.error(&format!("b2c.cache_device: fstrim: {error}"))).ok()
}

impl Cache {
    /// Unmounts it, with all that is still mounted below it.
    pub fn unmount(self) {
        CONSOLE.section("unmount_cache_partition", "Unmounting the cache partition", Fold::Collapsed);
        if let Some(trim) = self.trim {
            trim.stop();
        }
        match disk::unmount(Path::new(STORAGE)) {
            Ok(()) => CONSOLE.line(&format!("Unmounting {STORAGE}: DONE")),
            // A process that a privileged container left behind may hold it. What was written is on the drive, and process 1 tries again when it
            // has killed all others.
            Err(error) => CONSOLE.line(&format!("{error}; trying again when all processes have ended")),
        }
        CONSOLE.end_section();
    }
}
