//! `b2c check`: reads a command line on a desk, says what a machine would do with it, and shows every mistake in its place.

mod explain;
mod finding;
mod snippet;

pub use explain::explain;
pub use finding::{Finding, Level, findings};
pub use snippet::Source;

use lexopt::prelude::*;
use options::Parsed;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `b2c check --help` prints.
pub const HELP: &str = "\
Usage: b2c check [--args FILE]... [--extra-args FILE] 'COMMAND LINE'
       b2c check [--args FILE]... [--extra-args FILE] - <FILE

Says what a machine would do with a kernel command line, and shows every mistake in it.
Nothing is fetched and nothing is changed.

  -                  reads the command line from standard input
  --args FILE        extra arguments that the machine itself would hold (a file of the initramfs, fw_cfg, SMBIOS),
                     read as if they followed; repeatable
  --extra-args FILE  a text as b2c.extra_args_url would give it, read as if it followed all that

Exit code: 0 fine; 1 warnings; 2 errors.
";

/// Longer texts are a mistake: no kernel and no extra arguments hold as much.
const MAX_TEXT: u64 = 1 << 20;

/// Runs `b2c check` with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (text, code) = match read(arguments) {
        Ok(None) => (HELP.to_owned(), 0),
        Ok(Some(checked)) => (checked.to_string(), checked.exit_code()),
        Err(message) => {
            eprintln!("b2c check: {message}");
            return ExitCode::from(Level::Error.exit_code());
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        // A pager that was closed has shown enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Err(error) => {
            eprintln!("b2c check: standard output: {error}");
            ExitCode::from(Level::Error.exit_code())
        }
    }
}

/// Texts that were read, and what was found in them.
pub struct Checked {
    sources: Vec<Source>,
    /// Whether the text at `b2c.extra_args_url` is one of them.
    complete: bool,
    parsed: Parsed,
    findings: Vec<Finding>,
}

impl Checked {
    /// Checks the command line and the extra arguments that the machine itself holds, and what it would fetch if that is there.
    pub fn new(own: Vec<Source>, fetched: Option<Source>) -> Self {
        let (local, complete) = (own.len(), fetched.is_some());
        let sources: Vec<Source> = own.into_iter().chain(fetched).collect();
        let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
        let parsed = options::parse_texts(&texts, local);
        let findings = findings(&texts, &parsed);
        Self { sources, complete, parsed, findings }
    }

    /// 0, 1 or 2, as the worst finding says.
    pub fn exit_code(&self) -> u8 {
        self.findings.iter().map(|finding| finding.level.exit_code()).max().unwrap_or(0)
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&explain(&self.parsed, self.complete))?;
        for finding in &self.findings {
            f.write_char('\n')?;
            finding.render(f, &self.sources, &self.parsed.secrets)?;
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        match (errors, warnings) {
            (0, 0) => f.write_str("\nNo mistakes found.\n"),
            _ => writeln!(f, "\nErrors: {errors}. Warnings: {warnings}."),
        }
    }
}

/// Checks the texts that the arguments ask for; `None` is a call for help.
fn read(arguments: impl Iterator<Item = OsString>) -> Result<Option<Checked>, String> {
    let (mut line, mut args, mut extra) = (None, Vec::new(), None);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("args") => {
                args.push(PathBuf::from(parser.value().map_err(|error| error.to_string())?));
            }
            Long("extra-args") => {
                extra = Some(PathBuf::from(parser.value().map_err(|error| error.to_string())?));
            }
            Value(text) if line.is_none() => line = Some(text),
            Value(text) => {
                let text = text.to_string_lossy();
                return Err(format!(
                    "a second command line, {text:?}: put the whole of it in one pair of single quotes"
                ));
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    let line = line
        .ok_or("no command line: b2c check 'COMMAND LINE', or b2c check - to read it from standard input")?;
    let line = if line == "-" {
        read_text("standard input", io::stdin())?
    } else {
        line.into_string().map_err(|_| "the command line is not UTF-8 text")?
    };
    let mut local = vec![Source { name: "command line".to_owned(), text: line }];
    for path in args {
        local.push(Source { name: path.display().to_string(), text: read_file(&path)? });
    }
    let fetched = extra.map(|path| read_file(&path)).transpose()?;
    let fetched = fetched.map(|text| Source { name: "extra arguments".to_owned(), text });
    Ok(Some(Checked::new(local, fetched)))
}

fn read_file(path: &Path) -> Result<String, String> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|error| format!("{name}: {error}"))?;
    read_text(&name, file)
}

fn read_text(name: &str, from: impl Read) -> Result<String, String> {
    let mut text = String::new();
    from.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
    if text.len() as u64 > MAX_TEXT {
        return Err(format!("{name}: longer than {MAX_TEXT} bytes, which is no command line"));
    }
    Ok(text)
}
