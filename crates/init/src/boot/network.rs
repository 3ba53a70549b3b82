//! Bringing the network up, and going on without one.

use super::filesystems;
use crate::console::{CONSOLE, Fold};
use net::{Config, Network};
use options::{NtpPeer, Options};

/// Starts to bring the links up, and returns at once.
pub fn start(options: &Options) -> Option<Network> {
    let config = Config {
        ifaces: options.iface.clone(),
        kernel_ip: options.ip.is_some() && options.iface.is_empty(),
        hostname: options.hostname.clone(),
    };
    match Network::start(config) {
        Ok(network) => Some(network),
        Err(error) => {
            CONSOLE.error(&error.to_string());
            None
        }
    }
}

/// Waits until the network can be used, if anything wants it.
///
/// Divergence: the original shuts down when there is none; a machine without one must still run what its initramfs or its cache holds.
pub fn wait(network: Option<&Network>, options: &Options) -> bool {
    CONSOLE.section("connect", "Connecting to the network", Fold::Collapsed);
    let Some(network) = network else { return false };
    if !is_wanted(options) {
        CONSOLE.line("Nothing on the command line needs the network: not waiting for it");
        return false;
    }
    match network.wait() {
        Ok(()) => true,
        Err(error) => {
            CONSOLE.error(&format!("{error}; going on without a network"));
            false
        }
    }
}

fn is_wanted(options: &Options) -> bool {
    let containers = [&options.run, &options.run_post, &options.run_service];
    containers.iter().any(|lines| !lines.is_empty())
        || options.extra_args_url.is_some()
        || options.ntp_peer != NtpPeer::None
        || !options.nbd.is_empty()
        || !options.modules.is_empty()
        || options.volume.iter().any(|volume| volume.pull_from.is_some() || volume.push_to.is_some())
        || filesystems::need_network(options)
}
