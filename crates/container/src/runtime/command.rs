//! From the end of the set-up to the container's command: the last steps, and the search for the program.

use super::channel::Channel;
use super::error::{During, StartError, Step, line, setup};
use super::sys::{self, StringArray};
use crate::spec::Spec;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

/// Where podman looks when the container has no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the command's first three descriptors become.
pub(super) enum Stdio {
    /// The container's end of its terminal.
    Terminal(OwnedFd),
    /// stdin, stdout and stderr.
    Files([OwnedFd; 3]),
}

/// The command, checked and converted while that may still fail with a clear word.
pub(super) struct Command {
    candidates: Vec<CString>,
    args: StringArray,
    env: StringArray,
    name: String,
}

impl Command {
    /// Takes the command out of the Spec.
    pub(super) fn new(spec: &Spec) -> Step<Self> {
        let name = spec.args.first().ok_or_else(|| setup("the container has no command"))?.clone();
        let candidates = candidates(&name, &spec.env);
        let candidates = candidates.into_iter().map(CString::new).collect::<Result<_, _>>();
        Ok(Self {
            candidates: candidates.during(|| "command")?,
            args: StringArray::new(&spec.args).during(|| "command")?,
            env: StringArray::new(&spec.env).during(|| "environment")?,
            name,
        })
    }

    /// Becomes the command. Returns only if that fails.
    pub(super) fn execute(&self, stdio: &Stdio, shim: &Channel) -> Step<std::convert::Infallible> {
        die_with_shim(shim)?;
        // A session of its own, which a terminal needs; without one, no key on the console reaches it.
        rustix::process::setsid().during(|| "new session")?;
        connect(stdio)?;
        sys::reset_signals();
        // Everything was opened close-on-exec; this is for what a library may have forgotten (CVE-2024-21626). Linux 5.11; older
        // kernels lack only this second look.
        drop(sys::cloexec_from(3));
        Err(self.try_all())
    }

    /// execvp(3)'s rules: the first that can be executed; one that may not be is remembered.
    fn try_all(&self) -> StartError {
        let mut denied = None;
        for path in &self.candidates {
            match sys::execute(path, &self.args, &self.env) {
                Errno::NOENT | Errno::NOTDIR if access(path, Access::EXISTS).is_err() => {}
                Errno::NOENT => return self.not_found("needs an interpreter that is not there"),
                Errno::NOTDIR => {}
                Errno::ACCESS => denied = Some(Errno::ACCESS),
                error => return self.cannot_invoke(error),
            }
        }
        match denied {
            Some(error) => self.cannot_invoke(error),
            None if self.name.contains('/') => self.not_found("not found"),
            None => self.not_found("not found in $PATH"),
        }
    }

    fn not_found(&self, why: &str) -> StartError {
        StartError::NotFound(line(format_args!("executable file `{}` {why}", self.name)))
    }

    fn cannot_invoke(&self, error: Errno) -> StartError {
        StartError::CannotInvoke(line(format_args!(
            "executable file `{}` cannot be executed: {error}",
            self.name
        )))
    }
}

/// The paths to try.
fn candidates(name: &str, env: &[String]) -> Vec<String> {
    if name.contains('/') || name.is_empty() {
        return vec![name.to_owned()];
    }
    let path = env.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    // An empty entry is the working directory.
    path.split(':').map(|folder| format!("{}/{name}", if folder.is_empty() { "." } else { folder })).collect()
}

/// Makes the kernel kill this process when the shim dies. A change of credentials undoes that, so it comes after those.
pub(super) fn die_with_shim(shim: &Channel) -> Step<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .during(|| "ask to die with the parent")?;
    // The shim may have died before we asked.
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(shim, PollFlags::empty())], Some(&now)) {
        Ok(0) => Ok(()),
        _ => sys::exit_now(125),
    }
}

/// Puts the descriptors in place.
fn connect(stdio: &Stdio) -> Step<()> {
    let [stdin, stdout, stderr] = match stdio {
        Stdio::Terminal(slave) => {
            rustix::process::ioctl_tiocsctty(slave).during(|| "terminal: make it the controlling one")?;
            [slave.as_fd(); 3]
        }
        Stdio::Files(files) => files.each_ref().map(AsFd::as_fd),
    };
    // Numbers 0 to 2 are taken since the start, so none of these is one of them: dup2 clears close-on-exec.
    dup2_stdin(stdin)
        .and_then(|()| dup2_stdout(stdout))
        .and_then(|()| dup2_stderr(stderr))
        .during(|| "stdin, stdout and stderr")
}

#[cfg(test)]
mod tests {
    use super::candidates;

    fn search(name: &str, path: &str) -> Vec<String> {
        candidates(name, &["HOME=/".into(), format!("PATH={path}")])
    }

    #[test]
    fn a_name_with_a_slash_is_a_path() {
        assert_eq!(search("./x", "/bin"), ["./x"]);
        assert_eq!(search("/bin/x", "/bin"), ["/bin/x"]);
    }

    #[test]
    fn a_plain_name_is_searched_in_order() {
        assert_eq!(search("x", "/a:/b"), ["/a/x", "/b/x"]);
        assert_eq!(search("x", ":/b"), ["./x", "/b/x"]);
        assert_eq!(candidates("x", &[]).len(), 6);
    }

    #[test]
    fn the_last_path_wins() {
        assert_eq!(candidates("x", &["PATH=/a".into(), "PATH=/b".into()]), ["/b/x"]);
    }
}
