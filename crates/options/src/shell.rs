//! POSIX shell words (XCU 2.2 Quoting, 2.6.2 Parameter Expansion, 2.6.5 Field Splitting) without the shell.
//!
//! Quotes and backslashes are as in `sh`; `$NAME` and `${NAME}` expand outside single quotes. What a command line from
//! outside must not be able to do is left out: no globbing, no command substitution, no operators. Their characters are
//! passed on as they are.
//!
//! Divergence: the original `eval`s these texts, so that `$(…)` ran a command and `$1`, `$$` were the shell's own.

use std::ops::Range;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Stands for itself; an empty one comes from empty quotes and makes an empty word.
    Literal(String),
    /// `$name`. Without quotes its value is split at blanks and an empty one vanishes.
    Variable { name: String, quoted: bool },
}

/// A word before expansion; its span is in bytes of the parsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShellWord {
    pub(crate) segments: Vec<Segment>,
    pub(crate) span: Range<usize>,
}

/// What separates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Blanks, newlines too: one command.
    Words,
    /// Blanks; `;` and newlines end a command.
    Commands,
}

/// Something that a shell would act upon, and we do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// `$(` or a backquote.
    Substitution(Range<usize>),
    /// `|`, `&`, `<` or `>` outside quotes.
    Operator(Range<usize>),
}

/// A parsed text.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Never holds an empty command.
    pub(crate) commands: Vec<Vec<ShellWord>>,
    pub(crate) notes: Vec<Note>,
}

/// Why a text is not made of shell words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ShellError {
    /// The offending bytes of the parsed text.
    pub span: Range<usize>,
    /// What is wrong with them.
    pub kind: ShellErrorKind,
}

/// The ways in which shell words can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShellErrorKind {
    /// A `'` that is never closed.
    #[error("has an opening ' without a closing one")]
    SingleQuote,
    /// A `"` that is never closed.
    #[error("has an opening \" without a closing one")]
    DoubleQuote,
    /// `${` that does not go on as `NAME}`.
    #[error("is not a variable: only ${{NAME}} is known")]
    Variable,
    /// No word at all.
    #[error("is empty")]
    Empty,
}

/// Parses `text`.
pub(crate) fn parse(text: &str, mode: Mode) -> Result<Script, ShellError> {
    let mut scanner =
        Scanner { text, at: 0, mode, word: None, command: Vec::new(), script: Script::default() };
    while scanner.step()? {}
    scanner.end_command();
    Ok(scanner.script)
}

/// The words of a text that may be broken, and whether it is: then the last word runs to the end of the text.
pub(crate) fn words_of_broken(text: &str) -> (Vec<ShellWord>, bool) {
    let mut scanner = Scanner {
        text,
        at: 0,
        mode: Mode::Words,
        word: None,
        command: Vec::new(),
        script: Script::default(),
    };
    let broken = loop {
        match scanner.step() {
            Ok(true) => {}
            Ok(false) => break false,
            Err(error) => {
                scanner.open(error.span.start);
                scanner.at = text.len();
                scanner.close();
                break true;
            }
        }
    };
    scanner.end_word();
    (scanner.command, broken)
}

struct Scanner<'a> {
    text: &'a str,
    /// The next byte to read; always on a character boundary.
    at: usize,
    mode: Mode,
    /// The word being read; `None` between words.
    word: Option<ShellWord>,
    command: Vec<ShellWord>,
    script: Script,
}

