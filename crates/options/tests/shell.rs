//! Our shell words against a real shell: what both accept, both read the same way.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::ContainerLine;
use proptest::prelude::*;
use std::process::Command;

const VARIABLES: [(&str, &str); 4] = [("A", "1"), ("B", " x  y "), ("C", ""), ("D", "'\"\\ $A")];

/// The fields that `sh` makes of `text`; `None` if it is a syntax error.
fn sh(text: &str) -> Option<Vec<String>> {
    // A line of its own, as the text may end in a backslash. Fields end in NUL; the empty list still prints one.
    let script = format!("set -f\nset -- {text}\nprintf '%s\\0' \"$@\"\nprintf %s $#");
    let output = Command::new("sh").arg("-c").arg(script).env_clear().envs(VARIABLES).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut fields: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let count = fields.pop()?.parse::<usize>().ok()?;
    fields.truncate(count);
    output.status.success().then_some(fields)
}

fn ours(text: &str) -> Vec<String> {
    let lookup =
        |name: &str| VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let line = ContainerLine::parse(text);
    line.map(|line| line.expand(&lookup).into_iter().map(|word| word.text).collect()).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Not among the letters: what we leave to the container on purpose (operators, substitutions, `$1`, comments), and
    /// newlines outside quotes, which end a command in `sh`.
    #[test]
    fn words_are_those_of_sh(
        text in r#"( |[ab,]|'[ab" \\$\n]{0,4}'|"([ab' \n]|\\["$\\ab]|\$[ABCD] |\$\{[ABCDE]\}){0,4}"|\\[ab' "$\\]|\$[ABCDE]|\$\{[ABCDE]\}){0,10}"#
    ) {
        if let Some(expected) = sh(&text) {
            prop_assert_eq!(ours(&text), expected);
        }
    }
}

#[test]
fn the_shell_is_really_asked() {
    assert_eq!(sh("a 'b c' \"$B\"$B"), Some(["a", "b c", " x  y ", "x", "y"].map(str::to_owned).to_vec()));
    assert_eq!(sh(""), Some(vec![]));
    assert_eq!(sh("'"), None);
}
