//! The shape of the table of options. The rows are in [`groups`](crate::groups), one static per option.
//!
//! Everything that is known about options comes from here: the parser, the hint for a misspelt name and docs/options.md.

use crate::diagnostic::{Fatal, Problem, Report};
use crate::located::Slice;
use crate::options::Options;

/// One row.
#[derive(Debug)]
pub struct OptionSpec {
    /// As it is written on the command line.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// Syntax of the value; empty for an option that is a bare word.
    pub value: &'static str,
    /// What holds without it; empty if that is nothing.
    pub default: &'static str,
    /// True if occurrences add up; else the last one wins.
    pub repeatable: bool,
    /// One line.
    pub help: &'static str,
    /// The rest, in Markdown.
    pub doc: &'static str,
    /// One use, as on a command line.
    pub example: &'static str,
    /// Where it is odd, better or newer than the original's.
    pub marks: &'static [Mark],
    /// Takes one value over into the options.
    pub(crate) update: Update,
    /// If a value that cannot be used must keep everything from running: the reason, made from the value.
    pub(crate) refuse: Option<fn(&str) -> Fatal>,
}

/// Takes one value over, or leaves the options as they were.
pub(crate) type Update = for<'a> fn(Slice<'a>, &mut Options, &mut Report) -> Result<(), Problem<'a>>;

/// How an option differs from the original's.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// Odd, but users depend on it.
    KeptQuirk(&'static str),
    /// Better on purpose.
    Divergence(&'static str),
    /// The original has no such thing.
    New(&'static str),
}

/// Options that belong together.
#[derive(Debug)]
pub struct Group {
    /// Heading in the docs.
    pub title: &'static str,
    /// In the order of the docs.
    pub options: &'static [&'static OptionSpec],
}

impl OptionSpec {
    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// All options.
pub fn all() -> impl Iterator<Item = &'static OptionSpec> {
    crate::groups::GROUPS.iter().flat_map(|group| group.options.iter().copied())
}

/// The option of that name or alias.
pub fn find(name: &str) -> Option<&'static OptionSpec> {
    all().find(|spec| spec.names().any(|known| known == name))
}

/// The name of ours that looks most like `name`.
pub(crate) fn closest_option(name: &str) -> Option<&'static str> {
    closest(name, all().flat_map(OptionSpec::names).filter(|name| name.starts_with(crate::PREFIX)))
}

/// The one of `known` that looks most like `word`.
pub(crate) fn closest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Longer words are no misspellings, and comparing costs the product of the lengths.
    let word: String = word.chars().take(64).collect();
    known.min_by_key(|known| strsim::damerau_levenshtein(&word, known))
}
