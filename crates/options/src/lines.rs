//! Container lines and command lists: parsed once, expanded when their variables are known.

use crate::credentials;
use crate::shell::{self, Mode, Note, Script, ShellError, ShellErrorKind, ShellWord};
use std::ops::Range;

/// A value of `b2c.run`, `b2c.run_post` or `b2c.run_service`: run flags, image and command. Its quotes are known to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLine {
    /// As written, without the quotes of the command line. It may hold a password: print [`shown`](Self::shown).
    pub text: String,
    /// Which of the parsed texts it stands in.
    pub source: usize,
    /// Where it stands there, in bytes.
    pub span: Range<usize>,
    words: Vec<ShellWord>,
}

/// One word of an expanded [`ContainerLine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// After quotes and variables.
    pub text: String,
    /// Where it is written in the line's source text, in bytes.
    pub span: Range<usize>,
}

impl ContainerLine {
    /// Parses a line that stands alone: its spans are in bytes of `text` itself.
    pub fn parse(text: &str) -> Result<Self, ShellError> {
        let script = shell::parse(text, Mode::Words)?;
        Self::from_script(text, script, 0, 0..text.len(), |span| span)
    }

    /// `place` leads from bytes of `text` to bytes of the source.
    pub(crate) fn from_script(
        text: &str,
        script: Script,
        source: usize,
        span: Range<usize>,
        place: impl Fn(Range<usize>) -> Range<usize>,
    ) -> Result<Self, ShellError> {
        let empty = ShellError { span: 0..text.len(), kind: ShellErrorKind::Empty };
        let mut words = script.commands.into_iter().next().ok_or(empty)?;
        for word in &mut words {
            word.span = place(word.span.clone());
        }
        Ok(Self { text: text.to_owned(), source, span, words })
    }

    /// [`text`](Self::text) as users may see it: the password of every `--creds=USER:PASSWORD` is `***`.
    pub fn shown(&self) -> String {
        credentials::masked(&self.text)
    }

    /// The words, with `$NAME` and `${NAME}` replaced by what `lookup` knows; unknown names are empty.
    pub fn expand(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Word> {
        let word = |word: &ShellWord| {
            let span = word.span.clone();
            shell::expand(word, lookup).into_iter().map(move |text| Word { text, span: span.clone() })
        };
        self.words.iter().flat_map(word).collect()
    }

    /// The names that [`expand`](Self::expand) asks for, and where they stand in the source text.
    pub fn variables(&self) -> impl Iterator<Item = Variable<'_>> {
        self.words.iter().flat_map(|word| {
            word.segments.iter().filter_map(|segment| match segment {
                shell::Segment::Variable { name, .. } => Some(Variable { name, span: word.span.clone() }),
                shell::Segment::Literal(_) => None,
            })
        })
    }
}

/// A variable of a [`ContainerLine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Without `$`.
    pub name: &'a str,
    /// The word it is in, in bytes of the source text.
    pub span: Range<usize>,
}

/// A value of `b2c.shutdown_cmd` or `b2c.reboot_cmd`: commands separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandList {
    commands: Vec<Vec<ShellWord>>,
}

impl CommandList {
    /// Parses a list that stands alone.
    pub fn parse(text: &str) -> Result<Self, ShellError> {
        Self::from_script(text, shell::parse(text, Mode::Commands)?)
    }

    pub(crate) fn from_script(text: &str, script: Script) -> Result<Self, ShellError> {
        if script.commands.is_empty() {
            return Err(ShellError { span: 0..text.len(), kind: ShellErrorKind::Empty });
        }
        Ok(Self { commands: script.commands })
    }

    /// One command of plain words.
    pub(crate) fn command(words: &[&str]) -> Self {
        let word = |text: &&str| ShellWord {
            segments: vec![shell::Segment::Literal((*text).to_owned())],
            span: 0..0,
        };
        Self { commands: vec![words.iter().map(word).collect()] }
    }

    /// The commands, none of them empty, with `$NAME` and `${NAME}` replaced by what `lookup` knows; unknown names are empty.
    pub fn expand(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Vec<String>> {
        self.commands
            .iter()
            .map(|words| words.iter().flat_map(|word| shell::expand(word, lookup)).collect::<Vec<_>>())
            .filter(|command| !command.is_empty())
            .collect()
    }
}

/// What a person should know about a text that a shell would have read differently.
pub(crate) fn remarks(notes: &[Note], mode: Mode) -> Vec<(Range<usize>, &'static str, &'static str)> {
    let remark = |note: &Note| match note {
        Note::Substitution(span) => Some((
            span.clone(),
            "is command substitution, which is not done: it is passed on as it is",
            "let a shell in the container do it: sh -c '…'",
        )),
        // In a container line an operator is part of some command's argument; in a command list it was meant to act.
        Note::Operator(span) if mode == Mode::Commands => Some((
            span.clone(),
            "is a shell operator, and there is no shell: it is passed on as it is",
            "separate commands by ; or quote the character",
        )),
        Note::Operator(_) => None,
    };
    notes.iter().filter_map(remark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_expands_with_places() {
        let line = ContainerLine::parse("-e  X=$TWO 'img'").unwrap();
        let words = line.expand(&|name| (name == "TWO").then(|| "a b".to_owned()));
        let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.span.clone())).collect();
        assert_eq!(words, [("-e", 0..2), ("X=a", 4..10), ("b", 4..10), ("img", 11..16)]);
    }

    #[test]
    fn a_line_needs_a_word() {
        assert_eq!(ContainerLine::parse(" \n ").unwrap_err().kind, ShellErrorKind::Empty);
        assert_eq!(CommandList::parse(" ;; ").unwrap_err().kind, ShellErrorKind::Empty);
    }

    #[test]
    fn the_job_result_is_echoed_and_the_machine_goes_off() {
        let list = CommandList::parse("echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; poweroff -f")
            .unwrap();
        let code = |name: &str| (name == "B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE").then(|| "0".to_owned());
        assert_eq!(list.expand(&code), [["echo", "JOB_RESULT=0"], ["poweroff", "-f"]]);
    }

    #[test]
    fn a_command_that_vanishes_is_not_run() {
        let list = CommandList::parse("$NOTHING; sync").unwrap();
        assert_eq!(list.expand(&|_| None), [["sync"]]);
    }
}
