//! `/init` of the initramfs. One program, several roles; `argv[0]` says which (the kernel passes words of the command line to process 1 as further arguments, so those say nothing).

mod boot;
mod console;
mod ending;
mod modprobe;
mod pipeline;
mod supervisor;

use std::process::ExitCode;

/// `argv[0]` of the process that runs the boot stages and the pipeline.
const BOOT: &str = "b2c-boot";
/// `argv[0]` of the process that starts one container and waits for it.
const CONTAINER: &str = "b2c-container";
/// `argv[0]` of process 1 once the root is a tmpfs.
const SUPERVISOR: &str = "b2c-init";

fn main() -> ExitCode {
    match std::env::args().next().as_deref() {
        Some(BOOT) => ExitCode::from(boot::run().exit_code()),
        Some(modprobe::PATH) => modprobe::run(),
        Some(CONTAINER) => container::runtime::shim_main(),
        Some(SUPERVISOR) => supervisor::supervise(),
        _ if std::process::id() == 1 => supervisor::leave_initramfs(),
        _ => {
            eprintln!("This is the init of boot2container; it runs as process 1 only");
            ExitCode::FAILURE
        }
    }
}
