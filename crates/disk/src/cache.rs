//! The cache drive: which device it is, and how it is made fit for use. docs/cache.md states the rules.

mod choice;

use crate::block::{self, Device, Disk, DiskKind, Found};
use crate::events::Events;
use crate::mount::{Kind, is_damage, refused, try_mount};
use crate::signature::{Ends, Family, Signature, identify};
use crate::survey::{self, Survey};
use crate::{Error, ext4, gpt, human};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Label of the file system, and name of the partition.
pub const LABEL: &str = "B2C_CACHE";
/// Smaller devices, in bytes, are not made a cache: hardly an image fits.
pub const MINIMUM: u64 = 128 << 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// What is labelled [`LABEL`]; else the first disk that may be wiped, wiped.
    Auto,
    /// What is labelled, formatted again; else as `Auto`.
    Reset,
    /// A partition, formatted if it has no file system; or a disk, repartitioned if it has no labelled partition.
    Device(PathBuf),
}

/// A device that holds a file system for the cache, or held one that is damaged now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    device: Device,
    /// What is on it may be given up if it cannot be mounted.
    disposable: bool,
}

/// How a cache was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was left.
    Sound,
    /// With errors, which e2fsck has mended: whatever was written there may be damaged.
    Repaired,
}

/// Finds the device that `request` asks for, and makes a file system on it where that is asked for. Devices may appear for as long as
/// `patience`; nothing but a named device is wiped earlier, for the labelled one may only be late.
///
/// # Errors
/// When there is no such device, or it must not or cannot be used.
pub fn select(request: &Request, patience: Duration) -> Result<Cache, Error> {
    let search = Search { events: Events::open()?, patience, deadline: Instant::now() + patience };
    match request {
        Request::Auto => search.automatic(false),
        Request::Reset => search.automatic(true),
        Request::Device(path) => search.named(path),
    }
}

impl Cache {
    /// The partition; or the disk, if the file system is on the whole of it.
    pub fn device(&self) -> &Path {
        &self.device.path
    }

    /// Mounts it on the folder `target`. One with errors is repaired before, one that is damaged beyond that is made anew if it was found by
    /// itself; one that was named is left as it is.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(&self, target: &Path) -> Result<Condition, Error> {
        match self.repair_and_mount(target) {
            Ok(condition) => Ok(condition),
            Err(Trouble::Damage(error)) if self.disposable => {
                log::error!("{error}; it is made anew, and what it held is lost");
                ext4::make(&self.device.path, self.device.size, LABEL)?;
                self.repair_and_mount(target).map_err(Trouble::into_error)
            }
            Err(trouble) => Err(trouble.into_error()),
        }
    }

    fn repair_and_mount(&self, target: &Path) -> Result<Condition, Trouble> {
        let path = &self.device.path;
        let signature = read(&self.device).map_err(Trouble::Other)?;
        let kind = signature
            .as_ref()
            .and_then(Kind::of)
            .ok_or_else(|| Trouble::Other(unsuitable(path, signature.as_ref())))?;
        let ext = signature.and_then(|signature| match signature.family {
            Family::Ext(ext) => Some(ext),
            _ => None,
        });
        let repair = |why: &str| {
            log::warn!("{}: {why}; checking it, which takes a while on a large drive", path.display());
            ext4::repair(path).map_err(|error| match error {
                Error::Program { .. } => Trouble::Damage(error),
                error => Trouble::Other(error),
            })
        };
        let mut condition = Condition::Sound;
        if ext.is_some_and(|ext| ext.has_errors) {
            repair("errors were found on it earlier")?;
            condition = Condition::Repaired;
        }
        let mounted = match try_mount(path, kind, target) {
            Err(errno) if is_damage(errno) && ext.is_some() => {
                repair(&format!("it cannot be mounted ({errno})"))?;
                condition = Condition::Repaired;
                try_mount(path, kind, target)
            }
            result => result,
        };
        mounted.map_err(|errno| Trouble::mount(errno, path, kind, target))?;
        if ext.is_some_and(|ext| !ext.can_encrypt) {
            log::info!(
                "{} cannot hold volumes with an fscrypt_key: its ext4 lacks the feature encrypt (tune2fs -O encrypt)",
                path.display()
            );
        }
        Ok(condition)
    }
}

/// Whether making a file system anew would help.
enum Trouble {
    Damage(Error),
    Other(Error),
}

impl Trouble {
    fn mount(errno: Errno, path: &Path, kind: Kind, target: &Path) -> Self {
        let error = refused(errno, path, kind, target);
        if is_damage(errno) { Self::Damage(error) } else { Self::Other(error) }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Damage(error) | Self::Other(error) => error,
        }
    }
}

/// One search for the device.
struct Search {
    events: Events,
    patience: Duration,
    deadline: Instant,
}

