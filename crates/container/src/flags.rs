//! The words of a container line → [`RunRequest`], as podman-run(1) reads them.
//!
//! One table ([`table`]) lists every flag of podman run: those that work here, those that are accepted because they change nothing
//! here, and those that are refused by name. The parser, the hints and docs/run-flags.md all come from it. Nothing here touches the
//! system: all that can be found wrong in a line is found wrong on a desk, before a machine is booted with it.
mod capability;
mod check;
mod device;
mod docs;
mod env;
mod error;
mod lexer;
mod limits;
mod mount;
mod network;
mod request;
mod security;
mod signal;
pub mod table;

pub use docs::docs;
pub use env::EnvArg;
pub use error::{FlagError, Reason};
pub use limits::Limits;
pub use mount::{MountArg, MountKind};
pub use network::{HostAddress, Resolver};
pub use request::{Credentials, ImageVolumes, Platform, PullPolicy, RunRequest, Systemd};
pub use security::{CapabilityChange, SecurityOptions};

pub(crate) use capability::all_up_to as all_capabilities;
pub(crate) use error::one_line;
pub(crate) use mount::{MountOptions, clean_path};
pub(crate) use signal::parse as parse_signal;

/// Reads a container line: flags, an image, a command.
///
/// Flags end at the first word that is not one, which is the image; everything after it is the command and is not looked at.
///
/// # Errors
///
/// The first mistake, with the word it is in.
pub fn parse(words: &[String]) -> Result<RunRequest, FlagError> {
    let mut request = RunRequest::default();
    let given = lexer::read_flags(words, &mut request)?;
    check::check(&request, &given)?;
    Ok(request)
}
