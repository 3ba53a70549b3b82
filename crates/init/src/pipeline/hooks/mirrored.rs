//! One volume and its S3 buckets.

use super::Moment;
use super::remote::Remote;
use super::report::Report;
use crate::boot::volumes::Named;
use mirror::Mirror;
use mirror::continuous::{Continuous, Directions};
use net::http::Client;
use options::{Conditions, Options};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the last push of a boot is tried again while the store does not take it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A volume that is mirrored.
pub struct Mirrored<'a> {
    pub(super) volume: Named<'a>,
    client: Client,
    pub(super) pull: Option<Side>,
    pub(super) push: Option<Side>,
    state: Mutex<State>,
}

/// One direction.
pub(super) struct Side {
    mirror: Arc<Mirror>,
    pub(super) remote: Remote,
    on: Conditions,
}

#[derive(Default)]
pub(super) struct State {
    /// All that is in the bucket has been in the volume in this boot: what the volume lacks now was deleted there.
    pulled: bool,
    /// The last push of all of it.
    pub(super) pushed: Pushed,
    /// An earlier boot could not push all of it.
    pub(super) is_leftover: bool,
    /// Volumes that earlier boots could not push, whose name this one has now.
    pub(super) leftovers: Vec<String>,
    /// What runs from the start of the pipeline to its end.
    continuous: Vec<(Continuous, Directions, Report)>,
}

/// How the last push went.
#[derive(Clone, Copy, Default)]
pub(super) enum Pushed {
    /// There was none in this boot.
    #[default]
    Not,
    /// Not all of it is in the bucket.
    Failed,
    /// All of it is.
    Whole,
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
            let mut mirror = remote.mirror(&volume.folder, option, option.remove, client)?;
            if option.pull_from != option.push_to || option.push_on == Conditions::default() {
                mirror = mirror.reset_by_pulls();
            }
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

    /// Whether anything of it is to be pushed in this boot.
    pub(super) fn is_ever_pushed(&self) -> bool {
        self.push.as_ref().is_some_and(|side| side.on != Conditions::default())
    }

    /// Whether it is pushed all the time.
    fn is_pushed_on_changes(&self) -> bool {
        self.push.as_ref().is_some_and(|side| side.on.changes)
    }

