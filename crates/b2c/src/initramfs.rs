//! `b2c initramfs`: packs a program and folders as a cpio archive that the kernel can unpack.

use crate::cpio::{self, Entry, Kind};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `b2c initramfs --help` prints.
pub const HELP: &str = "\
Usage: b2c initramfs --output FILE [--init PROGRAM] [FOLDER]...

Packs an initramfs as an uncompressed cpio archive. The same input gives the same bytes.

  --output FILE    the archive to write
  --init PROGRAM   becomes /init, with the directories and the /dev/console that it starts with
  FOLDER           everything in it is packed, at the root of the archive
";

/// Mount points that process 1 needs at once. It makes all other folders itself, each with its own mode.
const DIRECTORIES: [&str; 3] = ["dev", "proc", "sys"];

/// The entries of an initramfs that has nothing but a program.
///
/// The kernel opens /dev/console for process 1 before anything is mounted (console(4): 5, 1).
pub fn with_init(program: Vec<u8>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = DIRECTORIES.map(Entry::directory).into();
    let console = Kind::CharDevice { major: 5, minor: 1 };
    entries.push(Entry { path: "dev/console".into(), permissions: 0o600, kind: console });
    entries.push(Entry::file("init", 0o755, program));
    cpio::with_parents(entries)
}

struct Arguments {
    output: PathBuf,
    init: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

/// Runs `b2c initramfs` with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done = parse(arguments).map_err(|error| error.to_string()).and_then(|arguments| match arguments {
        None => io::stdout().write_all(HELP.as_bytes()).map_err(|error| error.to_string()),
        Some(arguments) => pack(&arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("b2c initramfs: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut output, mut init, mut folders) = (None, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("output") => output = Some(parser.value()?.into()),
            Long("init") => init = Some(parser.value()?.into()),
            Long("help") => return Ok(None),
            Value(folder) => folders.push(folder.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    let output = output.ok_or("--output is missing: name the archive to write")?;
    Ok(Some(Arguments { output, init, folders }))
}

fn pack(arguments: &Arguments) -> Result<(), String> {
    let in_file = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let mut entries = match &arguments.init {
        Some(program) => with_init(fs::read(program).map_err(|error| in_file(program, error))?),
        None => Vec::new(),
    };
    for folder in &arguments.folders {
        entries.extend(cpio::read_folder(folder).map_err(|error| in_file(folder, error))?);
    }
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(fs::File::create(&arguments.output)?);
        cpio::write(&mut out, &cpio::with_parents(entries))?;
        out.flush()
    };
    write().map_err(|error| in_file(&arguments.output, error))
}
