//! One volume and its S3 buckets.

use super::Moment;
use super::report::while_mirroring;
use crate::boot::volumes::Named;
use mirror::{Continuous, Directions, Mirror, Rules};
use net::http::Client;
use options::{Conditions, Options, Remote};
use rustix::fs::{CWD, Mode, OFlags, openat};
use s3::{Bucket, Endpoint};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A volume that is mirrored.
pub struct Mirrored {
    name: String,
    folder: PathBuf,
    pull: Option<Side>,
    push: Option<Side>,
    /// As `push`, but it removes nothing; there only if `push` may remove what `pull` brings.
    careful_push: Option<Arc<Mirror>>,
    state: Mutex<State>,
}

/// One direction.
struct Side {
    mirror: Arc<Mirror>,
    on: Conditions,
}

#[derive(Default)]
struct State {
    /// All that is in the bucket has been in the volume in this boot: what the volume lacks now was deleted there.
    pulled: bool,
    /// What runs from the start of the pipeline to its end.
    continuous: Vec<Continuous>,
}

impl Mirrored {
    /// `None`: the volume is not mirrored. Nothing is asked yet.
    ///
    /// # Errors
    /// Says what cannot work: an address that is none, a folder that cannot be opened.
    pub fn new(volume: &Named<'_>, options: &Options, client: &Client) -> Result<Option<Mirrored>, String> {
        let option = volume.option;
        if option.pull_from.is_none() && option.push_to.is_none() {
            return Ok(None);
        }
        let make = |remote: &Remote, remove| mirror(volume, remote, remove, options, client).map(Arc::new);
        let pull = option.pull_from.as_ref().map(|from| make(from, option.remove)).transpose()?;
        let is_both_ways = option.pull_from == option.push_to;
        let push = match &pull {
            // One mirror knows best what is equal on both sides.
            Some(mirror) if is_both_ways => Some(Arc::clone(mirror)),
            _ => option.push_to.as_ref().map(|to| make(to, option.remove)).transpose()?,
        };
        let may_lose = is_both_ways && option.remove && option.pull_on != Conditions::default();
        let careful = option.push_to.as_ref().filter(|_| may_lose);
        Ok(Some(Mirrored {
            name: option.name.clone(),
            folder: volume.folder.clone(),
            pull: pull.map(|mirror| Side { mirror, on: option.pull_on }),
            push: push.map(|mirror| Side { mirror, on: option.push_on }),
            careful_push: careful.map(|to| make(to, false)).transpose()?,
            state: Mutex::default(),
        }))
    }

    /// The volume's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether anything is to be done then.
    pub fn has_hook(&self, moment: Moment) -> bool {
        let is_edge = matches!(moment, Moment::PipelineStart | Moment::PipelineEnd);
        let mut sides = self.pull.iter().chain(&self.push);
        sides.any(|side| moment.is_meant_by(side.on) || (is_edge && side.on.changes))
    }

    /// Does what is to be done then: what is about to be used is pulled before anything is pushed; what was used is pushed before anything is
    /// pulled over it.
    pub fn run(&self, moment: Moment) -> Result<(), String> {
        match moment {
            Moment::PipelineStart => {
                self.pull(moment)?;
                self.push(moment)?;
                self.start_continuous()
            }
            Moment::ContainerStart => {
                self.pull(moment)?;
                self.push(moment)
            }
            Moment::ContainerEnd => {
                self.push(moment)?;
                self.pull(moment)
            }
            Moment::PipelineEnd => {
                self.finish_continuous()?;
                self.push(moment)?;
                self.pull(moment)
            }
        }
    }

    fn pull(&self, moment: Moment) -> Result<(), String> {
        let Some(side) = &self.pull else { return Ok(()) };
        // What is mirrored all the time has to be there before anything uses it.
        if !moment.is_meant_by(side.on) && !(side.on.changes && moment == Moment::PipelineStart) {
            return Ok(());
        }
        self.state().pulled = false;
        while_mirroring(&format!("Volume {}: pulled", self.name), |progress| side.mirror.pull(progress))
            .map_err(|error| error.to_string())?;
        self.state().pulled = true;
        Ok(())
    }

    fn push(&self, moment: Moment) -> Result<(), String> {
        match &self.push {
            Some(side) if moment.is_meant_by(side.on) => self.push_all(&side.mirror),
            _ => Ok(()),
        }
    }

    /// Pushes all of it. Nothing is removed from a bucket whose content has not been here: that the volume lacks it means nothing.
    fn push_all(&self, usual: &Arc<Mirror>) -> Result<(), String> {
        let mirror = match &self.careful_push {
            Some(careful) if !self.state().pulled => careful,
            _ => usual,
        };
        while_mirroring(&format!("Volume {}: pushed", self.name), |progress| mirror.push(progress))
            .map_err(|error| error.to_string())
    }
}

impl Mirrored {
    /// Starts to mirror what is mirrored all the time.
    fn start_continuous(&self) -> Result<(), String> {
        let side = |side: &Option<Side>| {
            side.as_ref().filter(|side| side.on.changes).map(|side| Arc::clone(&side.mirror))
        };
        let start = |mirror, directions| {
            Continuous::start(mirror, open(&self.folder)?, directions).map_err(|error| error.to_string())
        };
        let started = match (side(&self.pull), side(&self.push)) {
            // Both in one, so that they do not undo each other's work.
            (Some(pull), Some(push)) if Arc::ptr_eq(&pull, &push) => vec![start(push, Directions::Both)?],
            (pull, push) => {
                let pull = pull.map(|mirror| start(mirror, Directions::Pull)).transpose()?;
                pull.into_iter().chain(push.map(|mirror| start(mirror, Directions::Push)).transpose()?).collect()
            }
        };
        self.state().continuous = started;
        Ok(())
    }

    /// Ends that, with a full push: what it was told of may not have been all.
    fn finish_continuous(&self) -> Result<(), String> {
        let running = std::mem::take(&mut self.state().continuous);
        running.into_iter().for_each(Continuous::stop);
        match &self.push {
            Some(side) if side.on.changes => self.push_all(&side.mirror),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mirror(
    volume: &Named<'_>,
    remote: &Remote,
    remove: bool,
    options: &Options,
    client: &Client,
) -> Result<Mirror, String> {
    let option = volume.option;
    let alias = options.minio.iter().rfind(|alias| alias.name == remote.alias);
    // Names without an alias are refused when the command line is read.
    let alias = alias.ok_or_else(|| format!("there is no b2c.minio named {}", remote.alias))?;
    let endpoint = Endpoint {
        url: alias.url.clone(),
        access_key: alias.access_key.clone(),
        secret_key: alias.secret_key.reveal().clone(),
        session_token: alias.session_token.reveal().clone(),
    };
    let sse_key = option.encrypt_key.as_ref().and_then(|key| key.reveal().as_slice().try_into().ok());
    let bucket = Bucket::new(client, &endpoint, &remote.bucket, sse_key).map_err(|error| error.to_string())?;
    let rules = Rules {
        overwrite: option.overwrite,
        remove,
        preserve: option.preserve,
        exclude: option.exclude.clone(),
    };
    Mirror::new(open(&volume.folder)?, bucket, &remote.path, rules).map_err(|error| error.to_string())
}

fn open(folder: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, folder, flags, Mode::empty()).map_err(|errno| format!("cannot open {}: {errno}", folder.display()))
}
