//! The machine's interfaces, from start-up to shutdown.
//!
//! One thread brings them up, talks DHCP on all of them at once, follows cables being plugged and interfaces that appear late, and renews
//! leases for as long as the [`Network`] lives.

mod apply;
mod error;
mod ipv6;
mod judge;
mod lease;
mod meet;
mod port;
mod publish;
mod shared;
mod worker;

pub use error::Error;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use shared::Shared;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use worker::Worker;

/// The thread's stack. Its largest buffers are 2 KiB.
const STACK: usize = 128 * 1024;

/// What the command line says about the network.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `b2c.iface`: only these are set up. If there are none, all that could be a network are, by DHCP.
    pub ifaces: Vec<options::Iface>,
    /// `ip=` is on the command line and `b2c.iface` is not: the kernel has set the network up by itself.
    pub kernel_ip: bool,
    /// Told to DHCP servers; empty tells nothing.
    pub hostname: String,
}

/// Files outside of the kernel's network settings.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Written: whom to ask for names.
    pub resolv_conf: PathBuf,
    /// Read: what `ip=` brought.
    pub pnp: PathBuf,
    /// Read: the time servers that `ip=` brought.
    pub kernel_ntp: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Paths {
            resolv_conf: "/etc/resolv.conf".into(),
            pnp: "/proc/net/pnp".into(),
            kernel_ntp: "/proc/net/ipconfig/ntp_servers".into(),
        }
    }
}

/// The network, being set up and kept up in the background. Dropping it stops that; addresses stay as they are.
#[derive(Debug)]
pub struct Network {
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<Worker>>,
    paths: Paths,
}

impl Network {
    /// Begins to set the network up, in the network namespace of the calling thread, and returns at once.
    pub fn start(config: Config) -> Result<Network, Error> {
        Network::start_with(config, Paths::default())
    }

    /// [`Network::start`] with other files.
    pub fn start_with(config: Config, paths: Paths) -> Result<Network, Error> {
        let failed = |step| move |source| Error::Kernel { step, source };
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(failed("make an eventfd"))?);
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(config, paths.clone(), Arc::clone(&shared), Arc::clone(&stop))?;
        let thread = thread::Builder::new()
            .name("network".into())
            .stack_size(STACK)
            .spawn(move || worker.run())
            .map_err(|e| rustix::io::Errno::from_io_error(&e).unwrap_or(rustix::io::Errno::AGAIN))
            .map_err(failed("start a thread"))?;
        Ok(Network { shared, stop, thread: Some(thread), paths })
    }

    /// As [`Network::wait`], but no longer than that; `None` when it is not decided by then.
    pub fn wait_at_most(&self, limit: Duration) -> Option<Result<(), Error>> {
        self.shared.wait_at_most(limit)
    }

    /// Begins anew with other wishes: takes away what was put on the interfaces, and sets them up as `config` says.
    pub fn restart(mut self, config: Config) -> Result<Network, Error> {
        if let Some(mut worker) = self.stop() {
            worker.undo();
        }
        Network::start_with(config, self.paths.clone())
    }

    /// Waits until the network can be used, or patience is over: after 10 s without any interface, 40 s without a cable, 60 s with one
    /// but without an answer. A later call tells if it has come to life since.
    pub fn wait(&self) -> Result<(), Error> {
        self.shared.wait()
    }

    /// The time servers that DHCP names, in the order of preference (RFC 2132 §8.3). More may come later; nobody waits for them.
    pub fn ntp_servers(&self) -> Vec<IpAddr> {
        self.shared.news().facts.ntp_servers.clone()
    }

    /// This machine's name as DHCP has it (RFC 2132 §3.14), if it is a host name by RFC 1123 and one that Linux can have.
    pub fn host_name(&self) -> Option<String> {
        self.shared.news().facts.host_name.clone()
    }

    /// Ends the thread; gives what it knew. `None` if that was done before, or it has panicked, which the panic hook has reported.
    fn stop(&mut self) -> Option<Worker> {
        // Writing 8 bytes to an eventfd that nobody else writes to cannot fail.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop();
    }
}
