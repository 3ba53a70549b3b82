//! Text of a kernel command line → typed [`Options`] and [`Diagnostic`]s. No I/O: everything here runs the same on a desk and at boot.
//!
//! The text is cut twice: first into words, as the kernel does (`words`), and then, for container lines and command lists
//! only, into the words of a shell (`shell`). A [`table`] says which options there are; each row reads its own value. Every piece of text
//! knows where it was written (`located`), so that a mistake can be shown in its place.
#![forbid(unsafe_code)]

mod credentials;
mod diagnostic;
pub mod docs;
pub mod groups;
mod lines;
mod located;
mod options;
mod parse;
mod references;
mod secret;
mod shell;
pub mod smbios;
pub mod table;
mod url;
mod values;
mod words;

pub use diagnostic::{Diagnostic, Fatal, Severity};
pub use groups::machine::{Fetched, ModuleSource};
pub use groups::network::{
    Address, Ca, CaSource, Iface, Link, Login, Method, NtpPeer, Place, Proxy, RegistryMirror, Route,
};
pub use groups::shutdown::ReportSink;
pub use groups::storage::{Budget, Cache, CacheDevice, Filesystem, ImageStores, Nbd, Swap, SwapSpace};
pub use groups::volumes::{Conditions, Expiration, Remote, S3Alias, Volume};
pub use lines::{CommandList, ContainerLine, Variable, Word};
pub use options::{DEFAULT_WATCHDOG, Options};
pub use parse::{Parsed, parse, parse_texts};
pub use secret::Secret;
pub use shell::{ShellError, ShellErrorKind};
pub use url::shown_url;

/// What the names of our own options begin with.
pub const PREFIX: &str = "b2c.";
