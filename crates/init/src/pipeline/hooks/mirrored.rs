//! One volume and its S3 buckets.

use super::Moment;
use super::remote::Remote;
use super::report::Report;
use crate::boot::volumes::{Named, Volumes};
use mirror::continuous::{self, Continuous, Directions};
use mirror::{Error, Mirror};
use net::http::Client;
use options::{Conditions, Options};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the last push of a boot is tried again while the store does not take it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A volume that is mirrored.
pub struct Mirrored<'a> {
    volume: Named<'a>,
    client: Client,
    pull: Option<Side>,
    push: Option<Side>,
    state: Mutex<State>,
}

/// One direction.
struct Side {
    mirror: Arc<Mirror>,
    remote: Remote,
    on: Conditions,
}

#[derive(Default)]
struct State {
    /// All that is in the bucket has been in the volume in this boot: what the volume lacks now was deleted there.
    pulled: bool,
    /// The last push failed.
    unpushed: bool,
    /// What runs from the start of the pipeline to its end.
    continuous: Vec<(Continuous, Report)>,
}

impl<'a> Mirrored<'a> {
    /// `None`: the volume is not mirrored. Nothing is asked yet.
    ///
    /// # Errors
    /// Says what cannot work: an address that is none, a folder that cannot be opened.
    pub fn new(volume: &Named<'a>, options: &Options, client: &Client) -> Result<Option<Self>, String> {
        let option = volume.option;
        let side = |remote: &Option<options::Remote>, on| {
            let Some(remote) = remote else { return Ok(None) };
            let remote = Remote::new(remote, options)?;
            let mirror = remote.mirror(&volume.folder, option, option.remove, client)?;
            Ok::<_, String>(Some(Side { mirror: Arc::new(mirror), remote, on }))
        };
        let pull = side(&option.pull_from, option.pull_on)?;
        let mut push = side(&option.push_to, option.push_on)?;
        if pull.is_none() && push.is_none() {
            return Ok(None);
        }
        if let (Some(pull), Some(push)) = (&pull, &mut push)
            && option.pull_from == option.push_to
        {
            // One mirror knows best what is equal on both sides.
            push.mirror = Arc::clone(&pull.mirror);
        }
        let (volume, client) = (volume.clone(), client.clone());
        Ok(Some(Mirrored { volume, client, pull, push, state: Mutex::default() }))
    }

    /// The volume's name.
    pub fn name(&self) -> &str {
        &self.volume.option.name
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
        let done = match moment {
            Moment::PipelineStart => {
                self.pull(moment).and_then(|()| self.push(moment)).and_then(|()| self.start_continuous())
            }
            Moment::ContainerStart => self.pull(moment).and_then(|()| self.push(moment)),
            Moment::ContainerEnd => self.push(moment).and_then(|()| self.pull(moment)),
            Moment::PipelineEnd => {
                let finished = self.finish_continuous();
                finished.and_then(|()| self.push(moment)).and_then(|()| self.pull(moment))
            }
        };
        done.map_err(|error| error.to_string())
    }

    fn pull(&self, moment: Moment) -> Result<(), Error> {
        let Some(side) = &self.pull else { return Ok(()) };
        // What is pulled all the time has to be there before anything uses it.
        if !moment.is_meant_by(side.on) && !(side.on.changes && moment == Moment::PipelineStart) {
            return Ok(());
        }
        self.state().pulled = false;
        let report = self.report("pulled");
        report.during(|| side.mirror.pull(&report.progress))?;
        self.state().pulled = true;
        Ok(())
    }

    fn push(&self, moment: Moment) -> Result<(), Error> {
        match &self.push {
            Some(side) if moment.is_meant_by(side.on) => self.push_all(side, moment),
            _ => Ok(()),
        }
    }

    fn push_all(&self, side: &Side, moment: Moment) -> Result<(), Error> {
        let report = self.report("pushed");
        let mirror = self.safe_mirror(side)?;
        let patience = if moment == Moment::PipelineEnd { PATIENCE } else { Duration::ZERO };
        let push = || continuous::push_until_done(&*mirror, &self.title(), patience, &report.progress);
        self.note_push(report.during(push))
    }

    /// A mirror that removes nothing from a bucket whose content should have been here, and has not: that the volume lacks it means nothing then.
    fn safe_mirror(&self, side: &Side) -> Result<Arc<Mirror>, Error> {
        let option = self.volume.option;
        let is_pulled = option.pull_from == option.push_to && option.pull_on != Conditions::default();
        if !option.remove || !is_pulled || self.state().pulled {
            return Ok(Arc::clone(&side.mirror));
        }
        self.careful_mirror(side, &self.volume.folder).map(Arc::new)
    }
}
