//! Hooks: volumes are mirrored with S3 when the pipeline starts and ends, around each container, or all the time.

mod mirrored;
mod remote;
mod report;
mod unpushed;

use crate::boot::volumes::Volumes;
use crate::console::{CONSOLE, Fold};
use mirrored::Mirrored;
use net::http::Client;
use options::{Conditions, Options};

/// When hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the first service.
    PipelineStart,
    /// Before a step or post container is created.
    ContainerStart,
    /// After it has ended.
    ContainerEnd,
    /// After the last post container.
    PipelineEnd,
}

impl Moment {
    /// As `pull_on` and `push_on` name it.
    fn name(self) -> &'static str {
        match self {
            Moment::PipelineStart => "pipeline_start",
            Moment::ContainerStart => "container_start",
            Moment::ContainerEnd => "container_end",
            Moment::PipelineEnd => "pipeline_end",
        }
    }

    fn is_meant_by(self, conditions: Conditions) -> bool {
        match self {
            Moment::PipelineStart => conditions.pipeline_start,
            Moment::ContainerStart => conditions.container_start,
            Moment::ContainerEnd => conditions.container_end,
            Moment::PipelineEnd => conditions.pipeline_end,
        }
    }
}

/// The volumes that are mirrored, in the order of the options.
pub struct Hooks<'a>(Vec<Mirrored<'a>>);

impl<'a> Hooks<'a> {
    /// Of the volumes that the options name. Nothing is asked yet.
    ///
    /// # Errors
    /// A reason that names the volume.
    pub fn new(volumes: &Volumes<'a>, options: &Options, client: &Client) -> Result<Self, String> {
        let mut mirrored = Vec::new();
        for volume in volumes.named() {
            let made = Mirrored::new(volume, options, client);
            mirrored.extend(made.map_err(|reason| format!("b2c.volume={}: {reason}", volume.option.name))?);
        }
        Ok(Hooks(mirrored))
    }

    /// Before anything uses the volumes: first what earlier boots could not push, then what is to be done at the start.
    pub fn begin(&self, volumes: &volume::Volumes) -> Result<(), Failed> {
        let moment = Moment::PipelineStart;
        self.0.iter().for_each(|volume| volume.begin(volumes));
        let begin = |volume: &Mirrored<'_>| {
            volume.push_leftovers(volumes)?;
            volume.run(moment)
        };
        self.each(moment, |volume| volume.has_hook(moment) || volume.has_leftovers(), begin)
    }

    /// When nothing uses the volumes any more.
    pub fn end(&self, volumes: &volume::Volumes) -> Result<(), Failed> {
        let ended = self.run(Moment::PipelineEnd);
        self.0.iter().for_each(|volume| volume.end(volumes));
        ended?;
        // It may have been any other push that failed last, also one whose container changes nothing about the status.
        let behind = self.0.iter().filter(|volume| volume.is_behind());
        let volumes: Vec<String> = behind.map(|volume| volume.name().to_owned()).collect();
        if volumes.is_empty() {
            return Ok(());
        }
        CONSOLE
            .error(&format!("Not all of {} has been pushed; a later boot has to do it", volumes.join(", ")));
        Err(Failed { moment: Moment::PipelineEnd, volumes })
    }

    /// Pushes a file of that volume, if the volume is one that is pushed, after all its pushes are over.
    ///
    /// # Errors
    /// Why it is not in the bucket.
    pub fn push_file(&self, volume: &str, path: &str) -> Result<(), String> {
        self.0
            .iter()
            .filter(|mirrored| mirrored.name() == volume)
            .try_for_each(|mirrored| mirrored.push_file(path))
    }

    /// Mirrors what is to be mirrored at that moment.
    pub fn run(&self, moment: Moment) -> Result<(), Failed> {
        self.each(moment, |volume| volume.has_hook(moment), |volume| volume.run(moment))
    }

    /// A volume that fails does not keep the others from being mirrored: results of one must not be lost because those of another cannot be stored.
    /// Why it failed is said here.
    fn each(
        &self,
        moment: Moment,
        is_meant: impl Fn(&Mirrored<'_>) -> bool,
        work: impl Fn(&Mirrored<'_>) -> Result<(), String>,
    ) -> Result<(), Failed> {
        let meant: Vec<_> = self.0.iter().filter(|volume| is_meant(volume)).collect();
        if meant.is_empty() {
            return Ok(());
        }
        CONSOLE.section("execute_hooks", &format!("Execute the {} hooks", moment.name()), Fold::Collapsed);
        let mut failed = Vec::new();
        for volume in meant {
            if let Err(reason) = work(volume) {
                CONSOLE.error(&format!("b2c.volume={}: {} hook: {reason}", volume.name(), moment.name()));
                failed.push(volume.name().to_owned());
            }
        }
        CONSOLE.end_section();
        if failed.is_empty() { Ok(()) } else { Err(Failed { moment, volumes: failed }) }
    }
}

/// Hooks that failed.
#[derive(Debug, thiserror::Error)]
#[error("the {} hook of {} failed", moment.name(), volumes.join(", "))]
pub struct Failed {
    moment: Moment,
    volumes: Vec<String>,
}
