//! Why no container can be made of a request and an image.

use crate::flags::one_line;
use crate::spec::{MountSource, Spec};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why no container can be made of a request and an image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nothing says what to run.
    #[error("{}: the image has neither an entrypoint nor a command; write the command after the image", one_line(.0))]
    NoCommand(String),
    /// A user's name that the image does not know.
    #[error("user {}: the image's /etc/passwd does not have it; write a number, or a name that it has", one_line(.0))]
    NoUser(String),
    /// A group's name that the image does not know.
    #[error("group {}: the image's /etc/group does not have it; write a number, or a name that it has", one_line(.0))]
    NoGroup(String),
    /// A user or group number out of range.
    #[error("user or group {0}: ids go from 0 to 2147483647")]
    BadId(String),
    /// A file of the image that is not fit to be read.
    #[error("the image's {path}: {why}")]
    ImageFile {
        /// In the image.
        path: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The root file system cannot be opened.
    #[error("root file system {0}: {1}")]
    Root(PathBuf, #[source] io::Error),
    /// A file of variables that cannot be read.
    #[error("--env-file={0}: {1}")]
    EnvFile(PathBuf, #[source] io::Error),
    /// A line of such a file that is none.
    #[error("--env-file={path}: line {line} is not KEY=VALUE")]
    EnvFileLine {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A path of the machine that is not there.
    #[error("--volume or --mount: {0} cannot be mounted: {1}; only volumes by name are made on the fly")]
    NoSource(PathBuf, #[source] io::Error),
    /// The caller did not make a volume.
    #[error("volume {0}: it was not made")]
    NoVolume(String),
    /// A new volume cannot be filled, or what is mounted cannot be given to the user.
    #[error(transparent)]
    Volume(#[from] volume::Error),
    /// A file for the container cannot be written.
    #[error("{0}: {1}")]
    Write(PathBuf, #[source] io::Error),
    /// The image's stop signal does not exist.
    #[error("the image's stop signal {} does not exist; choose one with --stop-signal", one_line(.0))]
    StopSignal(String),
    /// The kernel's strings end at a zero byte.
    #[error("{what} holds a zero byte: {text}")]
    Nul {
        /// Where it is.
        what: &'static str,
        /// The whole text.
        text: String,
    },
}

/// No text with a zero byte gets through: the kernel would cut it there, into something that nobody asked for.
pub(super) fn refuse_nul(spec: &Spec) -> Result<(), BuildError> {
    let args = spec.args.iter().map(|text| ("the command", Path::new(text)));
    let env = spec.env.iter().map(|text| ("a variable", Path::new(text)));
    let sysctl = spec.sysctl.iter().map(|(_, text)| ("a sysctl", Path::new(text)));
    let destinations = spec.mounts.iter().map(|mount| ("a mount's destination", mount.destination.as_path()));
    let sources = spec.mounts.iter().map(|mount| match &mount.source {
        MountSource::Bind { path, .. } => ("a mount's source", path.as_path()),
        MountSource::Filesystem { data, .. } => ("a mount's options", Path::new(data)),
    });
    let cwd = std::iter::once(("the working directory", spec.cwd.as_path()));
    let mut all = args.chain(env).chain(sysctl).chain(destinations).chain(sources).chain(cwd);
    match all.find(|(_, text)| text.as_os_str().as_bytes().contains(&0)) {
        None => Ok(()),
        Some((what, text)) => Err(BuildError::Nul { what, text: one_line(&text.to_string_lossy()) }),
    }
}
