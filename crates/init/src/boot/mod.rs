//! The boot: a list of stages. A stage that fails is either tolerated (it says so and the boot goes on) or ends the boot (it says so, and the machine is shut down with a non-zero status).

mod authorities;
mod cache;
mod clock;
mod command_line;
pub mod filesystems;
pub mod hardware;
mod heart;
mod host_name;
mod keymap;
pub mod modules;
mod nbd;
mod network;
mod registries;
mod runtime_info;
mod secrets;
mod shutdown;
mod shutdown_command;
mod swap;
pub mod volumes;
mod world;

pub use world::http_client;

use crate::console::{self, CONSOLE, Fold};
use crate::ending::Ending;
use crate::pipeline::{self, World, state::State};
use crate::report;
use crate::time_limit::{Phase, TIME_LIMIT};
use ::modules::Modules;
use command_line::CommandLine;
use hardware::Drivers;
use heart::Heart;
use options::{Fatal, Options};
use std::sync::Arc;
use std::time::Duration;

/// How long the end waits for drivers that have not come up in all the time before.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// Boots, runs the pipeline, cleans up, and says how the machine is to end.
pub fn run() -> Ending {
    // When memory is short, containers have to go first. It fails only where /proc is missing, and that has been said.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
    // All roles are the same file; the name tells them apart in ps. It cannot fail: the name is short.
    let _ = rustix::thread::set_name(c"b2c-boot");
    console::install_logger();
    let (mut command_line, modules) = setup();
    runtime_info::print();
    // Kept to the end: leases are renewed for as long as the network lives.
    let (mut network, drivers) = hardware_and_network(&command_line.options, modules);
    // While links come up, there is time.
    let heart = Heart::start(std::env::args().nth(1).as_deref(), command_line.options.watchdog);
    TIME_LIMIT.set(command_line.options.timeout);
    let online = network::wait(network.as_ref(), &command_line.options);
    clock::set(&command_line.options.ntp_peer, network.as_ref(), online);
    authorities::learn(&command_line.options, online);

    let mut state = State::default();
    let before = command_line.options.clone();
    match command_line.fetch_extra_args(&http_client(&command_line.options)) {
        Ok(()) => {
            heart.limit(command_line.options.watchdog);
            TIME_LIMIT.set(command_line.options.timeout);
            extra_args(&before, &command_line.options, &mut network, online);
            host_name::set(&host_name::choose(&command_line.options, network.as_ref()));
            keymap::set(command_line.options.keymap.as_deref());
            run_on_drives(&command_line, &drivers, &mut state);
        }
        Err(reason) => {
            CONSOLE.error(&reason);
            state.fail(1, Fatal::ExtraArgs.failed_by());
            report_status(&command_line.options, &state, None);
        }
    }
    // A kernel whose module is cut short while it starts complains as if it were broken.
    drivers.settle(SHUTDOWN_PATIENCE);
    TIME_LIMIT.enter(Phase::Ended);
    let ending = shutdown::end(&command_line.options, &state);
    // Not dropped: that would wait for its thread, which may wait for a driver that hangs.
    std::mem::forget(network);
    ending
}

/// Modules are found first: a driver of the firmware may hold options.
fn setup() -> (CommandLine, Option<Modules>) {
    CONSOLE.section("b2c_setup", "Setting up boot2container", Fold::Collapsed);
    clock::set_to_floor();
    let modules = hardware::find_modules();
    (CommandLine::read(modules.as_ref()), modules)
}

/// Loads modules while the network comes up: the first lease is often there before the last driver.
fn hardware_and_network(options: &Options, modules: Option<Modules>) -> (Option<net::Network>, Drivers) {
    CONSOLE.section("load_modules", "Loading the kernel modules", Fold::Collapsed);
    let modules = modules.map(|modules| Arc::new(modules.with_params(&options.module_params)));
    hardware::load_first(options, modules.as_deref());
    let network = network::start(options);
    let drivers = Drivers::start(modules.clone());
    hardware::load_named(options, modules.as_deref());
    (network, drivers)
}

/// Does what the extra arguments ask for of stages that are over.
fn extra_args(before: &Options, options: &Options, network: &mut Option<net::Network>, mut online: bool) {
    if options.iface != before.iface {
        online = network::restart(network, options);
    }
    if options.ntp_peer != before.ntp_peer {
        clock::set(&options.ntp_peer, network.as_ref(), online);
    }
    authorities::learn(options, online);
    if options.insmods != before.insmods || options.modules_load != before.modules_load {
        CONSOLE.section("load_modules", "Loading the kernel modules", Fold::Collapsed);
        let modules = hardware::find_modules().map(|modules| modules.with_params(&options.module_params));
        hardware::load_first(options, modules.as_ref());
        hardware::load_named(options, modules.as_ref());
    }
}

/// Runs the pipeline on what it stands on: drives on the network, the cache, swap. They go in the opposite order.
fn run_on_drives(command_line: &CommandLine, drivers: &Drivers, state: &mut State) {
    let options = &command_line.options;
    let network_drives = nbd::attach(options);
    match cache::mount(options) {
        Ok(cache) => {
            let swap = swap::on(options);
            run_pipeline(command_line, cache.as_ref(), drivers, state);
            swap::off(swap);
            if let Some(cache) = cache {
                cache.unmount();
            }
        }
        Err(cache::Missing) => {
            state.fail(1, Fatal::Cache.failed_by());
            report_status(options, state, None);
        }
    }
    nbd::detach(network_drives);
}

/// Runs the pipeline if all of it can be understood, says what came of it, and cleans up.
fn run_pipeline(
    command_line: &CommandLine,
    cache: Option<&cache::Cache>,
    drivers: &Drivers,
    state: &mut State,
) {
    let options = &command_line.options;
    if let Some(refused) = &command_line.refused {
        CONSOLE.error("No step is run, because not everything is understood: see the errors above");
        state.fail(1, refused.failed_by());
        if !matches!(refused, Fatal::ContainerLine(_)) {
            return report_status(options, state, None);
        }
    }
    // What could not be had before may be had by now: the network may have come late.
    authorities::learn(options, !net::is_alone());
    let world = match world::make(command_line, cache, drivers) {
        Ok(world) => world,
        Err(no_world) => {
            CONSOLE.error(&no_world.reason);
            state.fail(1, no_world.failed_by);
            return report_status(options, state, None);
        }
    };
    let services = pipeline::run(options, &world, state);
    report_status(options, state, Some(&world));
    CONSOLE.section("cleanup", "Cleaning up", Fold::Collapsed);
    services.stop();
    if let Err(error) = world.store.collect() {
        // The next boot tries again.
        log::warn!("{error}");
    }
    // They hold the volumes' folders open, which keys and mounts do not survive.
    drop(world.hooks);
    world.volumes.clean_up();
    CONSOLE.end_section();
}

/// Says it to who reads the console, and then to machines, while there still is all that a report may need.
fn report_status(options: &Options, state: &State, world: Option<&World<'_>>) {
    CONSOLE.end_section();
    CONSOLE.line(&format!("Execution is over, pipeline status: {}", state.status));
    TIME_LIMIT.enter(Phase::Reported);
    report::deliver(options, state, world);
}
