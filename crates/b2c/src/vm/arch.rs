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
    /// The kernel's name of the first serial port.
    pub console: &'static str,
}

const ARCHES: [Arch; 2] = [
    Arch {
        name: "amd64",
        kernel_name: "x86_64",
        qemu: "qemu-system-x86_64",
        machine: "q35",
        console: "ttyS0",
    },
    Arch {
        name: "arm64",
        kernel_name: "aarch64",
        qemu: "qemu-system-aarch64",
        machine: "virt",
        console: "ttyAMA0",
    },
];

impl Arch {
    /// The row with that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ARCHES.iter().find(|arch| arch.name == name)
    }

    /// This computer's own, or amd64 where there is no row for it.
    pub fn host() -> &'static Self {
        ARCHES.iter().find(|arch| arch.is_host()).unwrap_or(&ARCHES[0])
    }

    /// Whether a guest's instructions could run on this computer's processor.
    pub fn is_host(&self) -> bool {
        self.kernel_name == std::env::consts::ARCH
    }
}
