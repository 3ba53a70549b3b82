//! Process 1: mounts, starts the boot process, watches over it, reaps, and ends the machine. No threads while a boot runs, and no foreign data is parsed here, so that nothing can take it down.

mod mounts;
mod power;
mod root;
mod timer;
mod vigil;
mod watchdog;

use crate::console::CONSOLE;
use crate::ending::Ending;
use crate::pulse;
use rustix::process::{WaitOptions, WaitStatus, wait};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use vigil::Vigil;
use watchdog::Watchdog;

/// Where this program is found.
const PROGRAM: &str = "/init";

/// Makes a tmpfs the root, runs the boot process to its end, however it comes, and then ends the machine.
pub fn supervise() -> ExitCode {
    // Without it containers cannot pivot_root, but the console, the status line and the power-off still work: go on and let them say so.
    let left = root::switch_to_tmpfs().map_err(|error| format!("Could not leave the initial ramfs: {error}"));
    let failures = mounts::mount_all();
    CONSOLE.reopen();
    CONSOLE.close_kernel_section();
    for failure in left.err().into_iter().chain(failures) {
        CONSOLE.error(&failure);
    }
    let mut watchdog = Watchdog::new();
    let ending = match boot(&mut watchdog) {
        Ok(ending) => ending,
        Err(reason) => {
            CONSOLE.take_over();
            CONSOLE.error(&format!("The boot process ended unexpectedly: {reason}"));
            CONSOLE.line("Execution is over, pipeline status: 1");
            Ending::PowerOff
        }
    };
    power::end(ending, watchdog)
}

/// Starts the boot process, watches over it and reaps every orphan until it has ended.
fn boot(watchdog: &mut Watchdog) -> Result<Ending, String> {
    protect_program();
    let (pulse, heart) = pulse::pipe().map_err(|errno| format!("it cannot be watched over: {errno}"))?;
    let child = Command::new(PROGRAM)
        .arg0(crate::BOOT)
        .arg(heart.number().to_string())
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    drop(heart);
    let mut vigil = Vigil::new(pulse);
    timer::start();
    loop {
        vigil.look(watchdog)?;
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if i64::from(pid.as_raw_nonzero().get()) == i64::from(child.id()) => {
                return decode(status);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(format!("it cannot be waited for: {errno}")),
        }
    }
}

fn decode(status: WaitStatus) -> Result<Ending, String> {
    if let Some(signal) = status.terminating_signal() {
        return Err(format!("killed by signal {signal}"));
    }
    let code = status.exit_status().unwrap_or(-1);
    Ending::from_exit_code(code).ok_or_else(|| format!("exit code {code}"))
}

/// Everything that is started from here on runs from a read-only mount, so that a container which gets hold of `/proc/PID/exe` cannot write to it (CVE-2019-5736).
fn protect_program() {
    use rustix::mount::{MountFlags, mount_bind, mount_remount};
    let protected = mount_bind(PROGRAM, PROGRAM)
        .and_then(|()| mount_remount(PROGRAM, MountFlags::BIND | MountFlags::RDONLY, ""));
    if let Err(errno) = protected {
        CONSOLE.error(&format!("Could not make {PROGRAM} read-only: {errno}"));
    }
}
