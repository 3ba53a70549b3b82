//! How volumes come, stay and go.

use crate::{DATA, Error, Expiration, Volumes, expiration::Note, unpushed::is_kept_name};
use std::path::PathBuf;

/// What is over, and with it the time of some volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// An earlier boot, perhaps by a power cut.
    Boot,
    /// The pipeline.
    Pipeline,
}

impl Volumes {
    /// The data folder of a volume, and when it goes. A volume that is not there is made, with `expiration` from `now` on
    /// ([`crate::now`]); one that is there keeps what was decided when it was made.
    ///
    /// # Errors
    /// When `name` is no volume name, or the volume cannot be made.
    pub fn create(
        &self,
        name: &str,
        expiration: Expiration,
        now: Option<u64>,
    ) -> Result<(PathBuf, Expiration), Error> {
        let folder = self.folder(name)?;
        let expiration = if folder.join(DATA).is_dir() {
            // One that is not understood is told by `expire`.
            Note::read(&folder).map_or(Expiration::Never, |note| note.expiration)
        } else {
            crate::make_folders(&folder, 0o755)?;
            // First, so that no volume is ever there without it.
            Note { expiration, since: now }.write(&folder)?;
            expiration
        };
        Ok((self.make(name)?, expiration))
    }

    /// Removes the volumes whose time is over, and says so; those that have to be kept stay. To be called before anything uses them, and
    /// when nothing does any more.
    ///
    /// # Errors
    /// When they cannot be listed. A volume that cannot be removed is a line, and the others go.
    pub fn expire(&self, over: Over, now: Option<u64>) -> Result<(), Error> {
        for name in self.list()? {
            if let Err(error) = self.expire_one(&name, over, now) {
                log::warn!("The volume {name} stays: {error}");
            }
        }
        Ok(())
    }

    fn expire_one(&self, name: &str, over: Over, now: Option<u64>) -> Result<(), Error> {
        let folder = self.folder(name)?;
        let note = Note::read(&folder)?;
        match (note.expiration, over) {
            (Expiration::Never, _) => return Ok(()),
            // Dates and durations are for the next start.
            (Expiration::At(_) | Expiration::After(_), Over::Pipeline) => return Ok(()),
            (Expiration::After(_), Over::Boot) if note.since.is_none() && now.is_some() => {
                // It was made when nobody knew the time; its time begins now.
                return Note { since: now, ..note }.write(&folder);
            }
            _ => {}
        }
        match note.is_over(now) {
            Some(false) => {}
            None => log::warn!("The volume {name} stays: the clock is not set, and it expires by date"),
            Some(true) if is_kept_name(name) => {
                let to = self.unpushed(name)?.join(" and ");
                log::warn!("The volume {name} stays: what it holds could not be pushed to {to}");
            }
            Some(true) if self.is_kept(name) => {
                log::warn!("The volume {name} has expired, and stays: not all of it has been pushed");
                // The next pipeline gets an empty one.
                if (note.expiration, over) == (Expiration::PipelineEnd, Over::Boot) {
                    self.set_aside(name)?;
                }
            }
            Some(true) => {
                log::info!("Removing the volume {name}, which has expired: {}", note.expiration);
                self.remove(name)?;
            }
        }
        Ok(())
    }
}
