//! The process called `b2c-container`: parent of one container's first process, and nothing else.
//!
//! It makes the cgroup, forks, waits, tells how the container ended, and leaves nothing behind. The end of its channel is the end of its
//! caller, or its caller's wish to kill, and then the end of the container.

use super::cgroup::Cgroup;
use super::channel::{Channel, Message};
use super::error::{During, Step, setup};
use super::patience::{KILL_PATIENCE, readable_within};
use super::sys::{self, Fork};
use super::{device_filter, devices, first_process};
use crate::spec::{Devices, Spec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::process::{DumpableBehavior, Pid, WaitOptions, set_dumpable_behavior, waitpid};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

/// The process's name, by which a program knows that it has to call [`shim_main`].
pub const SHIM_NAME: &std::ffi::CStr = c"b2c-container";

/// The main function of the process that [`start`](super::start) makes; stdin is its channel.
///
/// A program that can be a [`Shim`](super::Shim) calls this first of all when its `argv[0]` is [`SHIM_NAME`], while it has one thread.
pub fn shim_main() -> ! {
    // SAFETY: the program has only just started, and owns no descriptor but the standard ones: its caller's are closed here, and
    // the container cannot get them (CVE-2024-21626).
    let closed = unsafe { sys::close_from(3) };
    let code = match closed.during(|| "close inherited descriptors").and_then(|()| serve()) {
        Ok(()) => 0,
        Err(error) => i32::from(error.exit_code()),
    };
    sys::exit_now(code)
}

/// Takes one request and lives as long as its container.
fn serve() -> Step<()> {
    rustix::thread::set_name(SHIM_NAME).during(|| "set the process name")?;
    // The container's processes may not look into this one, nor its first process before it is the command (CVE-2016-9962): its
    // program file cannot be reached by /proc/PID/exe then (CVE-2019-5736).
    set_dumpable_behavior(DumpableBehavior::NotDumpable).during(|| "forbid to be traced")?;
    // Keys pressed on the caller's terminal are not for the shim.
    rustix::process::setsid().during(|| "new session")?;
    let channel =
        Channel::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).during(|| "channel")?);
    let null = File::open("/dev/null").during(|| "/dev/null")?;
    rustix::stdio::dup2_stdin(&null).during(|| "/dev/null")?;
    let outcome = match receive(&channel) {
        Ok((spec, files)) => contain(&spec, files, &channel),
        Err(error) => Err(error),
    };
    let last = match outcome {
        Ok(wait_status) => Message::Exited { wait_status },
        Err(error) => Message::Failed(error),
    };
    // If the caller is gone, so is whoever wanted to know.
    channel.send(&last, &[]).during(|| "report")
}

/// The request: a Spec, and the container's stdin, stdout and stderr if it has no terminal.
fn receive(channel: &Channel) -> Step<(Spec, Option<[OwnedFd; 3]>)> {
    let Some((Message::Start, descriptors)) = channel.receive().during(|| "request")? else {
        return Err(setup("request: not a start"));
    };
    let mut descriptors = descriptors.into_iter();
    let file = descriptors.next().ok_or_else(|| setup("request: without a Spec"))?;
    let mut text = Vec::new();
    File::from(file).read_to_end(&mut text).during(|| "the Spec")?;
    let spec: Spec = serde_json::from_slice(&text).during(|| "the Spec")?;
    let files: Vec<OwnedFd> = descriptors.collect();
    let files = if files.is_empty() && spec.terminal {
        None
    } else {
        Some(<[OwnedFd; 3]>::try_from(files).map_err(|_| setup("request: three descriptors are needed"))?)
    };
    Ok((spec, files))
}

/// Runs the container from its cgroup's first moment to its last; returns the first process's wait status, if it ended.
fn contain(spec: &Spec, files: Option<[OwnedFd; 3]>, channel: &Channel) -> Step<Option<i32>> {
    let cgroup = Cgroup::of(&spec.id)?;
    cgroup.create(&spec.resources)?;
    let outcome = run(spec, files, channel, &cgroup);
    // With the machine's PID namespace, processes can outlive the first one.
    cgroup.remove();
    outcome
}

fn run(spec: &Spec, files: Option<[OwnedFd; 3]>, channel: &Channel, cgroup: &Cgroup) -> Step<Option<i32>> {
    let directory = cgroup.open()?;
    if let Devices::Only(list) = &spec.devices {
        device_filter::attach(directory.as_fd(), &devices::rules(list)?)?;
    }
    let (ours, theirs) = Channel::pair().during(|| "channel")?;
    let flags = spec.namespaces.clone_flags();
    let (pid, pidfd) = match sys::fork(flags, directory.as_fd()).during(|| "start the first process")? {
        Fork::Parent { pid, pidfd } => (pid, pidfd),
        Fork::Child => {
            drop(ours);
            become_first_process(spec, files, &theirs)
        }
    };
    drop((theirs, files));
    let started = forward(&ours, channel).and_then(|()| {
        let pid = u32::try_from(pid).unwrap_or(0);
        channel.send(&Message::Started { pid }, &[pidfd.as_fd()]).during(|| "report the start")
    });
    if started.is_ok() {
        wait_for_either(&pidfd, channel)?;
    }
    // The caller is gone or wants it, or the first process has failed or has ended: either way nothing may live on.
    cgroup.kill();
    // One that hangs in the kernel, or whose children do, does not die of it.
    let status = if readable_within(pidfd.as_fd(), KILL_PATIENCE) { Some(reap(pid)?) } else { None };
    started.map(|()| status)
}

/// Takes the wait status of the first process, which has ended.
fn reap(pid: i32) -> Step<i32> {
    let what = "wait for the first process";
    let status = retry_on_intr(|| waitpid(Pid::from_raw(pid), WaitOptions::empty())).during(|| what)?;
    status.map(|(_, status)| status.as_raw()).ok_or_else(|| setup(format_args!("{what}: no status")))
}

fn become_first_process(spec: &Spec, files: Option<[OwnedFd; 3]>, shim: &Channel) -> ! {
    let Err(error) = first_process::run(spec, files, shim);
    // If the shim is gone, there is nobody to tell.
    drop(shim.send(&Message::Failed(error), &[]));
    sys::exit_now(125)
}

/// Passes the first process's messages on until it has become the command: then its end of the channel closes.
fn forward(first_process: &Channel, channel: &Channel) -> Step<()> {
    loop {
        match first_process.receive().during(|| "first process")? {
            None => return Ok(()),
            Some((Message::Failed(error), _)) => return Err(error),
            Some((message, descriptors)) => {
                let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
                channel.send(&message, &descriptors).during(|| "pass on the terminal")?;
            }
        }
    }
}

/// Waits for the end of the first process or of the channel.
fn wait_for_either(pidfd: &OwnedFd, channel: &Channel) -> Step<()> {
    let mut either = [PollFd::new(pidfd, PollFlags::IN), PollFd::new(channel, PollFlags::IN)];
    retry_on_intr(|| poll(&mut either, None)).map(drop).during(|| "wait")
}
