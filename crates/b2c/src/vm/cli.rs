//! `b2c vm`: boots a machine and ends with its pipeline's status.

use super::status::status;
use super::terminal::RawTerminal;
use super::{Arch, Machine, join, named, option};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ExitCode, Stdio};
use std::thread;

/// What `b2c vm --help` prints.
pub const HELP: &str = "\
Usage: b2c vm [--run CONTAINER]... [OPTION]...

Boots a virtual machine and ends with its pipeline's status: the exit code of the first container that failed, or 0.
The machine's serial console is on the terminal; Ctrl-A X ends the machine, Ctrl-A H lists what else there is.

  --run CONTAINER  podman-run flags, image and command; repeatable
  --append WORDS   more words for the kernel command line; repeatable
  --kernel FILE    default: dist/linux-x86_64
  --initrd FILE    repeatable, one is appended to the other; default: the initramfs and the modules in dist/
  --memory SIZE    default: 384M
  --disk FILE      a raw disk image; repeatable

Exit code 125: the machine could not be started, or ended without a status.
";

/// The exit code for errors of ours, as podman run has it.
const OUR_ERROR: u8 = 125;

/// How much of the console's end is kept to find the status line in.
const TAIL: usize = 64 * 1024;

#[derive(Default)]
struct Arguments {
    runs: Vec<String>,
    append: Vec<String>,
    kernel: Option<PathBuf>,
    initrds: Vec<PathBuf>,
    memory: Option<String>,
    disks: Vec<PathBuf>,
}

/// Runs `b2c vm` with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let status = match parse(arguments) {
        Ok(None) => io::stdout().write_all(HELP.as_bytes()).map(|()| Some(0)),
        Ok(Some(arguments)) => boot(&arguments),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error.to_string())),
    };
    match status {
        Ok(Some(status)) => ExitCode::from(status),
        Ok(None) => {
            eprintln!("b2c vm: the machine ended without a pipeline status");
            ExitCode::from(OUR_ERROR)
        }
        Err(error) => {
            eprintln!("b2c vm: {error}");
            ExitCode::from(OUR_ERROR)
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut parsed = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("run") => parsed.runs.push(parser.value()?.string()?),
            Long("append") => parsed.append.push(parser.value()?.string()?),
            Long("kernel") => parsed.kernel = Some(parser.value()?.into()),
            Long("initrd") => parsed.initrds.push(parser.value()?.into()),
            Long("memory") => parsed.memory = Some(parser.value()?.string()?),
            Long("disk") => parsed.disks.push(parser.value()?.into()),
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(parsed))
}

fn boot(arguments: &Arguments) -> io::Result<Option<u8>> {
    let initrd = tempfile::Builder::new().prefix("b2c-initrd").tempfile()?;
    join(&initrds(arguments), initrd.path())?;
    let mut command = machine(arguments, initrd.path()).command();
    if let Some(device) = Arch::host().debug_exit {
        command.args(["-device", device]);
    }
    let _raw = RawTerminal::enter()?;
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut qemu = spawned.map_err(|error| named(&error, command.get_program().display()))?;
    if let Some(keys) = qemu.stdin.take() {
        // Never joined: it waits for a key that need not come, and ends with the process.
        thread::spawn(|| copy_keys(keys));
    }
    let tail = match qemu.stdout.take() {
        Some(console) => copy_console(console)?,
        None => Vec::new(),
    };
    let exit_code = qemu.wait()?.code();
    Ok(status(exit_code, &String::from_utf8_lossy(&tail)))
}

fn initrds(arguments: &Arguments) -> Vec<PathBuf> {
    if !arguments.initrds.is_empty() {
        return arguments.initrds.clone();
    }
    let Arch { name, kernel_name, .. } = Arch::host();
    let initramfs = format!("dist/initramfs.linux_{name}.cpio.xz");
    vec![initramfs.into(), format!("dist/linux-{kernel_name}.modules.cpio.xz").into()]
}

fn machine(arguments: &Arguments, initrd: &Path) -> Machine {
    let arch = Arch::host();
    let default_kernel = || PathBuf::from(format!("dist/linux-{}", arch.kernel_name));
    let mut machine = Machine::new(arch, arguments.kernel.clone().unwrap_or_else(default_kernel), initrd);
    if let Some(memory) = &arguments.memory {
        machine.memory.clone_from(memory);
    }
    let runs = arguments.runs.iter().map(|run| option("b2c.run", run));
    // A kernel that panics ends the machine; with another `panic=` in --append, the last one wins.
    let report = arch.debug_exit.map(|_| "b2c.report=debug-exit".to_owned());
    let words = std::iter::once("panic=-1".to_owned())
        .chain(report)
        .chain(runs)
        .chain(arguments.append.iter().cloned());
    machine.words = words.collect::<Vec<_>>().join(" ");
    machine.disks.clone_from(&arguments.disks);
    machine
}

/// What is typed goes to the guest at once, until either side closes.
fn copy_keys(mut guest: ChildStdin) {
    let mut keys = [0; 1024];
    while let Ok(count @ 1..) = io::stdin().read(&mut keys) {
        if guest.write_all(&keys[..count]).and_then(|()| guest.flush()).is_err() {
            return;
        }
    }
}

/// Shows the console as it comes and returns its end.
fn copy_console(mut console: impl Read) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    let mut bytes = [0; 8192];
    let mut shown = io::stdout();
    loop {
        let count = console.read(&mut bytes)?;
        if count == 0 {
            return Ok(tail);
        }
        shown.write_all(&bytes[..count])?;
        shown.flush()?;
        tail.extend_from_slice(&bytes[..count]);
        if tail.len() > 2 * TAIL {
            tail.drain(..tail.len() - TAIL);
        }
    }
}
