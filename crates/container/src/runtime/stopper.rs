//! The ways to end a container, for whoever does not wait for its end.

use super::cgroup::Cgroup;
use super::channel::Channel;
use super::patience::readable_within;
use super::sys;
use rustix::net::{Shutdown, shutdown};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// See the module. It may outlive the container, and does nothing then.
#[derive(Debug)]
pub struct Stopper {
    pub(super) pidfd: OwnedFd,
    pub(super) channel: Channel,
    pub(super) cgroup: Cgroup,
    pub(super) stop_signal: i32,
    pub(super) stop_timeout: Duration,
}

impl Stopper {
    /// Sends a signal to the container's process 1. Only what that has a handler for arrives, but for `SIGKILL` and `SIGSTOP`
    /// (pid_namespaces(7)). One that has ended gets none.
    pub fn signal(&self, signal: i32) {
        drop(sys::send_signal(self.pidfd.as_fd(), signal));
    }

    /// Ends the container: its stop signal, some time to act on it, then [`kill_all`](Self::kill_all). Returns when it has ended,
    /// or was killed.
    pub fn stop(&self) {
        self.stop_within(self.stop_timeout);
    }

    /// As [`stop`](Self::stop), with no more than that time to act.
    pub fn stop_within(&self, patience: Duration) {
        self.signal(self.stop_signal);
        if !readable_within(self.channel.as_fd(), self.stop_timeout.min(patience)) {
            self.kill_all();
        }
    }

    /// Kills every process of the container at once, and waits for none.
    pub fn kill_all(&self) {
        // The shim sees the end of the channel, and from then on its patience is bounded. It can still tell how the container ended; if
        // it is gone, so is the channel.
        let _ = shutdown(&self.channel, Shutdown::Write);
        self.signal(libc::SIGKILL);
        self.cgroup.kill();
    }
}
