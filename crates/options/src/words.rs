//! The first cut: text → words, as the kernel command line is written.
//!
//! Blanks separate. `"` groups and may start anywhere in a word; pieces join. Inside quotes `\"` is a literal `"`; every other
//! backslash stands for itself, also in `\\`. There is no other escape, and `'` means nothing here.

use crate::located::Located;
use std::ops::Range;

/// One word, without its quotes.
#[derive(Debug)]
pub(crate) struct RawWord {
    /// The decoded text.
    pub(crate) body: Located,
    /// Where it is written, with its quotes.
    pub(crate) span: Range<usize>,
}

/// What [`split`] found.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) words: Vec<RawWord>,
    /// The byte of a `"` that is never closed: its word runs to the end of the text.
    pub(crate) unterminated: Option<usize>,
}

/// Whether lines that start with `#` are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comments {
    /// As in extra args.
    Skipped,
    /// As on the command line, which is one line: a `#!jinja2` in front of it must not hide all of it.
    AreWords,
}

/// Splits `text` into words.
pub(crate) fn split(text: &str, comments: Comments) -> Split {
    let mut split = Split::default();
    let mut word: Option<RawWord> = None;
    let mut quote: Option<usize> = None;
    let mut line_is_blank = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && is_blank(c) {
            split.words.extend(word.take());
            line_is_blank |= c == '\n';
            continue;
        }
        if quote.is_none() && c == '#' && line_is_blank && comments == Comments::Skipped {
            while chars.next_if(|&(_, c)| c != '\n').is_some() {}
            continue;
        }
        line_is_blank = false;
        let word = word.get_or_insert_with(|| RawWord { body: Located::starting_at(at), span: at..at });
        word.span.end = at + c.len_utf8();
        match (c, quote) {
            ('"', None) => quote = Some(at),
            ('"', Some(_)) => quote = None,
            ('\\', Some(_)) => match chars.next_if(|&(_, c)| c == '"') {
                Some((at, c)) => {
                    word.body.push(c, at);
                    word.span.end = at + 1;
                }
                None => word.body.push(c, at),
            },
            _ => word.body.push(c, at),
        }
    }
    split.words.extend(word);
    split.unterminated = quote;
    split
}

/// ASCII white space, as the kernel has it (lib/cmdline.c uses isspace()).
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str, comments: Comments) -> Vec<String> {
        split(text, comments).words.iter().map(|word| word.body.as_slice().text().to_owned()).collect()
    }

    fn words(text: &str) -> Vec<String> {
        texts(text, Comments::AreWords)
    }

    #[test]
    fn blanks_separate_and_quotes_group() {
        assert_eq!(words("  a \t b\n c\r\n"), ["a", "b", "c"]);
        assert_eq!(words(r#"b2c.run="-ti  img x" quiet"#), ["b2c.run=-ti  img x", "quiet"]);
        assert_eq!(words(r#""b2c.run=-ti img x""#), ["b2c.run=-ti img x"]);
        assert_eq!(words(r#"b2c.run="a"b"c d" e"#), ["b2c.run=abc d", "e"]);
        assert_eq!(words(r#"extra="" "" x"#), ["extra=", "", "x"]);
    }

    #[test]
    fn an_escaped_quote_is_literal_inside_quotes_only() {
        assert_eq!(words(r#"x="a \"b\" c" y"#), [r#"x=a "b" c"#, "y"]);
        assert_eq!(words(r#"x=\"a b" y"#), [r"x=\a b", "y"]);
        assert_eq!(words(r#"x="a\nb\\" y""#), [r#"x=a\nb\" y"#]);
    }

    #[test]
    fn single_quotes_mean_nothing() {
        assert_eq!(words("x='a b'"), ["x='a", "b'"]);
    }

    #[test]
    fn an_unterminated_quote_runs_to_the_end() {
        let split = split("a x=\"b c\nd", Comments::AreWords);
        assert_eq!(split.unterminated, Some(4));
        assert_eq!(split.words[1].body.as_slice().text(), "x=b c\nd");
    }

    #[test]
    fn comment_lines_are_for_extra_args_only() {
        let text = "# one \"\n a # not\n\n\t#two\n\"x\n# kept\" b";
        assert_eq!(texts(text, Comments::Skipped), ["a", "#", "not", "x\n# kept", "b"]);
        assert_eq!(words("#!jinja2 a"), ["#!jinja2", "a"]);
    }

    #[test]
    fn spans_include_quotes() {
        let text = r#"é b2c.run="a \"b" c"#;
        let split = split(text, Comments::AreWords);
        let spans: Vec<_> = split.words.iter().map(|word| &text[word.span.clone()]).collect();
        assert_eq!(spans, ["é", r#"b2c.run="a \"b""#, "c"]);
    }

    proptest! {
        #[test]
        fn any_text_splits_with_spans_inside_it(text in "(?s)[ab=\"\\\\# \nés.]{0,40}|.{0,40}") {
            for word in split(&text, Comments::Skipped).words {
                prop_assert!(text.get(word.span.clone()).is_some());
                let body = word.body.as_slice();
                for (at, c) in body.text().char_indices() {
                    let span = body.part(at..at + c.len_utf8()).span();
                    prop_assert_eq!(text.get(span).map(str::to_owned), Some(c.to_string()));
                }
            }
        }

        #[test]
        fn quoted_words_come_back_as_they_were(list in prop::collection::vec("[^\"\\\\]{0,12}", 0..6)) {
            let line: Vec<String> = list.iter().map(|word| format!("\"{word}\"")).collect();
            prop_assert_eq!(words(&line.join(" ")), list);
        }
    }
}
