//! What can go wrong before the container's command runs, and which exit code that is.

use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Why a container did not start. One clear line each; it crosses process boundaries, so it holds text and no live error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum StartError {
    /// The command exists and cannot be executed.
    #[error("{0}")]
    CannotInvoke(String),
    /// The command does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The container could not be made: everything that is not the command's own fault.
    #[error("{0}")]
    Setup(String),
}

impl StartError {
    /// The exit status that stands for this error (podman-run(1), "Exit Status"): 125, 126 or 127.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setup(_) => 125,
            Self::CannotInvoke(_) => 126,
            Self::NotFound(_) => 127,
        }
    }
}

/// The result of one step of the set-up.
pub(super) type Step<T> = Result<T, StartError>;

/// Says what was being done when a system call failed.
pub(super) trait During<T> {
    /// Turns an error into `WHAT: ERROR`.
    fn during<D: Display>(self, what: impl FnOnce() -> D) -> Step<T>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during<D: Display>(self, what: impl FnOnce() -> D) -> Step<T> {
        self.map_err(|error| setup(format_args!("{}: {error}", what())))
    }
}

/// An error of the set-up.
pub(super) fn setup(message: impl Display) -> StartError {
    StartError::Setup(message.to_string())
}
