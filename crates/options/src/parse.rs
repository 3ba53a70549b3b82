//! Words → options, by the table.

use crate::diagnostic::{Diagnostic, Fatal, Problem, Report, Severity};
use crate::groups::machine;
use crate::located::Slice;
use crate::options::Options;
use crate::table::{self, OptionSpec};
use crate::words::{self, Comments, RawWord};
use crate::{PREFIX, references};
use std::ops::Range;

/// What [`parse`] made of the texts.
#[derive(Debug, Default)]
pub struct Parsed {
    /// What is to be done. Only ever holds values that were understood.
    pub options: Options,
    /// What is to be said, in the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// If nothing may run: why. A step that cannot be read is never left out in silence.
    pub fatal: Option<Fatal>,
    /// Parts of the texts, by index and bytes, that must not be shown.
    pub secrets: Vec<(usize, Range<usize>)>,
}

impl Parsed {
    /// True if no container may run.
    pub fn is_fatal(&self) -> bool {
        self.fatal.is_some()
    }

    /// `text`, which was the one at `index`, with `***` for everything that must not be shown.
    pub fn masked(&self, index: usize, text: &str) -> String {
        let mut hidden: Vec<_> =
            self.secrets.iter().filter(|(of, _)| *of == index).map(|(_, span)| span).collect();
        hidden.sort_by_key(|span| span.start);
        let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
        for span in hidden {
            // What lies in one that came before is hidden already.
            if span.start >= end {
                masked.push_str(text.get(end..span.start).unwrap_or_default());
                masked.push_str("***");
            }
            end = end.max(span.end);
        }
        masked.push_str(text.get(end..).unwrap_or_default());
        masked
    }
}

/// Reads the kernel command line, `texts[0]`, and then the text at `b2c.extra_args_url`, if there is one.
pub fn parse(texts: &[&str]) -> Parsed {
    parse_texts(texts, 1)
}

/// Reads the kernel command line, `texts[0]`, and the extra arguments: the first `local` texts are what the machine itself holds; what follows was fetched from
/// `b2c.extra_args_url`.
///
/// Options that may be repeated add up in that order; of others the last one wins. A value that cannot be used is said and
/// skipped.
pub fn parse_texts(texts: &[&str], local: usize) -> Parsed {
    let mut options = Options::default();
    let mut report = Report { local, ..Report::default() };
    for (index, text) in texts.iter().enumerate() {
        report.text = index;
        let comments = if index == 0 { Comments::AreWords } else { Comments::Skipped };
        let split = words::split(text, comments);
        for word in &split.words {
            read(word, &mut options, &mut report);
        }
        report.option.clear();
        if let Some(quote) = split.unterminated {
            let message =
                "a quote that is opened is not closed: its value runs to the end of the text".to_owned();
            report.push(Severity::Warning, quote..quote + 1, message, Some("close it with \"".to_owned()));
        }
        if index == 0 {
            warn_if_cut(text, &mut report);
        }
    }
    // What the command line names may stand in extra arguments that are still to be fetched.
    if texts.len() > local || options.extra_args_url.is_none() {
        references::check(&options, &mut report);
    }
    report.diagnostics.sort_by_key(|diagnostic| (diagnostic.text, diagnostic.span.start));
    Parsed { options, diagnostics: report.diagnostics, fatal: report.fatal, secrets: report.secrets }
}

fn read(word: &RawWord, options: &mut Options, report: &mut Report) {
    let body = word.body.as_slice();
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    match (table::find(name.text()), value) {
        (Some(spec), _) if name.text().starts_with(PREFIX) => {
            name.text().clone_into(&mut report.option);
            update(spec, name, value, options, report);
        }
        // A bare `ip` is not the kernel's `ip=`.
        (Some(spec), Some(value)) => {
            name.text().clone_into(&mut report.option);
            update(spec, name, Some(value), options, report);
        }
        _ if name.text().starts_with(PREFIX) => unknown(name, value, report),
        _ => machine::foreign(name.text(), value.map(Slice::text), options),
    }
}

fn update<'a>(
    spec: &OptionSpec,
    name: Slice<'a>,
    value: Option<Slice<'a>>,
    options: &mut Options,
    report: &mut Report,
) {
    let ours = name.text().starts_with(PREFIX);
    let end = name.text().len();
    let value = value.unwrap_or_else(|| name.part(end..end));
    let result = if value.is_empty() && ours && !spec.value.is_empty() {
        let message = format!("{} needs a value", name.text());
        Err(Problem::whole(name, message).help(format!("write {}={}", name.text(), spec.value)))
    } else {
        (spec.update)(value, options, report)
    };
    if let Err(problem) = result {
        report.error(problem);
        if let Some(refuse) = spec.refuse {
            report.refuse(refuse(value.text()));
        }
    }
}

fn unknown(name: Slice<'_>, value: Option<Slice<'_>>, report: &mut Report) {
    // It may be a misspelt option with a secret.
    value.into_iter().for_each(|value| report.keep_secret(value));
    if report.is_full() {
        return;
    }
    name.text().clone_into(&mut report.option);
    let message = format!("unknown option {} is ignored", crate::diagnostic::visible(name.text()));
    let closest = table::closest_option(name.text()).unwrap_or_default();
    report.warn(Problem::whole(name, message).help(format!("the closest known one is {closest}")));
}

/// The longest command line that x86 and arm64 kernels hold: COMMAND_LINE_SIZE is 2048 there, and a NUL ends it.
const LONGEST_LINE: usize = 2047;

fn warn_if_cut(text: &str, report: &mut Report) {
    let line = text.trim_end_matches('\n');
    if line.len() < LONGEST_LINE {
        return;
    }
    let last = line.floor_char_boundary(LONGEST_LINE - 1);
    let message = format!("the command line is {} bytes long: kernels cut it at {LONGEST_LINE}", line.len());
    let help = "move options to a text that b2c.extra_args_url names".to_owned();
    report.push(Severity::Warning, last..line.len(), message, Some(help));
}
