//! Volumes that hold what may be nowhere else: a note beside the content says where it has to be pushed, a place a line.
//!
//! It is written before a volume is used whose content is to be pushed, or when that failed, and goes when all of it is there. A boot that finds one ends what
//! an earlier one could not.

use crate::{DATA, Error, MAX_NAME, Volumes, encrypt, note};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::PoisonError;

/// The note's name.
const NOTE: &str = "unpushed";
/// Stands between the name of a volume that is kept for its content alone, and a number.
const KEPT: &str = ".unpushed-";

impl Volumes {
    /// From now on the volume stays, also after a power cut, until it is [released](Self::release). `destination` says where its content is to be pushed; there may be
    /// several.
    ///
    /// # Errors
    /// When that cannot be written down. Then it stays for as long as this value lives.
    pub fn keep(&self, name: &str, destination: &str) -> Result<(), Error> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        let mut destinations = self.unpushed(name)?;
        if !destinations.iter().any(|known| known == destination) {
            destinations.push(destination.to_owned());
            self.note(name, &destinations)?;
        }
        Ok(())
    }

    /// All is at `destination`. When there is no other, the volume may go when its time is over.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn release(&self, name: &str, destination: &str) -> Result<(), Error> {
        let mut destinations = self.unpushed(name)?;
        destinations.retain(|known| known != destination);
        if destinations.is_empty() {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
        self.note(name, &destinations)
    }

    /// Where the volume's content has still to be pushed.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub fn unpushed(&self, name: &str) -> Result<Vec<String>, Error> {
        let note = note::read(&self.folder(name)?, NOTE)?.unwrap_or_default();
        Ok(note.lines().map(str::to_owned).collect())
    }

    /// Whether the volume has to stay, whatever its time. If that cannot be known, it has.
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).contains(name);
        kept || !self.unpushed(name).is_ok_and(|destinations| destinations.is_empty())
    }

    fn note(&self, name: &str, destinations: &[String]) -> Result<(), Error> {
        let folder = self.folder(name)?;
        if destinations.is_empty() {
            return note::remove(&folder, NOTE);
        }
        note::write(&folder, NOTE, &destinations.join("\n"))
    }

    /// The volumes that were kept when `name`'s time was over, because their content was nowhere else, oldest first. A new one may have their name by now.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn kept(&self, name: &str) -> Result<Vec<String>, Error> {
        let mut kept = self.list()?;
        kept.retain(|other| origin(other).is_some_and(|(origin, _)| origin == stem(name)));
        kept.sort_by_key(|name| origin(name).map(|(_, number)| number));
        Ok(kept)
    }

    /// The data folder of one of these; of an encrypted one, if the kernel has its key.
    ///
    /// # Errors
    /// When it is not there, or locked.
    pub fn kept_folder(&self, name: &str) -> Result<PathBuf, Error> {
        let data = self.folder(name)?.join(DATA);
        if encrypt::is_locked(&data)? { Err(Error::Locked { name: name.to_owned() }) } else { Ok(data) }
    }

    /// Keeps the volume under another name, if there is anything in it.
    pub(crate) fn set_aside(&self, name: &str) -> Result<(), Error> {
        let folder = self.folder(name)?;
        let is_empty = fs::read_dir(folder.join(DATA)).map(|mut entries| entries.next().is_none());
        if is_empty.map_err(Error::io("read", folder.join(DATA)))? {
            // What it holds may be on a file system that is not mounted now.
            return Ok(());
        }
        let last = self.kept(name)?.iter().filter_map(|name| origin(name)).map(|(_, number)| number).max();
        let kept = self.folder(&format!("{}{KEPT}{}", stem(name), last.unwrap_or(0).saturating_add(1)))?;
        fs::rename(&folder, kept).map_err(Error::io("rename", folder))?;
        let root = File::open(&self.root).and_then(|root| root.sync_all());
        root.map_err(Error::io("flush", &self.root))
    }
}

/// Whether that is the name of a volume that was kept.
pub(crate) fn is_kept_name(name: &str) -> bool {
    origin(name).is_some()
}

/// What the name was before, as far as it fits, and which of several it is.
fn origin(name: &str) -> Option<(&str, u32)> {
    let (origin, number) = name.rsplit_once(KEPT)?;
    Some((origin, number.parse().ok()?))
}

/// As much of a name, which is ASCII and has a longest length, as leaves room for what follows.
fn stem(name: &str) -> &str {
    &name[..name.len().min(MAX_NAME - KEPT.len() - 10)]
}
