//! `--init`: a small process 1 for commands that are not made to be one. It starts the command, passes signals on, and reaps.
//!
//! It has the container's own user, capabilities and filter, and no open descriptor.

use super::channel::{Channel, Message};
use super::error::{During, Step};
use super::sys;
use super::{Exit, command};
use rustix::process::{WaitOptions, wait};
use std::convert::Infallible;

/// Runs `execute` in a new process and becomes its keeper.
pub(super) fn fork_command(execute: impl FnOnce() -> Step<Infallible>, shim: &Channel) -> Step<Infallible> {
    command::die_with_shim(shim)?;
    // Before the fork, so that none is lost.
    sys::block_signals();
    match sys::plain_fork().during(|| "start the command under --init")? {
        0 => {
            let Err(error) = execute();
            // If the shim is gone, there is nobody to tell.
            drop(shim.send(&Message::Failed(error), &[]));
            sys::exit_now(125)
        }
        pid => {
            // SAFETY: this process never returns from here, and uses no descriptor any more.
            drop(unsafe { sys::close_from(0) });
            keep(pid)
        }
    }
}

/// The whole duty of a process 1: pass signals on, reap, end when the command has ended.
fn keep(command: i32) -> ! {
    loop {
        match sys::next_signal() {
            Ok(libc::SIGCHLD) => {
                if let Some(exit) = reap(command) {
                    sys::exit_now(exit.status().into());
                }
            }
            // To a command that has just ended it cannot be passed on.
            Ok(signal) => drop(sys::kill(command, signal)),
            // Interrupted by a stop and a continue.
            Err(_) => {}
        }
    }
}

/// Reaps all that have ended; says how the command ended if it is among them.
fn reap(command: i32) -> Option<Exit> {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid.as_raw_nonzero().get() == command {
            return Some(Exit::from_wait_status(status.as_raw()));
        }
    }
    None
}
