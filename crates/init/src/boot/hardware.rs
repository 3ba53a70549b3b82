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
pub fn find_modules(options: &Options) -> Option<Arc<Modules>> {
    let modules = modprobe::modules(&options.module_params);
    modules.map_err(|error| CONSOLE.error(&error.to_string())).ok().map(Arc::new)
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

/// Loads what the user names.
pub fn load_named(options: &Options, modules: Option<&Modules>) {
    for name in &options.modules_load {
        let loaded = modules.map(|modules| modules.load(name));
        if let Some(Err(error)) = loaded {
            CONSOLE.error(&format!("modules_load={name}: {error}"));
        }
    }
}

/// It may be built in under a name that no list has; who needs it says so.
fn load_if_there(modules: Option<&Modules>, name: &str) {
    if let Some(Err(error)) = modules.map(|modules| modules.load(name)) {
        log::debug!("{error}");
    }
}

/// The drivers for the hardware that is there, and what containers need of the kernel. A disk controller may take seconds to look at its ports, and nobody has to wait
/// for it but containers.
pub struct Drivers {
    settled: Arc<Settled>,
}

/// Whether all devices that were there at the start have their drivers.
#[derive(Default)]
struct Settled {
    yes: Mutex<bool>,
    changed: Condvar,
}

impl Drivers {
    /// Begins to load them, those of network cards first; devices that appear later get theirs for as long as the machine runs.
    pub fn start(modules: Option<Arc<Modules>>) -> Drivers {
        let settled = Arc::new(Settled::default());
        let there = Arc::clone(&settled);
        let work = move || {
            let served = modules.map_or(Ok(()), |modules| serve(&modules, &there));
            there.set();
            if let Err(error) = served {
                log::error!("Devices get no drivers any more: {error}");
            }
        };
        if let Err(error) = thread::Builder::new().name("drivers".into()).stack_size(STACK).spawn(work) {
            CONSOLE.error(&format!("Devices get no drivers: {error}"));
            settled.set();
        }
        Drivers { settled }
    }

    /// Waits until every device that was there at the start has its driver, and containers can be mounted; or until `patience` is over, for a driver may hang. What was waited
    /// for in vain once is not waited for again.
    pub fn settle(&self, patience: Duration) {
        let yes = self.settled.yes.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut settled, _) = self
            .settled
            .changed
            .wait_timeout_while(yes, patience, |yes| !*yes)
            .unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *settled, true) {
            log::warn!("Some drivers are not ready after {} s; going on without them", patience.as_secs());
        }
    }
}

impl Settled {
    fn set(&self) {
        *self.yes.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

/// Returns only when it fails.
fn serve(modules: &Modules, settled: &Settled) -> Result<(), modules::Error> {
    // Listening begins before the devices are listed, so that none falls between.
    let events = Uevents::open()?;
    modules.load_for_hardware()?;
    load_if_there(Some(modules), OVERLAY);
    settled.set();
    match modules.watch(&events)? {}
}
