//! The runtime as a program of its own: the shim of the tests, and `b2c-container run SPEC.json` for measurements.

use container::Spec;
use container::runtime::{Io, SHIM_NAME, Shim, shim_main, start};
use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // start() gives it no argument.
        [name] if SHIM_NAME.to_str() == Ok(name) => shim_main(),
        [_, "run", file] => run(file).unwrap_or_else(|error| {
            eprintln!("b2c-container: {error}");
            ExitCode::from(125)
        }),
        _ => {
            eprintln!("usage: b2c-container run SPEC.json");
            ExitCode::from(125)
        }
    }
}

/// Runs the container of a file, with its output on ours; its exit status is ours.
fn run(file: &str) -> io::Result<ExitCode> {
    let spec: Spec = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut running = match start(&spec, &Shim::default()) {
        Ok(running) => running,
        Err(error) => {
            eprintln!("b2c-container: {error}");
            return Ok(ExitCode::from(error.exit_code()));
        }
    };
    match std::mem::replace(&mut running.io, Io::Null) {
        Io::Terminal(master) => {
            // Its end is an error, EIO.
            drop(io::copy(&mut File::from(master), &mut io::stdout()));
        }
        Io::Pipes { stdin, stdout, stderr } => {
            drop(stdin);
            let errors = thread::spawn(move || io::copy(&mut File::from(stderr), &mut io::stderr()));
            io::copy(&mut File::from(stdout), &mut io::stdout())?;
            drop(errors.join());
        }
        Io::Null => {}
    }
    let exit = running.wait().map_err(io::Error::other)?;
    Ok(ExitCode::from(exit.status()))
}
