//! The container's first process, from its birth to the command: a list of steps.

use super::channel::{Channel, Message};
use super::command::{Command, Stdio};
use super::error::{During, Step};
use super::terminal::Terminal;
use super::{command, credentials, namespaces, reaper, rootfs};
use crate::spec::Spec;
use rustix::fs::Mode;
use rustix::process::Uid;
use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};

/// Becomes the container's command. `files` are its stdin, stdout and stderr, if it has no terminal.
///
/// Returns only if that fails. This process was forked from the shim: it is single-threaded and alone in new namespaces, and must end
/// when this function returns.
pub(super) fn run(spec: &Spec, files: Option<[OwnedFd; 3]>, shim: &Channel) -> Step<Infallible> {
    command::die_with_shim(shim)?;
    // Modes are meant as they are written; the Spec's mask comes with its user.
    rustix::process::umask(Mode::empty());
    namespaces::set_up(spec)?;
    let root = rootfs::build(spec)?;
    let stdio = match files {
        Some(files) => Stdio::Files(files),
        None => Stdio::Terminal(open_terminal(spec, &root, shim)?),
    };
    rootfs::enter(&root)?;
    rootfs::change_directory(&root, &spec.cwd)?;
    let command = Command::new(spec)?;
    drop(root);
    credentials::take_on(spec)?;
    if spec.init {
        reaper::fork_command(|| command.execute(&stdio, shim), shim)
    } else {
        command.execute(&stdio, shim)
    }
}

/// Makes the terminal, gives its master away, and returns the container's end.
fn open_terminal(spec: &Spec, root: &super::root::Root, shim: &Channel) -> Step<OwnedFd> {
    let terminal = Terminal::open(root)?;
    terminal.install(root, Uid::from_raw(spec.user.uid))?;
    shim.send(&Message::Console, &[terminal.master.as_fd()]).during(|| "terminal: hand it over")?;
    Ok(terminal.slave)
}
