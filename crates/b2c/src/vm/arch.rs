//! What differs between machines of one architecture and another. A new architecture is a new row.

/// How QEMU is asked for a machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Arch {
    /// As in release file names: `initramfs.linux_amd64.cpio.xz`.
    pub name: &'static str,
    /// As the kernel names it (`uname -m`), in `dist/linux-x86_64`.
    pub kernel_name: &'static str,
    /// The emulator's program.
    pub qemu: &'static str,
    /// Its `-machine`.
    pub machine: &'static str,
    /// The processor that QEMU emulates where KVM does not work.
    pub emulated_cpu: &'static str,
    /// The kernel's name of the first serial port.
    pub console: &'static str,
    /// The device by which the guest ends QEMU with its status (docs/report.md).
    pub debug_exit: Option<&'static str>,
}

/// The first row stands in where there is none for this computer.
const ARCHES: [Arch; 1] = [Arch {
    name: "amd64",
    kernel_name: "x86_64",
    qemu: "qemu-system-x86_64",
    // Without the controllers that nothing is plugged into: the guest's drivers would wait for disks on them.
    machine: "q35,sata=off,smbus=off",
    // With five levels of page tables, every miss costs one more step: a fifth of the time that a boot takes.
    emulated_cpu: "max,la57=off",
    console: "ttyS0",
    debug_exit: Some("isa-debug-exit,iobase=0xf4,iosize=0x04"),
}];

impl Arch {
    /// This computer's own, if there is a row for it.
    pub fn host() -> &'static Self {
        ARCHES.iter().find(|arch| arch.is_host()).unwrap_or(&ARCHES[0])
    }

    /// Whether a guest's instructions could run on this computer's processor.
    pub fn is_host(&self) -> bool {
        self.kernel_name == std::env::consts::ARCH
    }
}
