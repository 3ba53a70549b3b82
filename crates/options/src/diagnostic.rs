//! What is said about a text: one line per mistake, with its place, and without anybody's secrets.

use crate::located::Slice;
use crate::references::Reference;
use std::fmt;
use std::ops::Range;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The option does something, though perhaps not what was meant.
    Warning,
    /// The value could not be used.
    Error,
}

/// One mistake. `Display` is one line that names the option and the value, says why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Index of the text it is in.
    pub text: usize,
    /// The offending bytes of that text, on character boundaries.
    pub span: Range<usize>,
    /// The option as it was written, such as `b2c.container`; empty if the text as a whole is meant.
    pub option: String,
    /// Names the option and the value, and says what is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Why nothing may run: what is wrong would make a run do something else than what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// This container line cannot be read. The passwords in it are masked.
    ContainerLine(String),
    /// A volume cannot be set up as written.
    VolumeSetup,
    /// Modules or firmware that are to be fetched cannot be understood.
    ModuleSetup,
    /// A cache is required, and cannot be understood.
    Cache,
    /// The extra arguments cannot be read, or their address cannot: the options that they hold would be missing.
    ExtraArgs,
}

impl Fatal {
    /// For `B2C_PIPELINE_FAILED_BY`.
    pub fn failed_by(&self) -> &str {
        match self {
            Fatal::ContainerLine(text) => text,
            Fatal::VolumeSetup => "Volume setup",
            Fatal::ModuleSetup => "Module setup",
            Fatal::Cache => "Cache setup",
            Fatal::ExtraArgs => "Extra arguments",
        }
    }
}

/// What is wrong with a part of a value.
pub(crate) struct Problem<'a> {
    at: Slice<'a>,
    what: What,
    help: Option<String>,
}

enum What {
    /// Follows the option and the part.
    Why(String),
    /// Stands alone: a text that somebody reads by machine.
    Whole(String),
}

impl<'a> Problem<'a> {
    /// `why` goes on after the part's text: "is not a size".
    pub(crate) fn new(at: Slice<'a>, why: impl Into<String>) -> Self {
        Self { at, what: What::Why(why.into()), help: None }
    }

    /// A message that is printed as it is.
    pub(crate) fn whole(at: Slice<'a>, message: String) -> Self {
        Self { at, what: What::Whole(message), help: None }
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// More than a person reads; a bound for hostile texts.
const MAX_DIAGNOSTICS: usize = 100;

/// Collects what is said while texts are read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) secrets: Vec<(usize, Range<usize>)>,
    pub(crate) fatal: Option<Fatal>,
    /// Names that another option has to give.
    pub(crate) references: Vec<Reference>,
    /// The text being read.
    pub(crate) text: usize,
    /// How many texts the machine itself holds. They come first.
    pub(crate) local: usize,
    /// The option being read, as written.
    pub(crate) option: String,
}

impl Report {
    /// The value cannot be used.
    pub(crate) fn error(&mut self, problem: Problem<'_>) {
        self.add(Severity::Error, problem);
    }

    /// The value is used, though perhaps not as meant.
    pub(crate) fn warn(&mut self, problem: Problem<'_>) {
        self.add(Severity::Warning, problem);
    }

    /// From now on nothing shows this part. To be called before anything is said about it.
    pub(crate) fn keep_secret(&mut self, part: Slice<'_>) {
        if !part.is_empty() {
            self.secrets.push((self.text, part.span()));
        }
    }

    /// Whether the text being read came from `b2c.extra_args_url`.
    pub(crate) fn is_fetched(&self) -> bool {
        self.text >= self.local
    }

    /// Nothing may run. The first reason stays.
    pub(crate) fn refuse(&mut self, fatal: Fatal) {
        self.fatal.get_or_insert(fatal);
    }

    /// True when further diagnostics are dropped.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() > MAX_DIAGNOSTICS
    }

    /// Says something about `span` in the words of `message`.
    pub(crate) fn push(
        &mut self,
        severity: Severity,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let mut diagnostic =
            Diagnostic { severity, text: self.text, span, option: self.option.clone(), message, help };
        if self.diagnostics.len() == MAX_DIAGNOSTICS {
            diagnostic.message = format!("{}: and more mistakes, which are not shown", self.option);
            diagnostic.help = None;
        }
        self.diagnostics.push(diagnostic);
    }

    fn add(&mut self, severity: Severity, problem: Problem<'_>) {
        let message = match problem.what {
            What::Whole(message) => message,
            What::Why(why) if problem.at.is_empty() => format!("{}: an empty value {why}", self.option),
            What::Why(why) => format!("{}: `{}` {why}", self.option, self.excerpt(problem.at)),
        };
        self.push(severity, problem.at.span(), message, problem.help);
    }

    /// `part` as it may be shown: short, on one line, secrets masked.
    fn excerpt(&self, part: Slice<'_>) -> String {
        let mut shown = String::new();
        let mut masked = false;
        for (at, c) in part.text().char_indices() {
            let secret = self.is_secret(&part.part(at..at + c.len_utf8()).span());
            if secret && !masked {
                shown.push_str("***");
            } else if !secret {
                push_visible(&mut shown, c);
            }
            masked = secret;
            if shown.len() > 60 {
                shown.push('…');
                break;
            }
        }
        shown
    }

    fn is_secret(&self, span: &Range<usize>) -> bool {
        self.secrets.iter().any(|(text, secret)| *text == self.text && secret.contains(&span.start))
    }
}

/// `text` as it may be shown: short and on one line.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        push_visible(&mut shown, c);
        if shown.len() > 60 {
            shown.push('…');
            break;
        }
    }
    shown
}

/// Control characters must not reach a console: they could forge its lines.
fn push_visible(shown: &mut String, c: char) {
    if c.is_control() {
        shown.extend(c.escape_default());
    } else {
        shown.push(c);
    }
}
