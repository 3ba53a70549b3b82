//! One container, from its line to its end.

use super::World;
use super::create::{self, CreateError, Created};
use super::lines::{self, Request};
use super::state::{ShutdownMode, State};
use crate::console::{CONSOLE, Fold, attach};
use crate::report::{self, Record};
use crate::time_limit::TIME_LIMIT;
use container::runtime::{self, Exit, Shim};
use options::ContainerLine;
use rustix::process::Signal;

/// What a container is to the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `b2c.run`: shown in full.
    Step,
    /// `b2c.run_post`.
    Post,
}

impl Kind {
    fn reported(self) -> ::report::Kind {
        match self {
            Kind::Step => ::report::Kind::Step,
            Kind::Post => ::report::Kind::Post,
        }
    }
}

/// How a container ended.
pub struct Ended {
    /// Its exit status, as podman has it.
    pub status: u8,
    /// Set when it called reboot(2).
    pub shutdown_mode: Option<ShutdownMode>,
}

/// Exit status for a container that could not be started, where the runtime has no better one (podman-run(1), "Exit Status").
const OUR_FAILURE: u8 = 125;

/// Creates a container, runs it attached to the console, and waits for its end. An error is one of pulling or creating.
pub fn container(
    line: &ContainerLine,
    kind: Kind,
    world: &World<'_>,
    state: &State,
) -> Result<Ended, String> {
    let record = report::container(kind.reported(), &line.shown());
    let ended = create_and_run(line, kind, world, state, &record);
    match &ended {
        Ok(ended) => record.ended(ended.status),
        Err(reason) => record.failed(reason),
    }
    ended
}

fn create_and_run(
    line: &ContainerLine,
    kind: Kind,
    world: &World<'_>,
    state: &State,
    record: &Record,
) -> Result<Ended, String> {
    CONSOLE.section("create_container", &format!("Create the container: {}", line.shown()), Fold::Collapsed);
    let request = lines::read(line, state)?;
    let created = match create::create(&request, world, state, record) {
        Ok(created) => created,
        Err(CreateError::Build(error)) => {
            return Ok(failed_to_start(&line.shown(), &error.to_string(), OUR_FAILURE, record));
        }
        Err(error) => return Err(error.to_string()),
    };
    let (section, title, fold) = match kind {
        Kind::Step => ("container_run", "Run the container", Fold::Open),
        Kind::Post => ("b2c_post_container", "Run the post container", Fold::Collapsed),
    };
    CONSOLE.section(section, &format!("{title}: {}", line.shown()), fold);
    let ended = run_attached(&created, &request, kind, record);
    CONSOLE.end_section();
    Ok(ended)
}

fn run_attached(created: &Created, request: &Request, kind: Kind, record: &Record) -> Ended {
    let question = if request.run.terminal { prepare_terminal(&request.run) } else { "" };
    CONSOLE.line(&format!("About to start executing a container{question}"));
    let ended = match runtime::start(&created.spec, &Shim::default()) {
        Ok(mut running) => {
            record.started();
            if kind == Kind::Step {
                TIME_LIMIT.watch_step(running.stopper());
            }
            attach::attach(&mut running, created.spec.stdin, !question.is_empty());
            TIME_LIMIT.step_ended();
            running
                .wait()
                .map(|exit| ended(exit, created.spec.namespaces.pid))
                .map_err(|error| (error.to_string(), OUR_FAILURE))
        }
        Err(error) => Err((error.to_string(), error.exit_code())),
    };
    CONSOLE.restore();
    ended.unwrap_or_else(|(reason, status)| failed_to_start(&request.text, &reason, status, record))
}

/// The console passes all bytes on from here; the last line before the container asks for the terminal's size if nobody knows it.
fn prepare_terminal(run: &container::flags::RunRequest) -> &'static str {
    CONSOLE.make_raw();
    if run.stdin { attach::size_question() } else { "" }
}

fn failed_to_start(text: &str, reason: &str, status: u8, record: &Record) -> Ended {
    record.failed(reason);
    CONSOLE.error(&format!("Could not run the container \"{text}\": {reason}"));
    Ended { status, shutdown_mode: None }
}

/// A container that calls reboot(2) has its process 1 killed by the kernel: SIGHUP stands for a restart, SIGINT for a halt or power-off (reboot(2), "Behavior inside PID namespaces").
///
/// `own_pids`: without a PID namespace of its own (`--pid=host`), the signal is nothing but a signal.
fn ended(exit: Exit, own_pids: bool) -> Ended {
    let shutdown_mode = match exit {
        _ if !own_pids => None,
        Exit::Signal(signal) if signal == Signal::HUP.as_raw() => Some(ShutdownMode::Reboot),
        Exit::Signal(signal) if signal == Signal::INT.as_raw() => Some(ShutdownMode::PowerOff),
        _ => None,
    };
    Ended { status: exit.status(), shutdown_mode }
}
