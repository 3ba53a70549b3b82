//! The caller's side of a start.

use super::cgroup::Cgroup;
use super::channel::{Channel, Message, unnamed_file};
use super::error::{During, StartError, Step, setup};
use super::mounts;
use super::running::Running;
use super::shim::SHIM_NAME;
use crate::spec::Spec;
use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The program whose `main` calls [`shim_main`](super::shim_main) when its name is [`SHIM_NAME`].
#[derive(Clone, Debug)]
pub struct Shim {
    /// Its file.
    pub program: PathBuf,
}

impl Default for Shim {
    /// The program that is running.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into() }
    }
}

/// The caller's ends of the container's stdin, stdout and stderr. Nobody else reads them: a container that fills a pipe waits.
#[derive(Debug)]
pub enum Io {
    /// The master of the container's pseudo-terminal; its window size is the caller's to set. Reading gives `EIO` at the end.
    Terminal(OwnedFd),
    /// Three pipes; `stdin` is there if the Spec wants one.
    Pipes {
        /// To be written.
        stdin: Option<OwnedFd>,
        /// To be read.
        stdout: OwnedFd,
        /// To be read.
        stderr: OwnedFd,
    },
    /// All three are /dev/null.
    Null,
}

/// Starts a container and waits until its command is executed.
///
/// # Errors
/// Says at which step it failed; nothing of the container is left then.
pub fn start(spec: &Spec, shim: &Shim) -> Result<Running, StartError> {
    launch(spec, shim, Connect::Pipes)
}

/// As [`start`], for a container whose output nobody wants: without a terminal, it gets /dev/null ([`Io::Null`]).
///
/// # Errors
/// As [`start`].
pub fn start_detached(spec: &Spec, shim: &Shim) -> Result<Running, StartError> {
    launch(spec, shim, Connect::Null)
}

/// What a container without a terminal is connected to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connect {
    Pipes,
    Null,
}

/// The container's ends, and the caller's.
fn connect(spec: &Spec, connect: Connect) -> Step<(Vec<OwnedFd>, Option<Io>)> {
    if spec.terminal {
        return Ok((Vec::new(), None));
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC).during(|| "pipe");
    let null = || open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).during(|| "/dev/null");
    if connect == Connect::Null {
        return Ok((vec![null()?, null()?, null()?], Some(Io::Null)));
    }
    let (stdout, container_stdout) = pipe()?;
    let (stderr, container_stderr) = pipe()?;
    let (container_stdin, stdin) = if spec.stdin {
        let (read, write) = pipe()?;
        (read, Some(write))
    } else {
        (null()?, None)
    };
    Ok((vec![container_stdin, container_stdout, container_stderr], Some(Io::Pipes { stdin, stdout, stderr })))
}

fn launch(spec: &Spec, shim: &Shim, to: Connect) -> Result<Running, StartError> {
    let cgroup = Cgroup::of(&spec.id)?;
    let (theirs, mut io) = connect(spec, to)?;
    let (channel, far_end) = Channel::pair().during(|| "channel")?;
    let mut process = spawn(shim, far_end)?;
    let answer = request(spec, &theirs, &channel).and_then(|()| {
        drop(theirs);
        answer(&channel, &cgroup, &mut io)
    });
    match (answer, io) {
        (Ok((pid, pidfd)), Some(io)) => Ok(Running::new(spec, io, channel, process, cgroup, pid, pidfd)),
        (answer, _) => {
            // The shim sees the end of the channel, if it has not ended by itself.
            drop(channel);
            process.wait().during(|| "wait for the shim")?;
            Err(answer.err().unwrap_or_else(|| setup("the container's terminal did not arrive")))
        }
    }
}

/// Starts the shim.
fn spawn(shim: &Shim, channel: Channel) -> Step<Child> {
    // A container that finds its way to the program by /proc/PID/exe must not be able to write to it (CVE-2019-5736). The view is
    // closed when the shim has it open. Where it cannot be made (Linux 5.12), it takes the caller to protect the file.
    let view = mounts::read_only_view(&shim.program).ok();
    let program =
        view.as_ref().map_or_else(|| shim.program.clone(), |view| mounts::by_descriptor(view.as_fd()).into());
    Command::new(program)
        .arg0(OsStr::from_bytes(SHIM_NAME.to_bytes()))
        // Nothing of ours is the container's business, and the shim needs nothing.
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .stdout(Stdio::null())
        .spawn()
        .during(|| format!("start {}", shim.program.display()))
}

fn request(spec: &Spec, theirs: &[OwnedFd], channel: &Channel) -> Step<()> {
    let spec = serde_json::to_vec(spec).during(|| "write the Spec")?;
    let spec = unnamed_file(&spec).during(|| "write the Spec")?;
    let descriptors: Vec<_> = [spec.as_fd()].into_iter().chain(theirs.iter().map(AsFd::as_fd)).collect();
    channel.send(&Message::Start, &descriptors).during(|| "talk to the shim")
}

/// Waits for the command to be executed; the terminal comes before that.
fn answer(channel: &Channel, cgroup: &Cgroup, io: &mut Option<Io>) -> Step<(u32, OwnedFd)> {
    loop {
        let Some((message, descriptors)) = channel.receive().during(|| "talk to the shim")? else {
            // It was killed: what it had begun is ours to remove.
            cgroup.remove();
            return Err(setup("the process that starts the container died"));
        };
        let descriptor = descriptors.into_iter().next();
        match (message, descriptor) {
            (Message::Console, Some(master)) => *io = Some(Io::Terminal(master)),
            (Message::Started { pid }, Some(pidfd)) => return Ok((pid, pidfd)),
            (Message::Failed(error), _) => return Err(error),
            (message, _) => return Err(setup(format_args!("talk to the shim: unexpected {message:?}"))),
        }
    }
}
