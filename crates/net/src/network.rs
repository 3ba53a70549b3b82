//! The machine's interfaces, from start-up to shutdown.
//!
//! One thread brings them up, talks DHCP on all of them at once, follows cables being plugged and interfaces that appear late, and renews
//! leases for as long as the [`Network`] lives.

mod apply;
mod error;
mod judge;
mod port;
mod worker;

pub use error::Error;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
}

impl Default for Paths {
    fn default() -> Self {
        Paths { resolv_conf: "/etc/resolv.conf".into(), pnp: "/proc/net/pnp".into() }
    }
}

/// The network, being set up and kept up in the background. Dropping it stops that; addresses stay as they are.
#[derive(Debug)]
pub struct Network {
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// What [`Network::wait`] waits for.
#[derive(Debug, Default)]
struct Shared {
    outcome: Mutex<Option<Result<(), Error>>>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), Error>>> {
        // An Option is whole even if a thread panicked while it held the lock.
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, outcome: Result<(), Error>) {
        *self.lock() = Some(outcome);
        self.changed.notify_all();
    }
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
        let worker = Worker::new(config, paths, Arc::clone(&shared), Arc::clone(&stop))?;
        let thread = thread::Builder::new()
            .name("network".into())
            .stack_size(STACK)
            .spawn(move || worker.run())
            .map_err(|e| rustix::io::Errno::from_io_error(&e).unwrap_or(rustix::io::Errno::AGAIN))
            .map_err(failed("start a thread"))?;
        Ok(Network { shared, stop, thread: Some(thread) })
    }

    /// As [`Network::wait`], but no longer than that; `None` when it is not decided by then.
    pub fn wait_at_most(&self, limit: Duration) -> Option<Result<(), Error>> {
        let undecided = |outcome: &mut Option<_>| outcome.is_none();
        let outcome = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(outcome, limit, undecided);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Waits until the network can be used, or patience is over: after 10 s without any interface, 20 s without a cable, 60 s without a
    /// lease. A later call tells if it has come to life since.
    pub fn wait(&self) -> Result<(), Error> {
        let mut outcome = self.shared.lock();
        loop {
            match &*outcome {
                Some(outcome) => return outcome.clone(),
                None => outcome = self.shared.changed.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Writing 8 bytes to an eventfd that nobody else writes to cannot fail.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // An Err is the panic of the thread, which the panic hook has reported.
            let _ = thread.join();
        }
    }
}
