//! `make demo`: a container in a virtual machine, its image from a real registry on this computer.

use harness::{Image, Registry};
use std::ffi::OsString;
use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

/// What runs if nobody is there to type.
const COMMAND: &str = "uname -a; cat /proc/uptime; ls /";

fn main() -> ExitCode {
    let registry = Registry::start();
    Image::busybox().push(&registry, "demo");
    let image = format!("--tls-verify=false {}/demo", registry.guest_address());
    let run = match std::env::args().nth(1) {
        Some(run) => run,
        None if stdin().is_terminal() => format!("-ti {image}"),
        None => format!("-t {image} sh -c '{COMMAND}'"),
    };
    b2c::vm::main(["--run", &run].map(OsString::from).into_iter())
}
