//! Swap: on before containers start, off when they have gone. A machine without it may still do its work, so nothing here is fatal.

use super::world::STORAGE;
use crate::console::{CONSOLE, Fold};
use disk::device::{self, Content};
use disk::signature::Family;
use disk::swap::{self, Swap};
use options::{Options, SwapSpace};
use std::path::Path;

/// proc_sys_vm(5)
const SWAPPINESS: &str = "/proc/sys/vm/swappiness";

/// Switches on what `b2c.swap` names. To be called when `/storage` is what it is to be.
pub fn on(options: &Options) -> Option<Swap> {
    // Also where no swap is asked for any more: it would lie there for ever.
    if let Err(error) = swap::remove_leftover(Path::new(STORAGE)) {
        CONSOLE.error(&format!("A swap file of an earlier boot stays: {error}"));
    }
    let wanted = options.swap.as_ref()?;
    let made = match &wanted.space {
        SwapSpace::File(size) => swap::on_file(Path::new(STORAGE), *size).map_err(|error| error.to_string()),
        SwapSpace::Device(path) => on_device(path),
    };
    match made {
        Ok(swap) => {
            CONSOLE.line(&format!("Swapping to {}", swap.path().display()));
            wanted.swappiness.into_iter().for_each(set_swappiness);
            Some(swap)
        }
        Err(reason) => {
            CONSOLE.error(&format!("b2c.swap: {reason}; going on without swap"));
            None
        }
    }
}

/// Switches swap off, and removes its file.
pub fn off(swap: Option<Swap>) {
    let Some(swap) = swap else { return };
    CONSOLE.section("unmount_cache_partition", "Switching swap off", Fold::Collapsed);
    if let Err(error) = swap.off() {
        // What was swapped out may not fit into memory. The machine ends anyway, and its next boot removes the file.
        CONSOLE.line(&format!("WARNING: {error}"));
    }
    CONSOLE.end_section();
}

/// What holds swap space is used as it is. What holds nothing is made swap space, and so is whatever a network block device holds: its server gave it
/// to this machine for that. On a drive, anything else may be somebody's data.
fn on_device(path: &Path) -> Result<Swap, String> {
    let device = device::wait_for(path).map_err(|error| error.to_string())?;
    let content = device::content(&device).map_err(|error| error.to_string())?;
    let is_network = path.to_string_lossy().starts_with("/dev/nbd");
    match content {
        Content::Known(known) if known.family == Family::Swap => {}
        Content::Blank => make(path)?,
        Content::Known(known) if is_network => {
            CONSOLE.line(&format!("{} held {known} until now", path.display()));
            make(path)?;
        }
        Content::Unknown if is_network => make(path)?,
        Content::Known(known) => return Err(refusal(path, &known.to_string())),
        Content::Unknown => return Err(refusal(path, "data of an unknown kind")),
    }
    swap::on_device(path).map_err(|error| error.to_string())
}

fn make(path: &Path) -> Result<(), String> {
    CONSOLE.line(&format!("Making swap space of {}", path.display()));
    swap::make_device(path).map_err(|error| error.to_string())
}

fn refusal(path: &Path, content: &str) -> String {
    format!(
        "{} holds {content}, which is left alone; name another device, or empty this one (wipefs --all)",
        path.display()
    )
}

fn set_swappiness(value: u8) {
    if let Err(error) = std::fs::write(SWAPPINESS, value.to_string()) {
        CONSOLE.error(&format!("b2c.swap: could not write {value} to {SWAPPINESS}: {error}"));
    }
}
