//! podman-run flags + image config → [`Spec`] → a process with tty and exit status.
pub mod flags;
pub mod spec;
pub use spec::Spec;
