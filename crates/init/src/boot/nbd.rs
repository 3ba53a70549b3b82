//! Network block devices: attached before anything looks for drives, detached when nothing uses them any more.

use super::hardware;
use crate::console::{CONSOLE, Fold};
use disk::block::{self, Found};
use disk::nbd::{self, Attached, Config};
use options::{Nbd, Options};
use std::path::Path;

/// The module has no name that the kernel could ask for.
const MODULE: &str = "nbd";

/// Attaches what `b2c.nbd` names. A failure is an error line: what needs the device says what it does without.
pub fn attach(options: &Options) -> Vec<Attached> {
    if options.nbd.is_empty() {
        return Vec::new();
    }
    CONSOLE.section("mount_cache_partition", "Attaching the network block devices", Fold::Collapsed);
    let modules = hardware::find_modules().map(|modules| modules.with_params(&options.module_params));
    hardware::load_if_there(modules.as_ref(), MODULE);
    options.nbd.iter().filter_map(attach_one).collect()
}

/// Detaches them, the last one first. What is still mounted or swapped to stays attached, until process 1 has unmounted it and the machine ends.
pub fn detach(devices: Vec<Attached>) {
    for device in devices.into_iter().rev() {
        let path = device.path();
        if is_in_use(&path) {
            CONSOLE.line(&format!("{} stays attached, because it is in use", path.display()));
        } else if let Err(errno) = device.detach() {
            CONSOLE.error(&format!("Could not detach {}: {errno}", path.display()));
        }
    }
}

fn is_in_use(path: &Path) -> bool {
    match block::find(path) {
        Some(Found::Disk(disk)) => disk.device.is_in_use(),
        Some(Found::Partition(_)) | None => false,
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
