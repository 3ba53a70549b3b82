//! Passwords in container lines: `--creds USER:PASSWORD`.
//!
//! Where a line is broken or ambiguous, too much is hidden rather than too little.

use crate::shell::{self, Segment, ShellWord};
use std::ops::Range;

const FLAG: &str = "--creds";

/// `line` with `***` for every password.
pub(crate) fn masked(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut end = 0;
    for password in passwords(line) {
        shown.push_str(&line[end..password.start]);
        shown.push_str("***");
        end = password.end;
    }
    shown.push_str(&line[end..]);
    shown
}

/// Where the passwords of `line` stand, in its bytes, in order and apart from each other. Its quotes may be broken.
pub(crate) fn passwords(line: &str) -> Vec<Range<usize>> {
    let (words, broken) = shell::words_of_broken(line);
    let mut found = Vec::new();
    let mut is_value = false;
    for word in &words {
        let name = literal(word);
        let raw = &line[word.span.clone()];
        if is_value || name.strip_prefix(FLAG).is_some_and(|rest| rest.starts_with('=')) {
            found.extend(password(raw, word.span.start));
        } else if let (true, Some(flag)) = (broken && name != FLAG, raw.find(FLAG)) {
            // A quote that is missing may have swallowed the flag: nobody knows where its value ends.
            let start = word.span.start + flag;
            found.extend(line[start..].find(':').map(|colon| start + colon + 1..line.len()));
            break;
        }
        is_value = name == FLAG;
    }
    found.retain(|password| !password.is_empty());
    found
}

/// What follows the first colon of a word that starts at `start`, without the quote that closes it.
fn password(raw: &str, start: usize) -> Option<Range<usize>> {
    let colon = raw.find(':')?;
    let is_open = |quote: &char| raw[..colon].matches(*quote).count() % 2 == 1;
    let closing = ['\'', '"'].iter().find(|quote| is_open(quote)).filter(|quote| raw.ends_with(**quote));
    Some(start + colon + 1..start + raw.len() - usize::from(closing.is_some()))
}

/// The word as far as it is known before variables are.
fn literal(word: &ShellWord) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(text.clone()),
        Segment::Variable { .. } => None,
    };
    word.segments.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        for (line, expected) in [
            ("-t  img sh -c 'a b:c'", "-t  img sh -c 'a b:c'"),
            ("--creds me:secret img:1", "--creds me:*** img:1"),
            ("--creds  \t me:secret img", "--creds  \t me:*** img"),
            ("-t --creds=me:sec:ret img echo", "-t --creds=me:*** img echo"),
            ("--creds 'me:sec ret' img", "--creds 'me:***' img"),
            ("--creds=\"me:secret\" img", "--creds=\"me:***\" img"),
            ("'--creds=me:secret' img", "'--creds=me:***' img"),
            ("\"--creds\" me:sec\\ ret img", "\"--creds\" me:*** img"),
            ("--creds a:secret --creds=é:secret b", "--creds a:*** --creds=é:*** b"),
            ("--creds $USER:secret img", "--creds $USER:*** img"),
            ("--creds me img:1", "--creds me img:1"),
            ("--creds me: img", "--creds me: img"),
            ("--creds", "--creds"),
            ("", ""),
        ] {
            assert_eq!(masked(line), expected, "{line}");
        }
    }

    #[test]
    fn broken_lines_hide_more_rather_than_less() {
        for (line, expected) in [
            ("--creds 'me:secret img", "--creds 'me:***"),
            ("--creds=me:sec\"ret img", "--creds=me:***"),
            ("--creds me:secret img 'sh", "--creds me:*** img 'sh"),
            ("--creds me:${secret img", "--creds me:***"),
            ("-e 'A=b --creds me:secret img", "-e 'A=b --creds me:***"),
            ("-e 'A=b --creds 'me:secret img'", "-e 'A=b --creds 'me:***"),
            ("-v a:b 'img", "-v a:b 'img"),
        ] {
            assert_eq!(masked(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_can_be_masked(line in "(?s)(--creds|[ :='\"\\\\${é]|x){0,20}|.{0,40}") {
            let found = passwords(&line);
            prop_assert!(found.is_sorted_by(|one, next| one.end <= next.start));
            masked(&line);
        }
    }
}
