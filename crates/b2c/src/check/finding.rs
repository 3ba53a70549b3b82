//! Everything that is wrong with a command line: options, run flags and image names.

use super::snippet::{self, Source};
use container::flags;
use image::Reference;
use options::{ContainerLine, Fetched, ModuleSource, Options, Parsed, Severity, Word};
use std::fmt;
use std::ops::Range;

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Works, perhaps not as meant.
    Warning,
    /// Does not work.
    Error,
}

impl Level {
    /// What `b2c check` ends with if there is nothing worse.
    pub fn exit_code(self) -> u8 {
        match self {
            Level::Warning => 1,
            Level::Error => 2,
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Index of the text and the bytes in it, if it has a place.
    pub place: Option<(usize, Range<usize>)>,
    /// What is wrong, on one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    /// Writes it as compilers do: the message, the line, the place underlined, the help.
    pub(super) fn render(
        &self,
        f: &mut fmt::Formatter<'_>,
        sources: &[Source],
        secrets: &[(usize, Range<usize>)],
    ) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        writeln!(f, "{level}: {}", one_line(&self.message))?;
        if let Some((text, span)) = &self.place {
            let hidden = secrets.iter().filter(|(index, _)| index == text).map(|(_, span)| span.clone());
            snippet::render(f, &sources[*text], span, &hidden.collect::<Vec<_>>())?;
        }
        match &self.help {
            Some(help) => writeln!(f, "  = help: {help}"),
            None => Ok(()),
        }
    }
}

/// All findings: first those with a place, in the order of the texts.
pub fn findings(texts: &[&str], parsed: &Parsed) -> Vec<Finding> {
    let mut findings: Vec<Finding> = parsed.diagnostics.iter().map(from_diagnostic).collect();
    for (option, line) in container_lines(&parsed.options) {
        findings.extend(read_line(line).err().map(|(span, message)| Finding {
            level: Level::Error,
            place: Some((line.source, span)),
            message: format!("{option}: {message}"),
            help: None,
        }));
        findings.extend(check_variables(option, line, texts));
    }
    findings.sort_by_key(|finding| finding.place.clone().map(|(text, span)| (text, span.start)));
    findings.extend(parsed.options.modules.iter().filter_map(check_modules));
    findings
}

/// An image's name that no registry can have.
fn check_modules(source: &ModuleSource) -> Option<Finding> {
    let Fetched::Image(name) = &source.what else { return None };
    let mistake = Reference::parse(name).err()?;
    Some(Finding { level: Level::Error, place: None, message: format!("b2c.modules: {mistake}"), help: None })
}

fn from_diagnostic(diagnostic: &options::Diagnostic) -> Finding {
    let level = match diagnostic.severity {
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
    };
    Finding {
        level,
        place: Some((diagnostic.text, diagnostic.span.clone())),
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
    }
}

/// All container lines in the order in which they are started, with the option's name.
fn container_lines(options: &Options) -> impl Iterator<Item = (&'static str, &ContainerLine)> {
    let groups = [
        ("b2c.run_service", &options.run_service),
        ("b2c.run", &options.run),
        ("b2c.run_post", &options.run_post),
    ];
    groups.into_iter().flat_map(|(option, lines)| lines.iter().map(move |line| (option, line)))
}

/// A container line that was understood.
pub(super) struct Run {
    /// The words before the image.
    pub(super) flags: Vec<String>,
    /// The image's full name.
    pub(super) image: String,
    /// The words after it.
    pub(super) command: Vec<String>,
}

/// Reads a line as the boot will, with each variable standing for itself. The error is a place in the source text, and what is wrong there.
pub(super) fn read_line(line: &ContainerLine) -> Result<Run, (Range<usize>, String)> {
    let words = line.expand(&|name| Some(format!("${name}")));
    let span =
        |word: usize| words.get(word).map_or(line.span.end..line.span.end, |word: &Word| word.span.clone());
    let mut texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    let request = flags::parse(&texts).map_err(|mistake| (span(mistake.word), mistake.to_string()))?;
    let position = texts.len().saturating_sub(request.command.len() + 1);
    // A variable may stand for anything.
    let image = if request.image.contains('$') {
        request.image
    } else {
        Reference::parse(&request.image).map_err(|mistake| (span(position), mistake.to_string()))?.to_string()
    };
    texts.truncate(position);
    Ok(Run { flags: texts, image, command: request.command })
}

/// The first line that the boot will not understand: then no container runs.
pub(super) fn first_bad_line(options: &Options) -> Option<String> {
    container_lines(options).find(|(_, line)| read_line(line).is_err()).map(|(_, line)| line.shown())
}

/// Nothing in a text may move the cursor or begin a line of its own.
pub(super) fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(visible).collect()
}

/// Variables that are known to stand for something: the boot's own, and what the kernel and process 1 set.
const VARIABLES: [&str; 8] = [
    "B2C_PIPELINE_STATUS",
    "B2C_PIPELINE_FAILED_BY",
    "B2C_PIPELINE_PREV_CONTAINER",
    "B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE",
    "B2C_PIPELINE_SHUTDOWN_MODE",
    "HOME",
    "TERM",
    "PATH",
];

/// `$PWD` where `'$PWD'` was meant.
fn check_variables(option: &str, line: &ContainerLine, texts: &[&str]) -> Vec<Finding> {
    // The kernel gives words that it does not know to process 1 as environment variables.
    let is_known = |name: &str| VARIABLES.contains(&name) || texts[0].contains(&format!("{name}="));
    let unknown = line.variables().filter(|variable| !is_known(variable.name));
    unknown
        .map(|variable| Finding {
            level: Level::Warning,
            place: Some((line.source, variable.span.clone())),
            message: format!(
                "{option}: ${} is replaced by nothing before the container starts",
                variable.name
            ),
            help: Some(format!(
                "to let a shell in the container see it, use single quotes: '${}'",
                variable.name
            )),
        })
        .collect()
}
