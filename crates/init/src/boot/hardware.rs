//! Drivers, and the modules that containers need.

use crate::console::CONSOLE;
use crate::modprobe;
use modules::{Modules, Uevents};
use options::Options;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Where `b2c.insmods` finds its files.
const INSMODS: &str = "/usr_mods";
/// DHCP talks below IP.
const PACKET: &str = "af_packet";
/// Layers are stacked by it.
const OVERLAY: &str = "overlay";

/// Enough to unpack a module.
const WATCH_STACK: usize = 256 << 10;

/// The modules that this boot loads.
pub struct Drivers<'a> {
    options: &'a Options,
    modules: Option<Arc<Modules>>,
}

impl<'a> Drivers<'a> {
    /// Finds the modules of the running kernel. A kernel that has all built in needs none.
    pub fn open(options: &'a Options) -> Self {
        let modules = modprobe::modules(&options.module_params)
            .map_err(|error| CONSOLE.error(&error.to_string()))
            .ok()
            .map(Arc::new);
        Drivers { options, modules }
    }

    /// What the user wants before all else, and what the network cannot start without.
    pub fn load_first(&self) {
        for file in &self.options.insmods {
            if let Err(error) = modules::load_file(&Path::new(INSMODS).join(file), "") {
                CONSOLE.error(&format!("b2c.insmods={file}: {error}"));
            }
        }
        self.load_if_there(PACKET);
    }

    /// What the user names, what the hardware asks for, and what containers need; devices that come later are served by a thread.
    pub fn load_rest(self) {
        let Some(modules) = &self.modules else { return };
        for name in &self.options.modules_load {
            if let Err(error) = modules.load(name) {
                CONSOLE.error(&format!("modules_load={name}: {error}"));
            }
        }
        self.load_if_there(OVERLAY);
        // Listening begins before the devices are listed, so that none falls between.
        let events = Uevents::open();
        if let Err(error) = modules.load_for_hardware() {
            CONSOLE.error(&error.to_string());
        }
        match events {
            Ok(events) => watch(Arc::clone(modules), events),
            Err(error) => CONSOLE.error(&error.to_string()),
        }
    }

    /// It may be built in under a name that no list has; who needs it says so.
    fn load_if_there(&self, name: &str) {
        if let Some(modules) = &self.modules
            && let Err(error) = modules.load(name)
        {
            log::debug!("{error}");
        }
    }
}

/// Loads drivers for devices that appear during the pipeline, as long as the machine runs.
fn watch(modules: Arc<Modules>, events: Uevents) {
    let watch = move || {
        let Err(error) = modules.watch(&events);
        log::warn!("Devices that appear from now on get no driver: {error}");
    };
    if let Err(error) = thread::Builder::new().stack_size(WATCH_STACK).spawn(watch) {
        CONSOLE.error(&format!("Devices that appear from now on get no driver: {error}"));
    }
}