impl Scanner<'_> {
    /// Reads one thing outside quotes; false at the end of the text.
    fn step(&mut self) -> Result<bool, ShellError> {
        let start = self.at;
        let Some(c) = self.next() else { return Ok(false) };
        match c {
            '\n' | ';' if self.mode == Mode::Commands => self.end_command(),
            ' ' | '\t' | '\n' | '\r' => self.end_word(),
            '\'' => self.single_quotes(start)?,
            '"' => self.double_quotes(start)?,
            '\\' => match self.next() {
                // A backslash and a newline are a line that goes on.
                Some('\n') => {}
                Some(escaped) => self.push(start, escaped),
                None => self.push(start, '\\'),
            },
            '$' => self.dollar(start, false)?,
            _ => {
                if matches!(c, '|' | '&' | '<' | '>') {
                    self.script.notes.push(Note::Operator(start..self.at));
                }
                self.literal(start, c);
            }
        }
        Ok(true)
    }

    fn single_quotes(&mut self, start: usize) -> Result<(), ShellError> {
        self.open_quotes(start);
        loop {
            let at = self.at;
            match self.next() {
                Some('\'') => break,
                Some(c) => self.push(at, c),
                None => return Err(ShellError { span: start..start + 1, kind: ShellErrorKind::SingleQuote }),
            }
        }
        self.close();
        Ok(())
    }

    fn double_quotes(&mut self, start: usize) -> Result<(), ShellError> {
        self.open_quotes(start);
        loop {
            let at = self.at;
            match self.next() {
                Some('"') => break,
                Some('\\') => match self.next_if(|c| matches!(c, '$' | '`' | '"' | '\\' | '\n')) {
                    Some('\n') => {}
                    Some(escaped) => self.push(at, escaped),
                    None => self.push(at, '\\'),
                },
                Some('$') => self.dollar(at, true)?,
                Some(c) => self.literal(at, c),
                None => return Err(ShellError { span: start..start + 1, kind: ShellErrorKind::DoubleQuote }),
            }
        }
        self.close();
        Ok(())
    }

    /// After a `$` at `start`: a variable, or a plain `$`.
    fn dollar(&mut self, start: usize, quoted: bool) -> Result<(), ShellError> {
        let rest = &self.text[self.at..];
        if rest.starts_with('(') {
            self.script.notes.push(Note::Substitution(start..self.at + 1));
        }
        let name = match rest.strip_prefix('{') {
            Some(inside) => {
                let name = name_at_start(inside);
                if name.is_empty() || !inside[name.len()..].starts_with('}') {
                    let end = rest.find('}').map_or(self.text.len(), |end| self.at + end + 1);
                    return Err(ShellError { span: start..end, kind: ShellErrorKind::Variable });
                }
                self.at += name.len() + 2;
                name
            }
            None => {
                let name = name_at_start(rest);
                self.at += name.len();
                name
            }
        };
        if name.is_empty() {
            self.push(start, '$');
        } else {
            let variable = Segment::Variable { name: name.to_owned(), quoted };
            self.open(start).segments.push(variable);
            self.close();
        }
        Ok(())
    }

    /// A character that stands for itself, but might have meant something to a shell.
    fn literal(&mut self, start: usize, c: char) {
        if c == '`' {
            self.script.notes.push(Note::Substitution(start..start + 1));
        }
        self.push(start, c);
    }

    fn push(&mut self, start: usize, c: char) {
        let word = self.open(start);
        match word.segments.last_mut() {
            Some(Segment::Literal(text)) => text.push(c),
            _ => word.segments.push(Segment::Literal(c.to_string())),
        }
        self.close();
    }

    /// The word being read, which starts at `start` if there was none.
    fn open(&mut self, start: usize) -> &mut ShellWord {
        self.word.get_or_insert_with(|| ShellWord { segments: Vec::new(), span: start..start })
    }

    /// Quotes make a field even if nothing is in them.
    fn open_quotes(&mut self, start: usize) {
        let word = self.open(start);
        if !matches!(word.segments.last(), Some(Segment::Literal(_))) {
            word.segments.push(Segment::Literal(String::new()));
        }
    }

    /// Stretches the word being read to what was read.
    fn close(&mut self) {
        if let Some(word) = &mut self.word {
            word.span.end = self.at;
        }
    }

    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.command.is_empty() {
            self.script.commands.push(std::mem::take(&mut self.command));
        }
    }

    fn next(&mut self) -> Option<char> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.text[self.at..].chars().next().filter(|&c| wanted(c))?;
        self.at += c.len_utf8();
        Some(c)
    }
}

