//! What can go wrong before the container's command runs, and which exit code that is.

use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Characters of an error. Two paths of ordinary length fit; a message of [`Channel`](super::channel::Channel) has room for it.
const LONGEST_LINE: usize = 4096;

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
    StartError::Setup(line(message))
}

/// One line of bounded length. An image chooses names that end up here, and the console is read by programs.
pub(super) fn line(message: impl Display) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    message.to_string().chars().take(LONGEST_LINE).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_error_is_one_short_printable_line(text: String, repeat in 1_usize..2000) {
            let StartError::Setup(line) = setup(text.repeat(repeat)) else { panic!("not a set-up error") };
            prop_assert!(line.len() <= 4 * LONGEST_LINE);
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
