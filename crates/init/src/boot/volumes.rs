//! The volumes of a boot: those that `b2c.volume` names, made before anything runs, and those that containers make on the fly.

use super::clock;
use super::filesystems::{self, Mounts};
use crate::console::CONSOLE;
use options::{Options, Volume};
use std::path::{Path, PathBuf};
use volume::{Expiration, Key, Over};

/// See the module. Dropping it takes the keys of encrypted ones away, and unmounts what they are on.
pub struct Volumes<'a> {
    all: volume::Volumes,
    named: Vec<Named<'a>>,
    keys: Vec<Key>,
    mounts: Mounts,
}

/// A volume that an option names.
#[derive(Clone)]
pub struct Named<'a> {
    /// What the option says.
    pub option: &'a Volume,
    /// Where its content is; there until the clean-up.
    pub folder: PathBuf,
    /// As it was decided when it was made.
    pub expiration: Expiration,
}

impl<'a> Volumes<'a> {
    /// Removes the volumes below `root` whose time is over, and makes those that the options name. The reason for a failure names the volume.
    pub fn set_up(options: &'a Options, root: &Path) -> Result<Volumes<'a>, String> {
        let all = volume::Volumes::open(root).map_err(|error| error.to_string())?;
        all.expire(Over::Boot, clock::now()).map_err(|error| error.to_string())?;
        let mut volumes = Volumes { all, named: Vec::new(), keys: Vec::new(), mounts: Mounts::default() };
        for option in &options.volume {
            let made = volumes.add(option, options);
            made.map_err(|reason| format!("b2c.volume={}: {reason}", option.name))?;
        }
        Ok(volumes)
    }

    fn add(&mut self, option: &'a Volume, options: &Options) -> Result<(), String> {
        let said = |error: volume::Error| error.to_string();
        let wanted = expiration(option.expiration);
        let (folder, decided) = self.all.create(&option.name, wanted, clock::now()).map_err(said)?;
        if wanted != decided && wanted != Expiration::Never {
            CONSOLE.line(&format!(
                "WARNING: b2c.volume={}: it is there already, and when it expires was decided when it was made: {decided}",
                option.name
            ));
        }
        if let Some(name) = &option.filesystem {
            filesystems::mount(options, name, &folder)?;
            self.mounts.keep(folder.clone());
        }
        match &option.fscrypt_key {
            Some(key) => {
                let key = self.all.encrypt(&option.name, key.reveal(), option.fscrypt_reset_key);
                self.keys.push(key.map_err(said)?);
            }
            // Another option may have given the key.
            None => self.folder(&option.name).map(drop).map_err(said)?,
        }
        self.named.push(Named { option, folder, expiration: decided });
        Ok(())
    }

    /// Where a container finds that volume, which is made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf, volume::Error> {
        match self.named.iter().find(|named| named.option.name == name) {
            Some(named) => Ok(named.folder.clone()),
            None => self.all.ensure(name),
        }
    }

    /// Those that options name, in their order.
    pub fn named(&self) -> &[Named<'a>] {
        &self.named
    }

    /// All that there are, also of earlier boots.
    pub fn all(&self) -> &volume::Volumes {
        &self.all
    }

    /// When no container is there any more: unmounts, and removes the volumes whose time ends with the pipeline.
    pub fn clean_up(self) {
        // Nothing on a b2c.filesystem is the volume's own: it must be away by now.
        drop(self.mounts);
        if let Err(error) = self.all.expire(Over::Pipeline, clock::now()) {
            CONSOLE.error(&error.to_string());
        }
        // Last, because the kernel writes everything back first, which is not worth it for what was just removed.
        drop(self.keys);
    }
}

fn expiration(option: options::Expiration) -> Expiration {
    match option {
        options::Expiration::Never => Expiration::Never,
        options::Expiration::PipelineEnd => Expiration::PipelineEnd,
        options::Expiration::After(duration) => Expiration::After(duration),
        options::Expiration::At(second) => Expiration::At(second),
    }
}