    /// Does what is to be done then: what is about to be used is pulled before anything is pushed; what was used is pushed before anything is
    /// pulled over it.
    ///
    /// # Errors
    /// Why not all was done.
    pub fn run(&self, moment: Moment) -> Result<(), String> {
        match moment {
            Moment::PipelineStart => {
                self.pull(moment)?;
                self.push(moment)?;
                self.start_continuous();
                Ok(())
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
        // What is pulled all the time has to be there before anything uses it; and before what is not there is deleted in the bucket.
        let is_ever = side.on != Conditions::default();
        let from_the_start = is_ever && (side.on.changes || self.is_pushed_on_changes());
        if !(moment.is_meant_by(side.on) || (from_the_start && moment == Moment::PipelineStart)) {
            return Ok(());
        }
        self.push_before_a_pull(moment)?;
        self.state().pulled = false;
        let report = self.report("pulled", moment.name());
        report.during(|| side.mirror.pull(&report.progress)).map_err(|error| error.to_string())?;
        self.state().pulled = true;
        Ok(())
    }

    /// What should be in the bucket and is not would be undone by a pull: the last changes, and all where the last push failed.
    fn push_before_a_pull(&self, moment: Moment) -> Result<(), String> {
        let Some(side) = &self.push else { return Ok(()) };
        let is_due = self.is_behind() || (side.on.changes && self.state().pulled);
        if is_due { self.push_all(side, moment, Duration::ZERO) } else { Ok(()) }
    }

    fn push(&self, moment: Moment) -> Result<(), String> {
        match &self.push {
            Some(side) if moment.is_meant_by(side.on) => {
                let patience = if moment == Moment::PipelineEnd { PATIENCE } else { Duration::ZERO };
                self.push_all(side, moment, patience)
            }
            _ => Ok(()),
        }
    }

    fn push_all(&self, side: &Side, moment: Moment, patience: Duration) -> Result<(), String> {
        let mirror = self.safe_mirror(side)?;
        let report = self.report("pushed", moment.name());
        let push = || mirror.push_until_done(&self.title(), patience, &report.progress);
        let pushed = report.during(push).map_err(|error| error.to_string());
        self.note_push(&pushed);
        pushed
    }

    /// One that removes nothing from a bucket whose content should have been here, and has not: that the volume lacks it means nothing then.
    fn safe_mirror(&self, side: &Side) -> Result<Arc<Mirror>, String> {
        let option = self.volume.option;
        let is_pulled = option.pull_from == option.push_to && option.pull_on != Conditions::default();
        if !option.remove || !is_pulled || self.state().pulled {
            return Ok(Arc::clone(&side.mirror));
        }
        self.careful_mirror(side, &self.volume.folder).map(Arc::new)
    }

    /// Of that folder, and without removing anything.
    pub(super) fn careful_mirror(&self, side: &Side, folder: &Path) -> Result<Mirror, String> {
        side.remote.mirror(folder, self.volume.option, false, &self.client)
    }

    /// Starts to mirror what is mirrored all the time.
    fn start_continuous(&self) {
        let always = |side: &Option<Side>| {
            side.as_ref().filter(|side| side.on.changes).map(|side| Arc::clone(&side.mirror))
        };
        let push = Directions { push: true, pull: false };
        let pull = Directions { push: false, pull: true };
        let wanted = match (always(&self.push), always(&self.pull)) {
            // Both in one, so that they do not undo each other's work.
            (Some(mirror), Some(same)) if Arc::ptr_eq(&mirror, &same) => {
                vec![(mirror, Directions { push: true, pull: true })]
            }
            (pushed, pulled) => {
                let pushed = pushed.map(|mirror| (mirror, push));
                pushed.into_iter().chain(pulled.map(|mirror| (mirror, pull))).collect()
            }
        };
        for (mirror, directions) in wanted {
            let report = self.report("mirrored", "changes").of_the_whole_pipeline();
            let running = Continuous::start(&self.title(), mirror, directions, Arc::clone(&report.progress));
            self.state().continuous.push((running, directions, report));
        }
    }

    /// Ends that, with all that is still to be pushed.
    fn finish_continuous(&self) -> Result<(), String> {
        let running = std::mem::take(&mut self.state().continuous);
        if let (true, Some(side)) = (running.is_empty(), &self.push)
            && side.on.changes
        {
            // The pipeline did not start. Post containers may have left something all the same.
            return self.push_all(side, Moment::PipelineEnd, PATIENCE);
        }
        let mut finished = Ok(());
        for (continuous, directions, report) in running {
            let done = report.during(|| continuous.finish(PATIENCE)).map_err(|error| error.to_string());
            if directions.push {
                self.note_push(&done);
            }
            finished = finished.and(done);
        }
        finished
    }

    /// Pushes one file that was written after the last push of all of it. If that failed, a later boot pushes this file with the rest.
    ///
    /// # Errors
    /// Why it is not in the bucket.
    pub fn push_file(&self, path: &str) -> Result<(), String> {
        let Some(side) = self.push.as_ref().filter(|_| self.is_ever_pushed() && !self.is_behind()) else {
            return Ok(());
        };
        let left = side.mirror.push_paths(&[path.into()], &mirror::Progress::default());
        match left.map_err(|error| error.to_string())?.as_slice() {
            [] => Ok(()),
            _ => Err(format!("it could not be pushed to {}", side.remote)),
        }
    }

    /// Whether the last push of all of it failed.
    pub fn is_behind(&self) -> bool {
        matches!(self.state().pushed, Pushed::Failed)
    }

    /// Notes whether a push of all of it worked.
    pub(super) fn note_push<E>(&self, pushed: &Result<(), E>) {
        self.state().pushed = if pushed.is_ok() { Pushed::Whole } else { Pushed::Failed };
    }

    fn report(&self, done: &'static str, moment: &'static str) -> Report {
        Report::new(self.name(), done, moment)
    }

    /// How log lines call it.
    fn title(&self) -> String {
        format!("The volume {}", self.name())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
