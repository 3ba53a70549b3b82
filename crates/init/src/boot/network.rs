//! Bringing the network up, and going on without one.

use super::filesystems;
use crate::console::{CONSOLE, Fold};
use crate::time_limit::TIME_LIMIT;
use net::{Config, Network};
use options::groups::machine::HOSTNAME;
use options::{CaSource, NtpPeer, Options, ReportSink};

/// Starts to bring the links up, and returns at once.
pub fn start(options: &Options) -> Option<Network> {
    Network::start(config(options)).map_err(|error| CONSOLE.error(&error.to_string())).ok()
}

/// Sets the links up anew, because the extra arguments want them otherwise, and waits for them.
pub fn restart(network: &mut Option<Network>, options: &Options) -> bool {
    *network = match network.take() {
        Some(old) => old.restart(config(options)).map_err(|error| CONSOLE.error(&error.to_string())).ok(),
        None => start(options),
    };
    wait(network.as_ref(), options)
}

fn config(options: &Options) -> Config {
    Config {
        ifaces: options.iface.clone(),
        kernel_ip: options.ip.is_some() && options.iface.is_empty(),
        hostname: options.hostname.clone().unwrap_or_else(|| HOSTNAME.into()),
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
    let outcome = match TIME_LIMIT.left() {
        Some(left) => network.wait_at_most(left),
        None => Some(network.wait()),
    };
    match outcome {
        Some(Ok(())) => true,
        None => {
            TIME_LIMIT.wait_until_said();
            false
        }
        Some(Err(error)) => {
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
        || options.ca.iter().any(|ca| matches!(ca.source, CaSource::Url(_)))
        || !options.nbd.is_empty()
        || !options.modules.is_empty()
        || options.volume.iter().any(|volume| volume.pull_from.is_some() || volume.push_to.is_some())
        || options.report.iter().any(|sink| matches!(sink, ReportSink::Http(_)))
        || filesystems::need_network(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_the_network_waits_for_it() {
        for line in [
            "b2c.run=busybox",
            "b2c.ntp_peer=auto",
            "b2c.extra_args_url=http://h/x",
            "b2c.ca=http://h/farm.pem",
            "b2c.modules=http://h/m.cpio",
            "b2c.report=http://h/report",
        ] {
            assert!(is_wanted(&options::parse(&[line]).options), "{line}");
        }
        for line in ["", "b2c.ca=/farm.pem", "b2c.report=console", "b2c.swap=1G"] {
            assert!(!is_wanted(&options::parse(&[line]).options), "{line}");
        }
    }
}
