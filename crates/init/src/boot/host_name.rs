//! The machine's name, for the kernel and for whoever reads files.

use crate::console::{CONSOLE, Fold};
use net::Network;
use options::Options;
use options::groups::machine::HOSTNAME;
use std::path::Path;

/// The name that the command line gives, else the one that the DHCP server has given so far, else the default.
pub fn choose(options: &Options, network: Option<&Network>) -> String {
    let given = options.hostname.clone().or_else(|| network.and_then(Network::host_name));
    given.unwrap_or_else(|| HOSTNAME.into())
}

/// The name as the kernel has it.
pub fn current() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sets the name, and gives the machine the /etc/hosts that its containers start from.
pub fn set(name: &str) {
    CONSOLE.section("set_hostname", &format!("Setting the hostname to {name}"), Fold::Collapsed);
    if let Err(errno) = rustix::system::sethostname(name.as_bytes()) {
        CONSOLE.error(&format!("The kernel refuses the host name {name}: {errno}"));
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
