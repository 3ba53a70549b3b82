//! A virtual machine that boots a kernel and an initramfs with QEMU, its serial console on stdin and stdout.

mod accelerator;
mod arch;
mod cli;
mod status;
mod terminal;

use accelerator::Accelerator;
pub use arch::Arch;
pub use cli::{HELP, main};
pub use status::pipeline_status;

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine to be booted.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its architecture.
    pub arch: &'static Arch,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// One initramfs; [`join`] makes one of several.
    pub initrd: PathBuf,
    /// As QEMU's `-m` takes it: `384M`.
    pub memory: String,
    /// Number of processors; `None` leaves it to the accelerator: up to 4 with KVM, one without.
    pub cpus: Option<usize>,
    /// The kernel command line; the console is added in front.
    pub words: String,
    /// Raw disk images, each a virtio drive.
    pub disks: Vec<PathBuf>,
    /// One network card each.
    pub networks: Vec<Network>,
    /// The time of the hardware clock at the start, as QEMU's `-rtc base=` takes it; `None` is this computer's.
    pub clock: Option<String>,
}

/// What a network card is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// QEMU's user-mode network: DHCP, DNS, and this computer's loopback at 10.0.2.2. Holds further `-netdev user` options,
    /// such as `restrict=on`.
    User(String),
    /// A cable into a hub where nobody answers.
    Silent,
}

impl Machine {
    /// A machine of that architecture with 384 MB, as in the original's demo, on the user-mode network.
    pub fn new(arch: &'static Arch, kernel: impl Into<PathBuf>, initrd: impl Into<PathBuf>) -> Self {
        Self {
            arch,
            kernel: kernel.into(),
            initrd: initrd.into(),
            memory: "384M".into(),
            cpus: None,
            words: String::new(),
            disks: Vec::new(),
            networks: vec![Network::User(String::new())],
            clock: None,
        }
    }

    /// QEMU with all its arguments. It ends when the guest powers off or reboots, or with the thread that starts it.
    ///
    /// On stdin, `Ctrl-A X` ends it and `Ctrl-A C` switches to QEMU's monitor.
    pub fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", self.arch.qemu]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
        command.args(["-chardev", "stdio,id=console,mux=on,signal=off", "-serial", "chardev:console"]);
        command.args(["-mon", "chardev=console", "-machine", self.arch.machine]);
        let accelerator = Accelerator::choose(self.arch, &self.kernel);
        command.args(accelerator.arguments(self.arch));
        let cpus = self.cpus.unwrap_or_else(|| accelerator.cpus());
        command.args(["-m", &self.memory, "-smp", &cpus.to_string()]);
        command.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initrd);
        command.args(["-append", &format!("console={} {}", self.arch.console, self.words)]);
        if let Some(time) = &self.clock {
            command.args(["-rtc", &format!("base={time}")]);
        }
        // Entropy: without it, TLS may wait for the kernel's pool.
        command.args(["-device", "virtio-rng-pci"]);
        for (network, number) in self.networks.iter().zip(0..) {
            command.args(network.arguments(number));
        }
        for disk in &self.disks {
            let path = disk.display().to_string().replace(',', ",,");
            command.args(["-drive", &format!("file={path},format=raw,if=virtio")]);
        }
        command
    }
}

impl Network {
    fn arguments(&self, number: usize) -> [String; 4] {
        let backend = match self {
            Self::User(options) if options.is_empty() => format!("user,id=net{number}"),
            Self::User(options) => format!("user,id=net{number},{options}"),
            Self::Silent => format!("hubport,id=net{number},hubid={number}"),
        };
        // No ROM: nobody boots from this card, and it takes time to load.
        let card = format!("virtio-net-pci,netdev=net{number},romfile=");
        ["-netdev".into(), backend, "-device".into(), card]
    }
}

/// Writes `parts` one after the other to `whole`, as boot loaders do with several initramfs files.
///
/// Each part starts at a multiple of 4 bytes, where the kernel looks for an uncompressed archive.
pub fn join(parts: &[PathBuf], whole: &Path) -> io::Result<()> {
    let mut out = File::create(whole)?;
    for part in parts {
        let mut file = File::open(part).map_err(|error| named(&error, part.display()))?;
        let length = io::copy(&mut file, &mut out).map_err(|error| named(&error, part.display()))?;
        let padding = length.next_multiple_of(4) - length;
        io::copy(&mut io::Read::take(io::repeat(0), padding), &mut out)?;
    }
    Ok(())
}

/// The same error with what it is about in front.
fn named(error: &io::Error, what: impl Display) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// The word that gives the option `name` the value `text`, quoted as the command line's grammar wants it.
pub fn option(name: &str, text: &str) -> String {
    format!("{name}=\"{}\"", text.replace('"', "\\\""))
}
