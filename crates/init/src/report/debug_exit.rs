//! `b2c.report=debug-exit`: the status as QEMU's own exit code, by its device `isa-debug-exit`. A byte that is written to its port ends QEMU with twice the byte plus one.

use crate::ending::Ending;
use crate::pipeline::state::State;
use options::{Options, ReportSink};
use std::fs;
use std::io;

/// Where the device is to be: `-device isa-debug-exit,iobase=0xf4,iosize=0x04`. On a PC, nothing else is there but the coprocessor's ports of the 1980s.
const PORT: u16 = 0xf4;
/// What reading the device's port gives; one without a device gives 255.
const THERE: u8 = 0;

/// The ending that `b2c.report` asks for in place of `ending`, if it can be had.
pub fn ending(options: &Options, state: &State, ending: Ending) -> Ending {
    let wanted = options.report.contains(&ReportSink::DebugExit);
    if wanted && check().is_ok() { Ending::debug_exit(state.status) } else { ending }
}

/// Whether the device is there.
///
/// # Errors
/// Why it is not used. On real hardware its port is not even read.
pub fn check() -> Result<(), String> {
    if !is_virtual() {
        return Err("this is no virtual machine".to_owned());
    }
    match port::read(PORT) {
        Ok(THERE) => Ok(()),
        Ok(_) => Err(format!(
            "there is no such device: give QEMU -device isa-debug-exit,iobase={PORT:#x},iosize=0x04"
        )),
        Err(error) => Err(format!("port {PORT:#x}: {error}")),
    }
}

/// Ends the machine; returns only if that did not work.
///
/// # Errors
/// The kernel does not let us.
pub fn exit(code: u8) -> io::Result<()> {
    port::write(PORT, code)
}

/// The processor says so: CPUID leaf 1, ECX bit 31, which is 0 on real ones.
fn is_virtual() -> bool {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "hypervisor")
}

/// By the instructions themselves: Debian's kernel for clouds has no /dev/port.
#[cfg(target_arch = "x86_64")]
mod port {
    use std::arch::asm;
    use std::io;

    pub fn read(port: u16) -> io::Result<u8> {
        allow(port)?;
        let byte: u8;
        // SAFETY: the port is this process's to read since `allow`, and the instruction touches neither memory, stack nor flags.
        unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nomem, nostack, preserves_flags)) };
        Ok(byte)
    }

    pub fn write(port: u16, byte: u8) -> io::Result<()> {
        allow(port)?;
        // SAFETY: the port is this process's to write since `allow`, and the instruction touches neither memory, stack nor flags.
        unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nomem, nostack, preserves_flags)) };
        Ok(())
    }

    /// Lets this thread use the port (ioperm(2)).
    fn allow(port: u16) -> io::Result<()> {
        // SAFETY: the call takes numbers and touches no memory.
        let answer =
            unsafe { libc::syscall(libc::SYS_ioperm, libc::c_ulong::from(port), 1 as libc::c_ulong, 1) };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Where there are no ports, there is no such device either.
#[cfg(not(target_arch = "x86_64"))]
mod port {
    use std::io;

    pub fn read(_: u16) -> io::Result<u8> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn write(_: u16, _: u8) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
