//! What a device's connections are watched by: a thread that opens a new one for each that dies.

use super::netlink::{Netlink, Notice, Notices};
use super::{Cause, Config, Export, PAUSE, connection};
use rustix::fd::AsFd;
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A name is resolved and a connection negotiated, nothing more.
const STACK: usize = 128 << 10;

/// The thread. It ends with the process, or as soon as it wakes up after [`Watch::stop`].
#[derive(Debug)]
pub(super) struct Watch {
    stopped: Arc<AtomicBool>,
}

impl Watch {
    /// Without a thread the device works until a connection breaks; that is said.
    pub(super) fn start(notices: Notices, config: &Config, export: &Export) -> Watch {
        let stopped = Arc::new(AtomicBool::new(false));
        let keeper =
            Keeper { config: config.clone(), export: *export, stopped: Arc::clone(&stopped), dead: 0 };
        let spawned = thread::Builder::new()
            .name(format!("nbd{}", config.index))
            .stack_size(STACK)
            .spawn(move || keeper.keep(&notices));
        if let Err(error) = spawned {
            log::error!(
                "/dev/nbd{} will not be connected again if its server goes away: {error}",
                config.index
            );
        }
        Watch { stopped }
    }

    /// From now on dead connections stay dead.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

struct Keeper {
    config: Config,
    export: Export,
    stopped: Arc<AtomicBool>,
    /// Connections that have to be opened anew.
    dead: u32,
}

impl Keeper {
    fn keep(mut self, notices: &Notices) {
        while !self.stopped.load(Ordering::Relaxed) {
            let patience = (self.dead > 0).then_some(PAUSE);
            match notices.next(patience) {
                Ok(Notice::Dead(index)) if index == self.config.index => self.lost(1),
                Ok(Notice::Lost) => self.lost(u32::from(self.config.connections)),
                Ok(Notice::Silence) => self.revive(),
                Ok(Notice::Dead(_)) => {}
                Err(errno) => {
                    log::error!("/dev/nbd{} is not watched any more: {errno}", self.config.index);
                    return;
                }
            }
        }
    }

    fn lost(&mut self, count: u32) {
        if self.dead == 0 && !self.stopped.load(Ordering::Relaxed) {
            let Config { index, host, port, .. } = &self.config;
            log::warn!("/dev/nbd{index} lost its connection to {host} port {port}; connecting again");
        }
        self.dead = self.dead.saturating_add(count);
    }

    /// Opens one connection for one that is dead. If that cannot be, it is tried again after a pause.
    fn revive(&mut self) {
        let Config { index, host, port, .. } = &self.config;
        let stream = match connection::open_again(&self.config, &self.export) {
            Ok(stream) => stream,
            Err(cause @ Cause::Changed { .. }) => {
                self.stopped.store(true, Ordering::Relaxed);
                return log::error!(
                    "/dev/nbd{index} stays without its connection to {host} port {port}: {cause}"
                );
            }
            Err(cause) => return log::debug!("/dev/nbd{index}: {cause}"),
        };
        match Netlink::open().and_then(|netlink| netlink.replace(*index, stream.as_fd())) {
            Ok(()) => self.dead -= 1,
            Err(Errno::NOSPC) => self.dead = 0,
            Err(errno) => return log::debug!("/dev/nbd{index}: {errno}"),
        }
        if self.dead == 0 {
            log::info!("/dev/nbd{index} is connected to {host} port {port} again");
        }
    }
}
