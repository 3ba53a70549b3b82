//! Network block devices: attached before anything looks for drives, detached when nothing uses them any more.

use super::hardware;
use crate::console::{CONSOLE, Fold};
use disk::nbd::{self, Attached, Config};
use options::{Nbd, Options};

/// The module has no name that the kernel could ask for.
const MODULE: &str = "nbd";

/// Attaches what `b2c.nbd` names. A failure is an error line: what needs the device says what it does without.
pub fn attach(options: &Options) -> Vec<Attached> {
    if options.nbd.is_empty() {
        return Vec::new();
    }
    CONSOLE.section("mount_cache_partition", "Attaching the network block devices", Fold::Collapsed);
    hardware::load_if_there(hardware::find_modules(options).as_deref(), MODULE);
    options.nbd.iter().filter_map(attach_one).collect()
}

/// Detaches them, the last one first.
pub fn detach(devices: Vec<Attached>) {
    for device in devices.into_iter().rev() {
        let path = device.path();
        if let Err(errno) = device.detach() {
            CONSOLE.error(&format!("Could not detach {}: {errno}", path.display()));
        }
    }
}

fn attach_one(nbd: &Nbd) -> Option<Attached> {
    let config =
        Config { index: nbd.index, host: nbd.host.clone(), port: nbd.port, connections: nbd.connections };
    match nbd::attach(&config) {
        Ok(device) => {
            let mode = if device.is_read_only() { ", read-only" } else { "" };
            let size = disk::human(device.export().size);
            let (path, host, port) = (device.path(), &nbd.host, nbd.port);
            CONSOLE.line(&format!("{} is {size}{mode} at {host} port {port}", path.display()));
            Some(device)
        }
        Err(error) => {
            CONSOLE.error(&format!("b2c.nbd: {error}"));
            None
        }
    }
}
