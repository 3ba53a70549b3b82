//! Drivers, and the modules that containers need.

use crate::console::CONSOLE;
use crate::modprobe;
use modules::{Modules, Uevents};
use options::Options;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Where `b2c.insmods` finds its files.
const INSMODS: &str = "/usr_mods";
/// DHCP talks below IP.
const PACKET: &str = "af_packet";
/// Layers are stacked by it.
const OVERLAY: &str = "overlay";
/// Enough to unpack a module.
const STACK: usize = 256 << 10;

/// Finds the modules of the running kernel. A kernel that has all built in needs none.
pub fn find_modules() -> Option<Modules> {
    modprobe::modules().map_err(|error| CONSOLE.error(&error.to_string())).ok()
}

/// Loads what the user wants before all else, and what the network cannot start without.
pub fn load_first(options: &Options, modules: Option<&Modules>) {
    for file in &options.insmods {
        if let Err(error) = modules::load_file(&Path::new(INSMODS).join(file), "") {
            CONSOLE.error(&format!("b2c.insmods={file}: {error}"));
        }
    }
    load_if_there(modules, PACKET);
}

/// Loads what the user names. What is not there may be fetched later.
pub fn load_named(options: &Options, modules: Option<&Modules>) {
    for name in &options.modules_load {
        match modules.map(|modules| modules.load(name)) {
            Some(Err(modules::Error::NotFound { .. })) if !options.modules.is_empty() => {}
            Some(Err(error)) => CONSOLE.error(&format!("modules_load={name}: {error}")),
            Some(Ok(())) | None => {}
        }
    }
}

/// Loads what the user names and was not there before.
fn load_fetched(options: &Options, modules: &Modules) {
    for name in &options.modules_load {
        if let Err(error) = modules.load(name) {
            CONSOLE.error(&format!("modules_load={name}: {error}"));
        }
    }
}

/// Loads a module that is part of the machine. It may be built in under a name that no list has; who needs it says so.
pub fn load_if_there(modules: Option<&Modules>, name: &str) {
    if let Some(Err(error)) = modules.map(|modules| modules.load(name)) {
        log::debug!("{error}");
    }
}

/// The drivers for the hardware that is there, and what containers need of the kernel. A disk controller may take seconds to look at its ports, and nobody has to wait
/// for it but containers.
pub struct Drivers {
    modules: Option<Arc<Modules>>,
    settled: Arc<Settled>,
}

/// Whether all devices that were there at the start have their drivers.
#[derive(Default)]
struct Settled {
    /// How many threads still load some.
    pending: Mutex<usize>,
    changed: Condvar,
}

/// One that does; for as long as it lives.
struct Pending(Arc<Settled>);

impl Drivers {
    /// Begins to load them, those of network cards first; devices that appear later get theirs for as long as the machine runs.
    pub fn start(modules: Option<Arc<Modules>>) -> Drivers {
        let drivers = Drivers { modules, settled: Arc::default() };
        drivers.spawn(serve);
        drivers
    }

    /// Overlayfs, at once: what is fetched is mounted by it.
    pub fn load_overlay(&self) {
        load_if_there(self.modules.as_deref(), OVERLAY);
    }

    /// Looks once more at all hardware and all that the user names, now that there are more modules. Containers wait for it again.
    pub fn load_more(&self, options: &Options) -> Result<(), modules::Error> {
        let Some(modules) = &self.modules else { return Ok(()) };
        modprobe::reopen(modules)?;
        load_fetched(options, modules);
        self.spawn(|modules, _pending| modules.load_for_hardware().map(drop));
        Ok(())
    }

    /// Does some of the work beside all else.
    fn spawn(&self, work: fn(&Modules, Pending) -> Result<(), modules::Error>) {
        let Some(modules) = self.modules.clone() else { return };
        let pending = Pending::new(&self.settled);
        let work = move || {
            if let Err(error) = work(&modules, pending) {
                log::error!("Devices get no drivers any more: {error}");
            }
        };
        if let Err(error) = thread::Builder::new().name("drivers".into()).stack_size(STACK).spawn(work) {
            CONSOLE.error(&format!("Devices get no drivers: {error}"));
        }
    }

    /// Waits until every device that was there at the start has its driver, and containers can be mounted; or until `patience` is over, for a driver may hang. What was waited
    /// for in vain once is not waited for again.
    pub fn settle(&self, patience: Duration) {
        let pending = self.settled.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut pending, _) = self
            .settled
            .changed
            .wait_timeout_while(pending, patience, |pending| *pending > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *pending) > 0 {
            log::warn!("Some drivers are not ready after {} s; going on without them", patience.as_secs());
        }
    }
}

impl Pending {
    fn new(settled: &Arc<Settled>) -> Pending {
        *settled.pending.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Pending(Arc::clone(settled))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        // It is 0 already if it was waited for in vain.
        *pending = pending.saturating_sub(1);
        self.0.changed.notify_all();
    }
}

/// Returns only when it fails.
fn serve(modules: &Modules, pending: Pending) -> Result<(), modules::Error> {
    // Listening begins before the devices are listed, so that none falls between.
    let events = Uevents::open()?;
    modules.load_for_hardware()?;
    load_if_there(Some(modules), OVERLAY);
    drop(pending);
    match modules.watch(&events)? {}
}