impl Search {
    fn automatic(&self, reset: bool) -> Result<Cache, Error> {
        let mut surveys = Vec::new();
        let mut look = || {
            surveys = survey::all();
            choice::labelled(&surveys).cloned()
        };
        let in_time = self.wait_for(&format!("a partition labelled {LABEL}"), &mut look)?;
        let found = in_time.or_else(|| {
            block::disks().iter().for_each(read_table_again);
            look()
        });
        match found {
            Some(device) if reset => format(device, true),
            Some(device) => Ok(Cache { device, disposable: true }),
            None => match choice::interrupted(&surveys) {
                Some(device) => format(device.clone(), true),
                None => self.wipe(choice::disk(&surveys, self.patience)?, true),
            },
        }
    }

    /// Looks for `what`, and says so if it takes time.
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> Result<Option<T>, Error> {
        if let Some(found) = look() {
            return Ok(Some(found));
        }
        log::info!("Waiting up to {} s for {what}", self.patience.as_secs());
        self.events.wait_for(self.deadline, look)
    }

    fn named(&self, path: &Path) -> Result<Cache, Error> {
        let found = self.wait_for(&path.display().to_string(), || block::find(path))?;
        match found {
            Some(Found::Partition(partition)) => use_or_format(partition.device),
            // Device mapper and md have no partitions that anybody makes; they are used as partitions are.
            Some(Found::Disk(disk)) if disk.kind == DiskKind::Assembled => use_or_format(disk.device),
            Some(Found::Disk(disk)) => self.named_disk(disk),
            None => {
                let there: Vec<_> = survey::all().iter().map(Survey::title).collect();
                let there = if there.is_empty() { "no disk".to_owned() } else { there.join(", ") };
                Err(Error::NotThere { device: path.to_owned(), seconds: self.patience.as_secs(), there })
            }
        }
    }

    /// Uses the labelled partition of a disk, and makes one if there is none.
    fn named_disk(&self, disk: Disk) -> Result<Cache, Error> {
        read_table_again(&disk);
        let disk = match block::find(&disk.device.path) {
            Some(Found::Disk(disk)) => disk,
            _ => disk,
        };
        let survey = [Survey::of(disk)];
        if let Some(device) = choice::labelled(&survey) {
            return Ok(Cache { device: device.clone(), disposable: false });
        }
        match choice::interrupted(&survey) {
            Some(device) => format(device.clone(), false),
            None => self.wipe(&survey[0], false),
        }
    }

    fn wipe(&self, survey: &Survey, disposable: bool) -> Result<Cache, Error> {
        check(&survey.disk.device)?;
        log::info!("Wiping {}, which holds {}", survey.title(), survey.contents());
        let partition = gpt::repartition(&survey.disk, LABEL, &self.events)?;
        make(partition.device, disposable)
    }
}

/// A disk that has just appeared is seen before its partitions are. When the table has been read once more, all of them are there.
fn read_table_again(disk: &Disk) {
    if disk.kind != DiskKind::Other && disk.device.size > 0 {
        // Where it is refused, somebody uses the partitions, or there can be none.
        let _ = gpt::read_again(&disk.device.path);
    }
}

/// A named partition: its file system is used as it is, and made if there is none.
fn use_or_format(device: Device) -> Result<Cache, Error> {
    match read(&device)? {
        Some(signature) if signature.family.can_be_cache() => Ok(Cache { device, disposable: false }),
        Some(signature) if signature.family.is_file_system() => {
            Err(unsuitable(&device.path, Some(&signature)))
        }
        _ => format(device, false),
    }
}

fn format(device: Device, disposable: bool) -> Result<Cache, Error> {
    check(&device)?;
    let content = read(&device)?
        .map_or_else(|| "nothing that is known here".to_owned(), |signature| signature.to_string());
    log::info!("Formatting {} ({}), which holds {content}", device.path.display(), human(device.size));
    make(device, disposable)
}

fn make(device: Device, disposable: bool) -> Result<Cache, Error> {
    ext4::make(&device.path, device.size, LABEL)?;
    Ok(Cache { device, disposable })
}

/// Whether a file system can be made there at all.
fn check(device: &Device) -> Result<(), Error> {
    let path = device.path.clone();
    if device.read_only {
        Err(Error::ReadOnly { device: path })
    } else if device.size < MINIMUM {
        Err(Error::TooSmall { device: path, size: device.size, minimum: MINIMUM })
    } else if device.is_in_use() {
        Err(Error::InUse { device: path })
    } else {
        Ok(())
    }
}

fn read(device: &Device) -> Result<Option<Signature>, Error> {
    let ends = Ends::read(&device.path, device.size);
    Ok(identify(&ends.map_err(Error::io(format!("read {}", device.path.display())))?))
}

fn unsuitable(path: &Path, signature: Option<&Signature>) -> Error {
    let content = signature.map_or_else(|| "no file system".to_owned(), Signature::to_string);
    Error::Unsuitable { device: path.to_owned(), content }
}
