//! Every flag of podman run (4.3 to 5.x), in one table.

mod image;
mod isolation;
mod machine;
mod mounts;
mod names;
mod process;
mod refused;
mod unused;

use super::error::Why;
use super::request::RunRequest;

/// One flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Without its dashes.
    pub long: &'static str,
    /// The letter of its short form.
    pub short: Option<char>,
    /// Other long names.
    pub aliases: &'static [&'static str],
    /// What its value is.
    pub value: Value,
    /// What it does here.
    pub action: Action,
    /// For people: one or two sentences. Empty where the action says why there is nothing to say.
    pub help: &'static str,
}

/// What a flag's value is; the text stands for it in the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// None, or `=true`, `=false`.
    Switch,
    /// The last one wins.
    One(&'static str),
    /// Repeatable, and several with commas between them.
    List(&'static str),
    /// Repeatable; a comma is part of it.
    Each(&'static str),
}

/// What a flag does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Turns something on or off.
    Switch(fn(&mut RunRequest, bool)),
    /// Checks and takes a value.
    Value(fn(&mut RunRequest, &str) -> Result<(), Why>),
    /// Accepted; the text says why it changes nothing.
    Ignored(&'static str),
    /// Refused by name; the text says why and what to do instead.
    Refused(&'static str),
}

/// A part of the table, as docs/run-flags.md is divided.
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// In the order of their names.
    pub flags: &'static [Flag],
}

/// The whole table.
pub static SECTIONS: [Section; 8] = [
    Section { title: "The image", flags: &image::FLAGS },
    Section { title: "The process", flags: &process::FLAGS },
    Section { title: "Volumes and other mounts", flags: &mounts::FLAGS },
    Section { title: "Names and addresses", flags: &names::FLAGS },
    Section { title: "Privileges and isolation", flags: &isolation::FLAGS },
    Section { title: "Limits and devices", flags: &machine::FLAGS },
    Section { title: "Accepted, without effect here", flags: &unused::FLAGS },
    Section { title: "Refused", flags: &refused::FLAGS },
];

/// All flags.
pub fn flags() -> impl Iterator<Item = &'static Flag> {
    SECTIONS.iter().flat_map(|section| section.flags)
}

/// The flag whose name is most like `name`, if any is.
pub(super) fn closest(name: &str) -> Option<&'static str> {
    // Hostile lines may be megabytes long; no flag is.
    if name.len() > 40 {
        return None;
    }
    let wanted = flags().filter(|flag| !matches!(flag.action, Action::Refused(_)));
    let names = wanted.flat_map(|flag| std::iter::once(flag.long).chain(flag.aliases.iter().copied()));
    names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(3))
        .min()
        .map(|(_, known)| known)
}

impl Flag {
    /// What a message may show of its value: of a secret, nothing, as the user's name may be the mistyped password.
    pub(super) fn shown(&self, value: &str) -> String {
        if self.long == "creds" { "…".to_owned() } else { value.to_owned() }
    }

    const fn new(long: &'static str, value: Value, action: Action, help: &'static str) -> Self {
        Self { long, short: None, aliases: &[], value, action, help }
    }

    const fn switch(long: &'static str, set: fn(&mut RunRequest, bool), help: &'static str) -> Self {
        Self::new(long, Value::Switch, Action::Switch(set), help)
    }

    const fn value(
        long: &'static str,
        value: Value,
        set: fn(&mut RunRequest, &str) -> Result<(), Why>,
        help: &'static str,
    ) -> Self {
        Self::new(long, value, Action::Value(set), help)
    }

    const fn ignored(long: &'static str, value: Value, why: &'static str) -> Self {
        Self::new(long, value, Action::Ignored(why), "")
    }

    const fn refused(long: &'static str, value: Value, why: &'static str) -> Self {
        Self::new(long, value, Action::Refused(why), "")
    }

    const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }
}

/// Sets a field, for flags that cannot fail once their value is read: `Ok(())` in one expression.
fn set<T>(field: &mut T, value: T) -> Result<(), Why> {
    *field = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_twice() {
        let mut seen = BTreeSet::new();
        for flag in flags() {
            let names = std::iter::once(flag.long).chain(flag.aliases.iter().copied()).map(str::to_owned);
            for name in names.chain(flag.short.map(|letter| format!("-{letter}"))) {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }

    #[test]
    fn rows_are_whole_and_sorted() {
        for section in &SECTIONS {
            assert!(section.flags.is_sorted_by_key(|flag| flag.long), "{}", section.title);
            for flag in section.flags {
                let switch = flag.value == Value::Switch;
                match flag.action {
                    Action::Switch(_) => assert!(switch && !flag.help.is_empty(), "{}", flag.long),
                    Action::Value(_) => assert!(!switch && !flag.help.is_empty(), "{}", flag.long),
                    Action::Ignored(why) | Action::Refused(why) => assert!(!why.is_empty(), "{}", flag.long),
                }
            }
        }
    }

    #[test]
    fn hints() {
        assert_eq!(closest("entrypiont"), Some("entrypoint"));
        assert_eq!(closest("volumes"), Some("volume"));
        assert_eq!(closest("evn"), Some("env"));
        assert_eq!(closest("frobnicate"), None);
    }
}