/// The longest name (XBD 3.216) that `text` starts with.
fn name_at_start(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The fields that `word` becomes: none, one or several.
pub(crate) fn expand(word: &ShellWord, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field: Option<String> = None;
    for segment in &word.segments {
        match segment {
            Segment::Literal(text) => field.get_or_insert_default().push_str(text),
            Segment::Variable { name, quoted: true } => {
                field.get_or_insert_default().push_str(&lookup(name).unwrap_or_default());
            }
            Segment::Variable { name, quoted: false } => {
                for c in lookup(name).unwrap_or_default().chars() {
                    if matches!(c, ' ' | '\t' | '\n') {
                        fields.extend(field.take());
                    } else {
                        field.get_or_insert_default().push(c);
                    }
                }
            }
        }
    }
    fields.extend(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "ONE" => "1",
            "TWO" => "a b",
            "WIDE" => " a  b ",
            "BLANK" => "  ",
            "STAR" => "*'\"$ONE",
            "EMPTY" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn fields(text: &str) -> Vec<String> {
        let script = parse(text, Mode::Words).unwrap();
        script.commands.iter().flatten().flat_map(|word| expand(word, &lookup)).collect()
    }

    fn error(text: &str) -> (Range<usize>, ShellErrorKind) {
        let error = parse(text, Mode::Words).unwrap_err();
        (error.span, error.kind)
    }

    /// tests/shell.rs compares with a real shell; here is also what differs from one on purpose.
    #[test]
    fn words_are_as_in_a_shell() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\n", &[]),
            ("a  b\tc\nd", &["a", "b", "c", "d"]),
            ("'a b'c\"d e\"", &["a bcd e"]),
            ("'' \"\" x", &["", "", "x"]),
            (r"a\ b \'x \\", &["a b", "'x", r"\"]),
            ("a\\\nb", &["ab"]),
            (r#""\$ONE \\ \" \` \x""#, &[r#"$ONE \ " ` \x"#]),
            (r"'\$ONE'", &[r"\$ONE"]),
            ("'$PWD'/x", &["$PWD/x"]),
            ("$ONE ${ONE}2 $ONE-", &["1", "12", "1-"]),
            ("x$TWO.y", &["xa", "b.y"]),
            ("x${WIDE}y", &["x", "a", "b", "y"]),
            ("\"x$WIDE\"", &["x a  b "]),
            ("$NONE ${EMPTY} a$NONE", &["a"]),
            ("\"$NONE\" $EMPTY''", &["", ""]),
            ("''$BLANK x", &["", "x"]),
            ("$STAR", &["*'\"$ONE"]),
            ("$ $1 $$ a$ \"$\"", &["$", "$1", "$$", "a$", "$"]),
            ("a|b;c >d & *", &["a|b;c", ">d", "&", "*"]),
        ];
        for (text, expected) in table {
            assert_eq!(fields(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn broken_texts_say_where() {
        assert_eq!(error("ab 'c"), (3..4, ShellErrorKind::SingleQuote));
        assert_eq!(error("é \"c 'd'"), (3..4, ShellErrorKind::DoubleQuote));
        assert_eq!(error("a ${B:-c} d"), (2..9, ShellErrorKind::Variable));
        assert_eq!(error("${"), (0..2, ShellErrorKind::Variable));
        assert_eq!(error("\"${}\""), (1..4, ShellErrorKind::Variable));
        assert_eq!(error("${1}"), (0..4, ShellErrorKind::Variable));
    }

    #[test]
    fn substitutions_stay_as_they_are_and_are_noted() {
        let script = parse("echo $(id) \"`id`\" '$(x)'", Mode::Words).unwrap();
        let notes = [5..7, 12..13, 15..16].map(Note::Substitution);
        assert_eq!(script.notes, notes);
        assert_eq!(fields("echo $(id) \"`id`\""), ["echo", "$(id)", "`id`"]);
    }

    #[test]
    fn commands_end_at_semicolons_and_newlines() {
        let script = parse(";a 'b;c' \\; d;; e\nf;", Mode::Commands).unwrap();
        let commands: Vec<Vec<String>> = script
            .commands
            .iter()
            .map(|words| words.iter().flat_map(|word| expand(word, &lookup)).collect())
            .collect();
        assert_eq!(commands, [vec!["a", "b;c", ";", "d"], vec!["e"], vec!["f"]]);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_says_where(text in "(?s)[a'\"\\\\${}A( ;\né`]{0,40}|.{0,40}", commands: bool) {
            let mode = if commands { Mode::Commands } else { Mode::Words };
            match parse(&text, mode) {
                Ok(script) => {
                    for word in script.commands.iter().flatten() {
                        prop_assert!(text.get(word.span.clone()).is_some_and(|text| !text.is_empty()));
                        expand(word, &lookup);
                    }
                }
                Err(error) => prop_assert!(text.get(error.span).is_some_and(|text| !text.is_empty())),
            }
        }

        #[test]
        fn single_quoted_words_come_back_as_they_were(list in prop::collection::vec("(?s)[^']{0,12}", 0..6)) {
            let line: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(fields(&line.join(" ")), list);
        }
    }
}
