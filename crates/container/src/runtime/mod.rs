//! [`Spec`] → a process with terminal and exit status. An OCI-style runtime that is one function: [`start`].
//!
//! Three processes take part. The *caller* may have threads. It starts the *shim*, a fresh process of the same program with one thread,
//! and keeps a channel to it. The shim makes the container's cgroup and forks the *first process* straight into it and into its new
//! namespaces; that builds the root file system, enters it, gives up its privileges, and becomes the container's command.
//!
//! Whichever of them is killed, the container does not outlive it: the shim watches its caller, the kernel and the caller watch the shim.
//! When [`Running::wait`] returns, no process, mount or cgroup of the container is left, but for one case: a process that hangs in the
//! kernel (a graphics driver, a dead NFS server) does not die of `SIGKILL`. After some seconds it is given up, and the log says so.

mod cgroup;
mod channel;
mod command;
mod credentials;
mod device_filter;
mod devices;
mod error;
mod first_process;
mod mounts;
mod namespaces;
mod patience;
mod reaper;
mod root;
mod rootfs;
mod running;
mod seccomp;
mod shim;
mod start;
mod stopper;
mod sys;
mod terminal;

#[cfg(doc)]
use crate::Spec;
pub use error::StartError;
pub use running::{Exit, Lost, Running};
pub use shim::{SHIM_NAME, shim_main};
pub use start::{Io, Shim, start, start_detached};
pub use stopper::Stopper;
pub use terminal::open_terminal;
