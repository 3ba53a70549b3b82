//! Services: started in order before the pipeline, detached, stopped in the clean-up.

use super::World;
use super::create;
use super::ground::Ground;
use super::lines;
use super::state::State;
use crate::console::{CONSOLE, Fold, attach};
use crate::report::{self, Record};
use ::report::Kind;
use container::runtime::{self, Io, Running, Shim};
use options::ContainerLine;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Enough for a buffer of 4 KiB and for removing a tree of folders.
const STACK: usize = 256 << 10;

/// The services that run, each with what it stands on.
pub struct Services {
    running: Vec<(Running, Ground)>,
}

impl Services {
    /// Where no service runs.
    pub fn none() -> Services {
        Services { running: Vec::new() }
    }

    /// Starts them in order. The first that cannot be created or started fails the pipeline, since steps rely on services.
    ///
    /// Divergence: the original left the status at 0.
    pub fn start(lines: &[ContainerLine], world: &World<'_>, state: &mut State) -> Services {
        let mut services = Services::none();
        for line in lines {
            let title = format!("Start the service container: {}", line.shown());
            CONSOLE.section("start_service_container", &title, Fold::Collapsed);
            let record = report::container(Kind::Service, &line.shown());
            match start(line, world, state, &record) {
                Ok(service) => services.running.push(service),
                Err(reason) => {
                    record.failed(&reason);
                    CONSOLE.error(&format!(
                        "Could not start the service container \"{}\": {reason}",
                        line.shown()
                    ));
                    state.fail(1, &line.shown());
                    break;
                }
            }
        }
        services
    }

    /// Stops all at once: each gets its stop signal, and is killed when it does not end in its time.
    pub fn stop(self) {
        // Without a thread for each, they are stopped one after the other.
        let stops: Vec<_> = self.running.into_iter().map(|service| Mutex::new(Some(service))).collect();
        thread::scope(|scope| {
            for service in &stops {
                let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || stop(service));
            }
        });
        stops.iter().for_each(stop);
    }
}

/// Stops a service, unless that is done.
fn stop(service: &Mutex<Option<(Running, Ground)>>) {
    let taken = service.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((mut running, ground)) = taken {
        running.stop();
        // How it ended is of no interest any more, but what it stands on must not go before it has.
        let _ = running.wait();
        drop(ground);
    }
}

fn start(
    line: &ContainerLine,
    world: &World<'_>,
    state: &State,
    record: &Record,
) -> Result<(Running, Ground), String> {
    let request = lines::read(line, state)?;
    let created = create::create(&request, world, state, record).map_err(|error| error.to_string())?;
    let mut running =
        runtime::start_detached(&created.spec, &Shim::default()).map_err(|error| error.to_string())?;
    if let Io::Terminal(master) = std::mem::replace(&mut running.io, Io::Null) {
        drain(master).map_err(|error| error.to_string())?;
    }
    record.started();
    CONSOLE.line("The service container is running");
    Ok((running, created.ground))
}

/// Reads what a service writes to its terminal (`-t`), so that it never waits for a reader, for as long as the machine runs.
fn drain(master: OwnedFd) -> io::Result<()> {
    let read = move || {
        let mut buffer = [0; 4096];
        loop {
            let terminal = attach::hold_open(&master);
            while rustix::io::read(&master, &mut buffer).is_ok_and(|length| length > 0) {}
            drop(terminal);
            thread::sleep(attach::HANG_UP);
        }
    };
    thread::Builder::new().stack_size(STACK).spawn(read).map(|_: thread::JoinHandle<()>| ())
}
