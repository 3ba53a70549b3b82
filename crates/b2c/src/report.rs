//! `b2c report`: draws what a boot did.

mod axis;
mod draw;
mod rows;
mod svg;

pub use draw::draw;

use lexopt::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `b2c report --help` prints.
pub const HELP: &str = "\
Usage: b2c report [-o PICTURE] FILE
       b2c report [-o PICTURE] - <FILE

Draws what a boot did as a time line: stages, containers, transfers, errors. FILE is a report (docs/report.md), or the log of
a console that has one. The picture is an SVG file that every browser shows.

  -           reads from standard input
  -o PICTURE  writes the picture there, not to standard output

Exit code: 0 drawn; 2 there is nothing to draw.
";

/// A console may have been logged for days.
const MAX_INPUT: u64 = 256 << 20;

/// The exit code for what is no report.
const ERROR: u8 = 2;

/// Runs `b2c report` with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match read(arguments).and_then(|asked| asked.map_or_else(|| show(HELP), |asked| asked.run())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("b2c report: {message}");
            ExitCode::from(ERROR)
        }
    }
}

struct Asked {
    input: PathBuf,
    output: Option<PathBuf>,
}

impl Asked {
    fn run(&self) -> Result<(), String> {
        let name = self.input.display();
        let text = if self.input.as_os_str() == "-" {
            text(io::stdin())
        } else {
            fs::File::open(&self.input).and_then(text)
        };
        let text = text.map_err(|error| format!("{name}: {error}"))?;
        let document = report::find(&text).map_err(|error| format!("{name}: {error}"))?;
        let picture = draw(&document);
        match &self.output {
            None => show(&picture),
            Some(path) => fs::write(path, picture).map_err(|error| format!("{}: {error}", path.display())),
        }
    }
}

/// What is asked for; `None` is a call for help.
fn read(arguments: impl Iterator<Item = OsString>) -> Result<Option<Asked>, String> {
    let (mut input, mut output) = (None, None);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Short('o') => output = Some(parser.value().map_err(|error| error.to_string())?.into()),
            Value(file) if input.is_none() => input = Some(file.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let input = input.ok_or("no file: b2c report FILE, or b2c report - to read standard input")?;
    Ok(Some(Asked { input, output }))
}

/// Consoles print bytes that are no text.
fn text(input: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {MAX_INPUT} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn show(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        // A pager that was closed has shown enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}
