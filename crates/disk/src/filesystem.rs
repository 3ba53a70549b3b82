//! Mounting what fstab(5) could name: devices, shares of file servers, folders of a virtual machine's host. By the kernel alone: what
//! mount.nfs(8) and mount.cifs(8) do before they ask it, such as resolving names, is done here.

mod cifs;
mod context;
mod nfs;
mod options;
mod share;

use crate::device::{self, Content};
use context::{Failure, Request};
use options::Options;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So long the kernel may take for a mount. One that is done later does not take place.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest message that virtio's transport of 9p carries; the kernel's own default is a quarter of it, or 8 KiB before Linux 5.15.
const MSIZE_9P: &str = "512000";

/// A file system, as fstab(5) describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// A device, `host:/path`, `//host/share`, or a 9p or virtiofs tag.
    pub source: String,
    /// As in /proc/filesystems; `None` is found out by the source.
    pub kind: Option<String>,
    /// Generic ones (`ro`, `noexec`) and the file system's own. There may be a password among them: no error repeats them.
    pub options: Vec<String>,
}

/// A file system cannot be mounted.
#[derive(Debug, thiserror::Error)]
#[error("could not mount {source_name}{} on {}: {cause}", as_kind(kind.as_deref()), target.display())]
pub struct Error {
    source_name: String,
    kind: Option<String>,
    target: PathBuf,
    /// Why.
    pub cause: Cause,
}

/// Why a file system cannot be mounted.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Neither a share nor a device with a file system that is known.
    #[error("its type cannot be told: {0}; say it with type=")]
    UnknownKind(String),
    /// The device is not there, or cannot be read.
    #[error(transparent)]
    Device(Box<crate::Error>),
    /// A share that is not written as one.
    #[error("a share of this type is written {0}")]
    NotAShare(&'static str),
    /// The server's name has no address.
    #[error("the name {host} cannot be resolved: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The server does not answer.
    #[error("the server does not accept connections on port {port}: {reason}")]
    Unreachable {
        /// Where it was tried.
        port: u16,
        /// Why.
        reason: std::io::Error,
    },
    /// A file of credentials cannot be read.
    #[error("the file of credentials {} cannot be read: {reason}", path.display())]
    Credentials {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It takes too long.
    #[error("the server does not answer for {} s", PATIENCE.as_secs())]
    TimedOut,
    /// The kernel says no.
    #[error("{errno}{}{}", hint(*errno), in_brackets(said))]
    Refused {
        /// Its code.
        errno: Errno,
        /// Its own words, where it has any.
        said: String,
    },
}

/// Mounts `spec` on the folder `target`.
///
/// # Errors
/// When the source is not there or not what it should be, or the kernel refuses. No server keeps this waiting for much longer than a minute.
pub fn mount(spec: &Spec, target: &Path) -> Result<(), Error> {
    let kind = spec.kind.clone().map_or_else(|| kind_of(&spec.source), Ok);
    let failed =
        |kind, cause| Error { source_name: spec.source.clone(), kind, target: target.to_owned(), cause };
    let kind = kind.map_err(|cause| failed(None, cause))?;
    mount_as(&kind, spec, target).map_err(|cause| failed(Some(kind), cause))
}

/// Whether it is on another machine, so that mounting it needs the network.
pub fn needs_network(spec: &Spec) -> bool {
    match spec.kind.as_deref() {
        Some(kind) => matches!(kind, "nfs" | "nfs4" | "cifs" | "smb3"),
        None => spec.source.starts_with("//") || share::nfs(&spec.source).is_some(),
    }
}

fn mount_as(kind: &str, spec: &Spec, target: &Path) -> Result<(), Cause> {
    let mut options = Options::split(&spec.options);
    match kind {
        "nfs" | "nfs4" => return nfs::mount(kind, &spec.source, &options, target),
        "cifs" | "smb3" => return cifs::mount(kind, &spec.source, options, target),
        "9p" => add_9p_defaults(&mut options),
        _ if spec.source.starts_with("/dev/") => drop(device::wait_for(Path::new(&spec.source))?),
        _ => {}
    }
    Ok(Request { kind, source: &spec.source, options: &options, patience: PATIENCE }.mount(target)?)
}

fn kind_of(source: &str) -> Result<String, Cause> {
    if source.starts_with("//") {
        return Ok("cifs".to_owned());
    }
    if !source.starts_with('/') && share::nfs(source).is_some() {
        return Ok("nfs".to_owned());
    }
    if !source.starts_with('/') {
        return Err(Cause::UnknownKind("it is no path and no share".to_owned()));
    }
    match device::wait_for(Path::new(source)).and_then(|device| device::content(&device))? {
        Content::Known(found) if found.family.is_file_system() => Ok(found.name.to_owned()),
        Content::Known(found) => Err(Cause::UnknownKind(format!("it holds {found}"))),
        Content::Blank | Content::Unknown => {
            Err(Cause::UnknownKind("it holds no file system that is known".to_owned()))
        }
    }
}

/// QEMU is nearly always the other end.
fn add_9p_defaults(options: &mut Options) {
    options.set_default("trans", "virtio");
    options.set_default("version", "9p2000.L");
    options.set_default("msize", MSIZE_9P);
}

impl From<crate::Error> for Cause {
    fn from(error: crate::Error) -> Self {
        Self::Device(Box::new(error))
    }
}

impl From<Failure> for Cause {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TimedOut => Self::TimedOut,
            Failure::Refused { errno, said } => Self::Refused { errno, said },
        }
    }
}

fn as_kind(kind: Option<&str>) -> String {
    kind.map_or_else(String::new, |kind| format!(" ({kind})"))
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::NODEV => {
            ": the kernel does not know this type; append the archive with its module to the initramfs"
        }
        Errno::NOENT => ": there is no such device, tag or exported folder",
        Errno::ACCESS | Errno::PERM => ": the server does not let this machine in",
        Errno::INVAL => ": an option is wrong, or what is there is not of this type",
        _ => "",
    }
}
