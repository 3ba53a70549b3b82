//! Which cuts are asked for.

use std::ops::Range;

/// How many of them CI makes.
const CUTS: u64 = 20;

/// As the environment says.
pub fn wanted() -> Range<u64> {
    let first = number("B2C_SEED").unwrap_or(0);
    first..first + number("B2C_CUTS").unwrap_or(CUTS)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}
