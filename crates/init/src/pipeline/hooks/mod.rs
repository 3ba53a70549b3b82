//! Hooks: volumes are mirrored with S3 when the pipeline starts and ends, around each container, or all the time.

mod mirrored;
mod report;

pub use mirrored::Mirrored;

use crate::console::{CONSOLE, Fold};
use options::Conditions;

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

    fn is_meant_by(self, conditions: &Conditions) -> bool {
        match self {
            Moment::PipelineStart => conditions.pipeline_start,
            Moment::ContainerStart => conditions.container_start,
            Moment::ContainerEnd => conditions.container_end,
            Moment::PipelineEnd => conditions.pipeline_end,
        }
    }

    /// What is about to be used is pulled before anything is pushed; what was used is pushed before anything is pulled over it.
    fn is_start(self) -> bool {
        matches!(self, Moment::PipelineStart | Moment::ContainerStart)
    }
}

/// The volumes that are mirrored, in the order of the options.
#[derive(Default)]
pub struct Hooks(Vec<Mirrored>);

impl Hooks {
    /// For these volumes.
    pub fn new(volumes: Vec<Mirrored>) -> Hooks {
        Hooks(volumes)
    }

    /// Mirrors what is to be mirrored at that moment. A volume that fails does not keep the others from being mirrored: results of one must not be lost
    /// because those of another cannot be stored. Gives the names of those that failed; why has been said.
    pub fn run(&self, moment: Moment) -> Result<(), Failed> {
        if !self.0.iter().any(|volume| volume.has_hook(moment)) {
            return Ok(());
        }
        CONSOLE.section("execute_hooks", &format!("Execute the {} hooks", moment.name()), Fold::Collapsed);
        let mut failed = Vec::new();
        for volume in &self.0 {
            if let Err(reason) = volume.run(moment) {
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
