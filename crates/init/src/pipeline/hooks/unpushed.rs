//! What has to be pushed although the boot ends: it is noted beside the volume, so that a later boot does it.

use super::mirrored::Mirrored;
use super::report::Report;
use crate::console::CONSOLE;
use mirror::Mirror;
use volume::{Expiration, Volumes};

impl Mirrored<'_> {
    /// Whether an earlier boot could not push everything.
    pub fn is_unpushed(&self, volumes: &Volumes) -> bool {
        // What cannot be read is said when it is to be pushed.
        let is_there = volumes.unpushed(self.name()).is_ok_and(|to| to.is_some());
        self.push.is_some() && (is_there || volumes.kept(self.name()).is_ok_and(|kept| !kept.is_empty()))
    }

    /// Pushes what an earlier boot could not, if it was to go where this one's goes: the content of this volume, and of those that were kept when their time was
    /// over. Nothing is removed from the bucket: what else is there now may be newer.
    pub fn push_unpushed(&self, volumes: &Volumes) -> Result<(), String> {
        let Some(side) = &self.push else { return Ok(()) };
        let said = |error: volume::Error| error.to_string();
        let destination = side.remote.to_string();
        let is_ours = |name: &str| {
            Ok::<_, String>(volumes.unpushed(name).map_err(said)?.is_some_and(|to| to == destination))
        };
        for kept in volumes.kept(self.name()).map_err(said)? {
            if is_ours(&kept)? {
                let folder = volumes.kept_folder(&kept).map_err(said)?;
                push(&self.careful_mirror(side, &folder)?, &kept)?;
                volumes.remove(&kept).map_err(said)?;
            }
        }
        if is_ours(self.name())? {
            let mirror = self.careful_mirror(side, &self.volume.folder)?;
            self.remember(push(&mirror, self.name()))?;
        }
        Ok(())
    }

    /// Before the pipeline uses the volume: after a power cut, what it will hold is pushed by the next boot. Not if it goes with the pipeline: then it also goes
    /// after a power cut.
    pub fn begin(&self, volumes: &Volumes) {
        if self.volume.expiration != Expiration::PipelineEnd {
            self.keep(volumes);
        }
    }

    /// After the last push: what is not pushed is kept, whatever the volume's time.
    pub fn end(&self, volumes: &Volumes) {
        if self.is_behind() {
            self.keep(volumes);
        } else if let Err(error) = volumes.release(self.name()) {
            CONSOLE.error(&error.to_string());
        }
    }

    fn keep(&self, volumes: &Volumes) {
        let Some(side) = &self.push else { return };
        if let Err(error) = volumes.keep(self.name(), &side.remote.to_string()) {
            CONSOLE.error(&error.to_string());
        }
    }
}

fn push(mirror: &Mirror, name: &str) -> Result<(), String> {
    let report = Report::new(format!("Volume {name}: pushed what an earlier boot could not:"));
    report.during(|| mirror.push(&report.progress)).map_err(|error| error.to_string())
}
