//! `/init` of the initramfs. One program, several roles; `argv[0]` says which (the kernel passes words of the command line to process 1 as further arguments, so those say nothing).

mod boot;
mod console;
mod ending;
mod firmware;
mod modprobe;
mod patience;
mod pipeline;
mod pulse;
mod report;
mod supervisor;
mod time_limit;

use std::process::ExitCode;

/// `argv[0]` of the process that runs the boot stages and the pipeline.
const BOOT: &str = "b2c-boot";
/// `argv[0]` of the process that starts one container and waits for it.
const CONTAINER: &str = "b2c-container";

fn main() -> ExitCode {
    match std::env::args().next().as_deref() {
        Some(BOOT) => ExitCode::from(boot::run().exit_code()),
        Some(modprobe::PATH) => modprobe::run(),
        Some(CONTAINER) => container::runtime::shim_main(),
        _ if std::process::id() == 1 => supervisor::supervise(),
        _ => {
            eprintln!("This is the init of boot2container; it runs as process 1 only");
            ExitCode::FAILURE
        }
    }
}
