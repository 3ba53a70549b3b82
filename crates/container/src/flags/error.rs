//! What can be wrong with a container line.

use std::borrow::Cow;

/// What is wrong with a value, and what to write instead.
pub(super) type Why = Cow<'static, str>;

/// A mistake in a container line and where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FlagError {
    /// Index of the offending word; one past the last word where something is missing at the end.
    pub word: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a container line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// podman run has no such flag.
    #[error("{}: podman run has no such flag{}", one_line(flag), hint(*.closest))]
    Unknown {
        /// As written.
        flag: String,
        /// The flag that was perhaps meant.
        closest: Option<&'static str>,
    },
    /// podman run has it, this program does not.
    #[error("--{flag}: not supported here: {why}")]
    Refused {
        /// Its long name.
        flag: &'static str,
        /// Why, and what to do instead.
        why: &'static str,
    },
    /// A flag without its value.
    #[error("--{flag}: its value is missing: write --{flag}={placeholder}")]
    MissingValue {
        /// Its long name.
        flag: &'static str,
        /// What its value stands for.
        placeholder: &'static str,
    },
    /// A value that the flag cannot take.
    #[error("--{flag}={}: {}", one_line(value), one_line(why))]
    BadValue {
        /// Its long name.
        flag: &'static str,
        /// As written; `…` for a secret.
        value: String,
        /// What is wrong with it and what to write instead.
        why: Why,
    },
    /// Flags that exclude each other.
    #[error("--{flag}: {}", one_line(why))]
    Conflict {
        /// Long name of the flag that is in the way.
        flag: &'static str,
        /// What it collides with.
        why: Why,
    },
    /// The line ends before the image.
    #[error("no image: after the flags, name the image to run, such as docker.io/library/alpine:latest")]
    NoImage,
}

/// Longest text of a user or an image that a message repeats, in characters.
const LONGEST_QUOTE: usize = 200;

/// A foreign text, fit for one line of the console: no line breaks, no terminal sequences, no megabytes.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars().take(LONGEST_QUOTE) {
        if letter.is_control() { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        line.push('…');
    }
    line
}

fn hint(closest: Option<&'static str>) -> String {
    closest.map(|name| format!("; did you mean --{name}?")).unwrap_or_default()
}
