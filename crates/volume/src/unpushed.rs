//! Volumes that hold what may be nowhere else: a note beside the content says where it has to be pushed.
//!
//! It is written before a volume is used whose content is to be pushed, or when that failed, and goes when all of it is there. A boot that finds one ends what
//! an earlier one could not.

use crate::{Error, Volumes, note};
use rustix::fs::{CWD, Mode, OFlags, fsync, openat};
use std::fs;

/// The note's name.
const NOTE: &str = "unpushed";
/// Follows the name of a volume that is kept for its content alone; its own name is another volume's by now.
const ASIDE: &str = ".unpushed";

impl Volumes {
    /// From now on the volume stays, also after a power cut, until it is [released](Self::release). `destination` says where its content is to be pushed.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn keep(&self, name: &str, destination: &str) -> Result<(), Error> {
        note::write(&self.folder(name)?, NOTE, destination)
    }

    /// The volume may go when its time is over.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn release(&self, name: &str) -> Result<(), Error> {
        note::remove(&self.folder(name)?, NOTE)
    }

    /// Where the volume's content has still to be pushed; `None`: nowhere.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub fn unpushed(&self, name: &str) -> Result<Option<String>, Error> {
        note::read(&self.folder(name)?, NOTE)
    }

    /// The name under which a volume is kept whose time is over, but whose content is nowhere else: a new one may have its own name.
    pub fn kept_name(name: &str) -> String {
        // Names are ASCII, and have a longest length. Which of two long ones it is stands in the note.
        format!("{}{ASIDE}", &name[..name.len().min(200)])
    }

    /// Whether it is one that is kept so.
    pub(crate) fn is_kept_name(name: &str) -> bool {
        name.ends_with(ASIDE)
    }

    /// Gives the volume that name. An older one of that name goes: nobody has come for it since.
    pub(crate) fn set_aside(&self, name: &str) -> Result<(), Error> {
        let aside = Self::kept_name(name);
        self.remove(&aside)?;
        let (from, to) = (self.folder(name)?, self.folder(&aside)?);
        fs::rename(&from, &to).map_err(Error::io("rename", from))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, &self.root, flags, Mode::empty()).map_err(Error::io("open", &self.root))?;
        fsync(root).map_err(Error::io("flush", &self.root))
    }
}
