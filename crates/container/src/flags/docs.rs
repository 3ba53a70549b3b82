//! docs/run-flags.md.

use super::table::{Action, Flag, SECTIONS, Value};
use std::fmt::Write;

const INTRODUCTION: &str = "\
# Flags of a container line

<!-- Generated from the table in crates/container/src/flags/table; `UPDATE_DOCS=1 cargo test -p container --test flags` writes it again. -->

A container line (`b2c.run`, `b2c.run_post`, `b2c.run_service`) is what follows `podman run`: flags, an image, a command. Flags mean what podman-run(1)
says. This page lists all of them: those that work, those that are accepted because they change nothing here, and those that are refused, by name,
before anything is pulled.

Before the user's flags stand boot2container's own: `--privileged --pull=always --network=host`; a container is removed when it ends. To turn off the
first, write `--privileged=false`.

Values are joined by `=` or follow as the next word: `--env=K=V`, `--env K=V`, `-e K=V`, `-eK=V`. Switches take no value, or `=true` and `=false`. Short
switches can be joined: `-ti`. The first word that is not a flag is the image, and all after it belongs to the command.
";

/// The text of docs/run-flags.md.
pub fn docs() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in &SECTIONS {
        // Writing to a String cannot fail.
        _ = write!(text, "\n## {}\n\n| flag | meaning |\n|---|---|\n", section.title);
        for flag in section.flags {
            _ = writeln!(text, "| {} | {} |", usage(flag), meaning(flag).replace('|', "\\|"));
        }
    }
    text
}

/// `` `--env` `-e` `KEY[=VALUE]` … ``
fn usage(flag: &Flag) -> String {
    let mut text = format!("`--{}`", flag.long);
    for alias in flag.aliases {
        _ = write!(text, " `--{alias}`");
    }
    if let Some(letter) = flag.short {
        _ = write!(text, " `-{letter}`");
    }
    match flag.value {
        Value::Switch => {}
        Value::One(value) => _ = write!(text, " `{value}`"),
        Value::List(value) => _ = write!(text, " `{value}[,…]`, repeatable"),
        Value::Each(value) => _ = write!(text, " `{value}`, repeatable"),
    }
    text
}

fn meaning(flag: &Flag) -> String {
    match flag.action {
        Action::Switch(_) | Action::Value(_) => flag.help.to_owned(),
        Action::Ignored(why) => why.to_owned(),
        // Written as the end of an error line; here it is a sentence.
        Action::Refused(why) => {
            let mut letters = why.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).chain(['.']).collect()
        }
    }
}
