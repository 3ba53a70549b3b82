//! What has to be pushed although the boot ends: it is noted beside the volume, so that a later boot does it.

use super::Moment;
use super::mirrored::{Mirrored, Pushed, Side};
use super::report::Report;
use crate::console::CONSOLE;
use mirror::Mirror;
use std::sync::atomic::Ordering;
use volume::{Expiration, Volumes};

impl Mirrored<'_> {
    /// Before the pipeline uses the volume: finds out what earlier boots left, and notes what this one may. After a power cut, what it will hold is pushed by the next boot. Not if it
    /// goes with the pipeline: then it also goes after a power cut.
    pub fn begin(&self, volumes: &Volumes) {
        let Some(side) = &self.push else { return };
        let destination = side.remote.to_string();
        let is_ours = |name: &str| volumes.unpushed(name).is_ok_and(|places| places.contains(&destination));
        let mut leftovers = volumes.kept(self.name()).unwrap_or_default();
        leftovers.retain(|name| is_ours(name));
        let mut state = self.state();
        state.is_leftover = is_ours(self.name());
        state.leftovers = leftovers;
        drop(state);
        if self.volume.expiration != Expiration::PipelineEnd && self.is_ever_pushed() {
            self.keep(side, volumes);
        }
    }

    /// Whether an earlier boot could not push everything.
    pub fn has_leftovers(&self) -> bool {
        let state = self.state();
        state.is_leftover || !state.leftovers.is_empty()
    }

    /// Pushes what earlier boots could not: the content of volumes that were kept when their time was over, and of this one. Nothing is removed from the bucket: what
    /// else is there now may be newer.
    ///
    /// # Errors
    /// When the content of this volume is nowhere else, and is about to be replaced by what is pulled.
    pub fn push_leftovers(&self, volumes: &Volumes) -> Result<(), String> {
        let Some(side) = &self.push else { return Ok(()) };
        for name in std::mem::take(&mut self.state().leftovers) {
            if let Err(reason) = self.push_kept(side, &name, volumes) {
                CONSOLE.error(&format!("The volume {name} stays, for it could not be pushed: {reason}"));
            }
        }
        if !self.state().is_leftover {
            return Ok(());
        }
        let pushed = push(&self.careful_mirror(side, &self.volume.folder)?, self.name()).map(drop);
        self.note_push(&pushed);
        match pushed {
            Err(reason) if self.pull.is_none() => {
                CONSOLE.error(&format!("b2c.volume={}: {reason}", self.name()));
                Ok(())
            }
            pushed => pushed,
        }
    }

    fn push_kept(&self, side: &Side, name: &str, volumes: &Volumes) -> Result<(), String> {
        let folder = volumes.kept_folder(name).map_err(|error| error.to_string())?;
        if push(&self.careful_mirror(side, &folder)?, name)? == Whole::No {
            return Err("some files differ from those in the bucket, and \"overwrite\" is not set".to_owned());
        }
        volumes.release(name, &side.remote.to_string()).map_err(|error| error.to_string())?;
        if volumes.unpushed(name).is_ok_and(|places| places.is_empty()) {
            volumes.remove(name).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// After the last push: what is not pushed is kept, whatever the volume's time. What no push of this boot was about stays as it was noted.
    pub fn end(&self, volumes: &Volumes) {
        let Some(side) = &self.push else { return };
        let pushed = self.state().pushed;
        match pushed {
            Pushed::Not => {}
            Pushed::Failed => self.keep(side, volumes),
            Pushed::Whole => {
                if let Err(error) = volumes.release(self.name(), &side.remote.to_string()) {
                    CONSOLE.error(&error.to_string());
                }
            }
        }
    }

    fn keep(&self, side: &Side, volumes: &Volumes) {
        if let Err(error) = volumes.keep(self.name(), &side.remote.to_string()) {
            CONSOLE.error(&error.to_string());
        }
    }
}

/// Whether all of a volume is in its bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

fn push(mirror: &Mirror, name: &str) -> Result<Whole, String> {
    let report = Report::new(name, "pushed what an earlier boot could not:", Moment::PipelineStart.name());
    report.during(|| mirror.push(&report.progress)).map_err(|error| error.to_string())?;
    Ok(if report.progress.kept.load(Ordering::Relaxed) == 0 { Whole::Yes } else { Whole::No })
}
