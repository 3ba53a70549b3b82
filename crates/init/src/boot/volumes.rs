//! The volumes of a boot: those that `b2c.volume` names, made before anything runs, and those that containers make on the fly.

use super::filesystems::{self, Mounts};
use options::Options;
use std::path::{Path, PathBuf};

/// See the module. Dropping it unmounts what the volumes are on.
pub struct Volumes<'a> {
    all: volume::Volumes,
    named: Vec<Named<'a>>,
    _mounts: Mounts,
}

/// A volume that an option names.
pub struct Named<'a> {
    /// What the option says.
    pub option: &'a options::Volume,
    /// Where its content is; there until the clean-up.
    pub folder: PathBuf,
}

impl<'a> Volumes<'a> {
    /// Makes the volumes below `root` that the options name. The reason for a failure names the volume.
    pub fn set_up(options: &'a Options, root: &Path) -> Result<Volumes<'a>, String> {
        let all = volume::Volumes::open(root).map_err(|error| error.to_string())?;
        let mut mounts = Mounts::default();
        let mut named = Vec::new();
        for option in &options.volume {
            let failed = |reason| format!("b2c.volume={}: {reason}", option.name);
            let folder = all.ensure(&option.name).map_err(|error| failed(error.to_string()))?;
            if let Some(name) = &option.filesystem {
                filesystems::mount(options, name, &folder).map_err(failed)?;
                mounts.keep(folder.clone());
            }
            named.push(Named { option, folder });
        }
        Ok(Volumes { all, named, _mounts: mounts })
    }

    /// Where a container finds that volume, which is made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf, volume::Error> {
        match self.named.iter().find(|named| named.option.name == name) {
            Some(named) => Ok(named.folder.clone()),
            None => self.all.ensure(name),
        }
    }
}
