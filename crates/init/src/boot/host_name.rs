//! The machine's name, for the kernel and for whoever reads files.

use crate::console::{CONSOLE, Fold};
use std::path::Path;

/// Sets the name, and gives the machine the /etc/hosts that its containers start from.
pub fn set(name: &str) {
    CONSOLE.section("set_hostname", &format!("Setting the hostname to {name}"), Fold::Collapsed);
    if let Err(errno) = rustix::system::sethostname(name.as_bytes()) {
        CONSOLE.error(&format!("b2c.hostname={name}: the kernel refuses this name: {errno}"));
    }
    write("/etc/hostname", &format!("{name}\n"));
    if !Path::new("/etc/hosts").exists() {
        write("/etc/hosts", &format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n"));
    }
}

fn write(path: &str, text: &str) {
    if let Err(error) = std::fs::write(path, text) {
        CONSOLE.error(&format!("Could not write {path}: {error}"));
    }
}
