//! Environment variables: `--env`.

use super::error::Why;
use super::request::RunRequest;

/// One `--env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvArg {
    /// `KEY=VALUE`.
    Set(String, String),
    /// `KEY`: its value comes from b2c's own environment, if it is set there.
    Inherit(String),
    /// `PREFIX*`: all of b2c's own that begin so.
    InheritPrefix(String),
}

impl EnvArg {
    /// Reads `KEY=VALUE`, `KEY` or `PREFIX*`; `None` without a name. Lines of an environment file have the same form.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('=') {
            Some(("", _)) => None,
            Some((key, value)) => Some(Self::Set(key.to_owned(), value.to_owned())),
            None if text.is_empty() => None,
            None => Some(match text.strip_suffix('*') {
                Some(prefix) => Self::InheritPrefix(prefix.to_owned()),
                None => Self::Inherit(text.to_owned()),
            }),
        }
    }
}

pub(super) fn env(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    request.env.push(EnvArg::parse(text).ok_or("the name is missing; write KEY=VALUE")?);
    Ok(())
}

/// A command line or a JSON array of strings; an empty one clears the image's entrypoint.
pub(super) fn entrypoint(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // As podman: what is no JSON array is one word, even with a `[` or blanks in it.
    let words = serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| vec![text.to_owned()]);
    request.entrypoint = Some(if words == [""] { Vec::new() } else { words });
    Ok(())
}
