//! `b2c`: check a command line, build the initramfs, boot it in a VM, draw its report.

use std::process::ExitCode;

const HELP: &str = "\
Usage: b2c COMMAND [ARGUMENT]...

  check      explain a kernel command line and show its mistakes
  initramfs  pack a program and folders as an initramfs
  vm         boot containers in a virtual machine
  report     draw what a boot did as a time line

b2c COMMAND --help says more.
";

/// The exit code for a command line that makes no sense.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    match command.as_deref().and_then(|command| command.to_str()) {
        #[cfg(feature = "check")]
        Some("check") => b2c::check::main(arguments),
        Some("initramfs") => b2c::initramfs::main(arguments),
        #[cfg(feature = "report")]
        Some("report") => b2c::report::main(arguments),
        Some("vm") => b2c::vm::main(arguments),
        Some("--version") => {
            println!("b2c {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("--help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}
