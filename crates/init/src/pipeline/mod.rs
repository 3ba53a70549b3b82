//! The pipeline: services, then the steps in order, then the post containers; and what came of it.

mod create;
mod ground;
pub mod hooks;
pub mod lines;
mod run;
mod services;
pub mod state;

use crate::boot::filesystems::Mounts;
use crate::boot::hardware::Drivers;
use crate::boot::modules::Brought;
use crate::boot::volumes::Volumes;
use crate::console::{CONSOLE, Fold};
use crate::time_limit::{FAILED_BY, Phase, STATUS, TIME_LIMIT};
pub use create::AUTH_FILES;
use hooks::{Failed, Hooks, Moment};
use options::{ContainerLine, Options};
use run::{Ended, Kind};
use services::Services;
use state::State;
use std::path::PathBuf;

/// What every container is made with.
pub struct World<'a> {
    /// Images.
    pub store: image::Store,
    /// Images that somebody else keeps.
    pub image_stores: Vec<image::AdditionalStore>,
    /// The way to registries.
    pub client: net::http::Client,
    /// Other places for the images of registries.
    pub mirrors: Vec<image::Mirror>,
    /// Who we are to registries and mirrors.
    pub logins: Vec<image::Keyring>,
    /// What is mirrored, and when. Goes before the volumes, whose folders it holds open.
    pub hooks: Hooks<'a>,
    /// Named volumes.
    pub volumes: Volumes<'a>,
    /// Parent of the containers' own folders.
    pub containers: PathBuf,
    /// The machine's name.
    pub hostname: String,
    /// What containers see in place of files of the kernel that show secrets.
    pub stand_ins: Vec<container::StandIn>,
    /// To be settled before a container is mounted and sees the devices.
    pub drivers: &'a Drivers,
    /// What has to stay mounted for as long as anything above is used.
    pub _mounts: (Brought, Mounts),
}

/// Runs everything that the options name, or only the post containers if the pipeline has failed before it begins. The services live until the clean-up, which the caller does after the status line.
pub fn run(options: &Options, world: &World<'_>, state: &mut State) -> Services {
    CONSOLE.section("start_pipeline", "Starting the pipeline", Fold::Collapsed);
    let mut services = Services::none();
    fail_if_over(state);
    if state.status == 0 && world.hooks.begin(world.volumes.all()).is_err() {
        state.fail(1, "Pipeline-start hooks");
    }
    if state.status == 0 {
        services = Services::start(&options.run_service, world, state);
    }
    if state.status == 0 {
        run_steps(&options.run, options.pipefail, world, state);
    }
    // In this order: what is cut up to here is known then.
    TIME_LIMIT.enter(Phase::After);
    fail_if_over(state);
    run_post_containers(&options.run_post, world, state);
    if world.hooks.end(world.volumes.all()).is_err() {
        state.fail(1, "Pipeline-end hooks");
    }
    services
}

/// Time that is over is a failure of its own. Whether it is, has to be asked wherever the pipeline goes on.
fn fail_if_over(state: &mut State) -> bool {
    let is_over = TIME_LIMIT.is_over();
    if is_over {
        state.fail(STATUS, FAILED_BY);
    }
    is_over
}

/// Runs the steps until the last, or with `pipefail` until the first that fails, or until the time is over.
fn run_steps(lines: &[ContainerLine], pipefail: bool, world: &World<'_>, state: &mut State) {
    for line in lines {
        if fail_if_over(state) {
            return;
        }
        let status = match run_with_hooks(line, Kind::Step, world, state) {
            Ok(ended) => {
                state.shutdown_mode = ended.shutdown_mode.unwrap_or(state.shutdown_mode);
                state.previous = Some((line.shown(), ended.status));
                ended.status
            }
            Err(reason) => {
                CONSOLE.error(&format!("Could not create the container \"{}\": {reason}", line.shown()));
                state.previous = Some((line.shown(), 1));
                1
            }
        };
        if fail_if_over(state) {
            return;
        }
        let abort = status != 0 && pipefail;
        CONSOLE.line(&match (status, abort) {
            (0, _) => "The container run successfully, load the next one!".to_owned(),
            (code, false) => format!("The container exited with error code {code}, continuing..."),
            (code, true) => format!("The container exited with error code {code}, aborting the pipeline..."),
        });
        if abort {
            return;
        }
    }
}

/// Runs the post containers, all of them; how they end changes nothing but how the machine does.
fn run_post_containers(lines: &[ContainerLine], world: &World<'_>, state: &mut State) {
    for line in lines {
        match run_with_hooks(line, Kind::Post, world, state) {
            Ok(ended) => state.shutdown_mode = ended.shutdown_mode.unwrap_or(state.shutdown_mode),
            Err(reason) => {
                CONSOLE.error(&format!("Could not create the post container \"{}\": {reason}", line.shown()));
            }
        }
    }
}

/// Mirrors what a container left; once more if the time limit cut that short.
fn keep_results(world: &World<'_>) -> Result<(), Failed> {
    let was_over = TIME_LIMIT.is_over();
    TIME_LIMIT.resume();
    let kept = world.hooks.run(Moment::ContainerEnd);
    if kept.is_ok() || was_over || !TIME_LIMIT.is_over() {
        return kept;
    }
    TIME_LIMIT.resume();
    world.hooks.run(Moment::ContainerEnd)
}

/// One container, with the hooks before and after it. What it leaves is mirrored however it ended; if that fails, the pipeline has failed, be it after a post
/// container: what is to be kept is not where it should be.
fn run_with_hooks(
    line: &ContainerLine,
    kind: Kind,
    world: &World<'_>,
    state: &mut State,
) -> Result<Ended, String> {
    let before = world.hooks.run(Moment::ContainerStart).map_err(|failed| failed.to_string());
    let mut ended = before.and_then(|()| run::container(line, kind, world, state));
    // Before its results are kept: the time limit may be reached by that.
    match &ended {
        Ok(ended) if kind == Kind::Step && ended.status != 0 => state.fail(ended.status, &line.shown()),
        Err(_) if kind == Kind::Step => state.fail(1, &line.shown()),
        _ => {}
    }
    if keep_results(world).is_err() {
        let mut status = 1;
        if let (Ok(ended), Kind::Step) = (&mut ended, kind) {
            ended.status = ended.status.max(1);
            status = ended.status;
        }
        state.fail(status, &line.shown());
    }
    ended
}
