//! Container lines, read before anything is pulled: a mistake in the last step must not cost the run of the first.

use super::state::State;
use container::flags::{self, RunRequest};
use image::Reference;
use options::{ContainerLine, Options};

/// A container line that has been understood.
pub struct Request {
    /// The text users see ([`ContainerLine::shown`]).
    pub text: String,
    /// Flags, image and command.
    pub run: RunRequest,
    /// The image's name.
    pub image: Reference,
}

/// Reads one line with the variables as they are now.
pub fn read(line: &ContainerLine, state: &State) -> Result<Request, String> {
    let words: Vec<String> =
        line.expand(&|name| state.lookup(name)).into_iter().map(|word| word.text).collect();
    let run = flags::parse(&words).map_err(|error| error.to_string())?;
    let image = Reference::parse(&run.image).map_err(|error| error.to_string())?;
    Ok(Request { text: line.shown(), run, image })
}

/// A container line that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("{option}=\"{text}\": {reason}")]
pub struct BadLine {
    option: &'static str,
    /// The text users see ([`ContainerLine::shown`]).
    pub text: String,
    reason: String,
}

/// Reads every line of the pipeline for its mistakes.
pub fn check(options: &Options) -> Vec<BadLine> {
    let groups = [
        ("b2c.run_service", &options.run_service),
        ("b2c.run", &options.run),
        ("b2c.run_post", &options.run_post),
    ];
    let state = State::default();
    let check_one = |option, line: &ContainerLine| {
        read(line, &state).err().map(|reason| BadLine { option, text: line.shown(), reason })
    };
    groups
        .into_iter()
        .flat_map(|(option, lines)| lines.iter().filter_map(move |line| check_one(option, line)))
        .collect()
}
