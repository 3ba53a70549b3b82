//! podman-run flags + image config → [`Spec`] → a process with tty and exit status.
pub mod build;
pub mod flags;
pub mod runtime;
pub mod spec;
pub use build::{BuildError, Host, StandIn, build};
pub use spec::Spec;
