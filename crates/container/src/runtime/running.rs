//! A container that runs, as its caller sees it.

use super::cgroup::Cgroup;
use super::channel::{Channel, Message};
use super::start::Io;
use super::stopper::Stopper;
use crate::spec::Spec;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

/// How a container's first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(u8),
    /// This signal ended it. `SIGHUP` and `SIGINT` of a process 1 also mean that it called reboot(2) to restart or to power off
    /// (pid_namespaces(7)).
    Signal(i32),
}

impl Exit {
    /// The exit status as a shell and podman count it: 128 + N for signal N.
    #[must_use]
    pub fn status(&self) -> u8 {
        match *self {
            Self::Code(code) => code,
            Self::Signal(signal) => u8::try_from(signal).map_or(255, |signal| signal.saturating_add(128)),
        }
    }

    /// Reads what wait(2) gives for a process that has ended.
    pub(super) fn from_wait_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX))
        }
    }
}

/// The shim died before its container, which was killed then: how it would have ended is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process that watched the container died; the container was killed")]
pub struct Lost;

/// A container that runs. To drop it is to kill it.
#[derive(Debug)]
pub struct Running {
    /// What it is connected to.
    pub io: Io,
    pid: u32,
    shim: Child,
    stopper: Arc<Stopper>,
    ended: Option<Result<Exit, Lost>>,
}

impl Running {
    pub(super) fn new(
        spec: &Spec,
        io: Io,
        channel: Channel,
        shim: Child,
        cgroup: Cgroup,
        pid: u32,
        pidfd: OwnedFd,
    ) -> Self {
        let (stop_signal, stop_timeout) = (spec.stop_signal, Duration::from_secs(spec.stop_timeout.into()));
        let stopper = Arc::new(Stopper { pidfd, channel, cgroup, stop_signal, stop_timeout });
        Self { io, pid, shim, stopper, ended: None }
    }

    /// The process ID of the container's process 1, as the machine numbers it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The process ID of the shim: a child of the caller's, which [`wait`](Self::wait) reaps.
    #[must_use]
    pub fn shim_pid(&self) -> u32 {
        self.shim.id()
    }

    /// Readable once the container has ended and its cgroup is gone: [`wait`](Self::wait) does not block then.
    #[must_use]
    pub fn exited_fd(&self) -> BorrowedFd<'_> {
        self.stopper.channel.as_fd()
    }

    /// Waits for the container's end. Later calls give the same answer.
    ///
    /// After [`kill_all`](Self::kill_all) it waits for some seconds only: what hangs in the kernel then is given up with a warning, and
    /// counts as ended by `SIGKILL`.
    ///
    /// # Errors
    /// [`Lost`], if the shim was killed.
    pub fn wait(&mut self) -> Result<Exit, Lost> {
        if let Some(ended) = self.ended {
            return ended;
        }
        let ended = match self.stopper.channel.receive() {
            Ok(Some((Message::Exited { wait_status }, _))) => {
                if wait_status.is_none() || self.stopper.cgroup.exists() {
                    self.warn_of_survivor();
                }
                Ok(wait_status.map_or(Exit::Signal(libc::SIGKILL), Exit::from_wait_status))
            }
            _ => {
                self.kill_all();
                self.stopper.cgroup.remove();
                if self.stopper.cgroup.exists() {
                    self.warn_of_survivor();
                }
                Err(Lost)
            }
        };
        self.ended = Some(ended);
        // The shim ends after its last message; if somebody else reaped it, that is as good.
        drop(self.shim.wait());
        ended
    }

    /// Sends a signal to the container's process 1 ([`Stopper::signal`]).
    pub fn signal(&self, signal: i32) {
        self.stopper.signal(signal);
    }

    /// Ends the container ([`Stopper::stop`]); [`wait`](Self::wait) then says how.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// Kills every process of the container at once, and waits for none.
    pub fn kill_all(&self) {
        self.stopper.kill_all();
    }

    /// For another thread, that is to end it while this one waits.
    #[must_use]
    pub fn stopper(&self) -> Arc<Stopper> {
        Arc::clone(&self.stopper)
    }

    /// Says that something is left of the container, which nobody can help but its kernel.
    fn warn_of_survivor(&self) {
        log::warn!(
            "container process {}: could not be killed: it, or one that it started, hangs in the kernel, and stays until the machine \
             goes down",
            self.pid
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill_all();
            let _ = self.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn wait_statuses_are_told_apart() {
        assert_eq!(Exit::from_wait_status(0), Exit::Code(0));
        assert_eq!(Exit::from_wait_status(3 << 8), Exit::Code(3));
        assert_eq!(Exit::from_wait_status(9), Exit::Signal(9));
        // 0x80: with a core dump.
        assert_eq!(Exit::from_wait_status(0x80 | 11), Exit::Signal(11));
    }

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(Exit::Code(127).status(), 127);
        assert_eq!(Exit::Signal(1).status(), 129);
        assert_eq!(Exit::Signal(9).status(), 137);
        assert_eq!(Exit::Signal(64).status(), 192);
    }
}
