//! Why there is no network.

use options::Iface;
use rustix::io::Errno;
use std::fmt;

/// Why there is no network, or not the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The means to set up a network are missing.
    #[error("the network cannot be set up: {step}: {source}")]
    Kernel {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        source: Errno,
    },
    /// There is nothing to set up.
    #[error(
        "no network interface has appeared in {seconds} s: is the network card's driver among the kernel modules?"
    )]
    NoInterface {
        /// How long we waited.
        seconds: u64,
    },
    /// Nobody gave us an address.
    #[error("no DHCP lease in {seconds} s: {tried}")]
    NoLease {
        /// How long we waited.
        seconds: u64,
        /// Each interface and what happened there.
        tried: String,
    },
    /// `b2c.iface` could not be done.
    #[error("b2c.iface={iface}: {step}: {reason}")]
    Iface {
        /// The interface's name.
        iface: String,
        /// The part of the option, or what it implies.
        step: String,
        /// Why it failed.
        reason: String,
    },
    /// `ip=` did not do anything.
    #[error(
        "ip= is on the command line, but the kernel has configured no address in {seconds} s (it cannot if it is built \
         without CONFIG_IP_PNP, or the network card's driver is a module: use b2c.iface instead)"
    )]
    KernelIp {
        /// How long we waited.
        seconds: u64,
    },
}

impl Error {
    /// What went wrong with a `b2c.iface`.
    pub(super) fn iface(iface: &Iface, step: impl Into<String>, reason: impl fmt::Display) -> Error {
        Error::Iface { iface: iface.link.to_string(), step: step.into(), reason: reason.to_string() }
    }
}
