//! The kernel's part of a mount, in a thread: a file server that does not answer must not keep a boot waiting.
//!
//! With the mount API of Linux 5.2 the file system is made first and put into its place last, so a mount that comes too late changes nothing;
//! and the kernel says in words what it does not like.

use super::options::Options;
use rustix::fd::OwnedFd;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The kernel keeps eight messages at most (fs/fsopen.c).
const MAX_MESSAGES: usize = 8;
/// As much of a message as is shown.
const MAX_MESSAGE: usize = 200;
/// A few system calls.
const STACK: usize = 64 << 10;

/// One mount to be made.
pub(super) struct Request<'a> {
    pub(super) kind: &'a str,
    pub(super) source: &'a str,
    pub(super) options: &'a Options,
    pub(super) patience: Duration,
}

/// Why it was not made.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel is still at it.
    TimedOut,
    /// The kernel's code and words.
    Refused { errno: Errno, said: String },
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Failure::Refused { errno, said: String::new() }
    }
}

impl Request<'_> {
    /// Makes the mount and puts it on `target`.
    pub(super) fn mount(&self, target: &Path) -> Result<(), Failure> {
        let (kind, source, options) = (self.kind.to_owned(), self.source.to_owned(), self.options.clone());
        let (done, result) = mpsc::channel();
        let work = move || {
            // Nobody listens any more when it took too long; the mount goes with its descriptor.
            let _ = done.send(make(&kind, &source, &options));
        };
        let spawned = thread::Builder::new().name("mount".into()).stack_size(STACK).spawn(work);
        spawned.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?;
        let mount = result.recv_timeout(self.patience).map_err(|_| Failure::TimedOut)??;
        Ok(move_mount(mount, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
    }
}

fn make(kind: &str, source: &str, options: &Options) -> Result<OwnedFd, Failure> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    let attributes = MountAttrFlags::from_bits_retain(options.attributes);
    configure(&context, source, options)
        .and_then(|()| fsconfig_create(&context))
        .and_then(|()| fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes))
        .map_err(|errno| Failure::Refused { errno, said: messages(&context) })
}

fn configure(context: &OwnedFd, source: &str, options: &Options) -> Result<(), Errno> {
    fsconfig_set_string(context, "source", source)?;
    for (key, value) in &options.data {
        match value {
            Some(value) => fsconfig_set_string(context, key.as_str(), value.as_str())?,
            None => fsconfig_set_flag(context, key.as_str())?,
        }
    }
    Ok(())
}

/// What the kernel has to say, each message with its level in front: `e nfs: …`.
fn messages(context: &OwnedFd) -> String {
    let mut texts = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length) = rustix::io::read(context, &mut buffer) {
        let message = String::from_utf8_lossy(&buffer[..length]);
        let text = message.get(2..).unwrap_or_default();
        texts.push(text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect::<String>());
        if texts.len() == MAX_MESSAGES {
            break;
        }
    }
    texts.join("; ")
}
