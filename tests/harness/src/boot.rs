//! What a test boots.

use crate::console::{Outcome, Vm};
use crate::drive::Drive;
use crate::farm::Farm;
use b2c::cpio::{self, Entry};
use b2c::vm::{Arch, Machine, Network, join};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where `tools/kernel ARCH stock` puts its files.
const STOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/stock");

/// A machine to be booted: what `make dist` built, with what a test adds.
#[derive(Clone, Debug)]
pub struct Boot {
    machine: Machine,
    initrds: Vec<PathBuf>,
    files: Vec<Entry>,
    arguments: Vec<String>,
    /// Runs QEMU somewhere else than the tests.
    wrapper: Vec<String>,
    timeout: Duration,
}

impl Boot {
    /// With those words on the kernel command line, in 384 MB, one processor, the user-mode network.
    ///
    /// The kernel is quiet unless the words say otherwise, and a panic ends the machine.
    pub fn new(words: &str) -> Self {
        let arch = Arch::host();
        let dist = dist();
        let mut machine = Machine::new(arch, dist.join(format!("linux-{}", arch.kernel_name)), "");
        machine.cpus = Some(1);
        // An emulated processor that gets no time for a moment makes the kernel believe that its timer is broken, and panic.
        machine.words = format!("quiet panic=-1 no_timer_check {words}");
        let initrds = vec![
            dist.join(format!("initramfs.linux_{}.cpio.xz", arch.name)),
            dist.join(format!("linux-{}.modules.cpio.xz", arch.kernel_name)),
        ];
        Self {
            machine,
            initrds,
            files: Vec::new(),
            arguments: Vec::new(),
            wrapper: Vec::new(),
            timeout: Duration::from_secs(180),
        }
    }

    /// With the ordinary kernel of Debian 12 and the modules of tools/stock-modules.list: almost all of its drivers are modules, also those of virtio.
    pub fn stock_kernel(mut self) -> Self {
        let kernel = Path::new(STOCK).join(format!("linux-{}", Arch::host().kernel_name));
        assert!(kernel.exists(), "`tools/kernel ARCH stock` has been run");
        self.initrds[1] = kernel.with_extension("modules.cpio.xz");
        self.machine.kernel = kernel;
        self
    }

    /// Adds words to the command line.
    pub fn append(mut self, words: &str) -> Self {
        self.machine.words = format!("{} {words}", self.machine.words);
        self
    }

    /// As QEMU's `-m` takes it: `128M`.
    pub fn memory(mut self, size: &str) -> Self {
        size.clone_into(&mut self.machine.memory);
        self
    }

    /// How many processors it has.
    pub fn cpus(mut self, count: usize) -> Self {
        self.machine.cpus = Some(count);
        self
    }

    /// No network card at all.
    pub fn no_network(self) -> Self {
        self.networks(Vec::new())
    }

    /// One card on that network.
    pub fn network(self, network: Network) -> Self {
        self.networks(vec![network])
    }

    /// A card on each of these networks.
    pub fn networks(mut self, networks: Vec<Network>) -> Self {
        self.machine.networks = networks;
        self
    }

    /// One card on the farm's network, which holds one machine at a time.
    pub fn inside(mut self, farm: &Farm) -> Self {
        self.arguments.extend(farm.card().map(str::to_owned));
        self.wrapper = farm.wrapper().into();
        self.no_network()
    }

    /// A raw image as one more virtio disk.
    pub fn disk(mut self, path: impl Into<PathBuf>) -> Self {
        self.machine.disks.push(path.into());
        self
    }

    /// A drive whose power can be cut, as one more virtio disk.
    pub fn drive(mut self, drive: &Drive) -> Self {
        let id = format!("drive{}", self.arguments.len());
        self.arguments.extend(drive.arguments(&id));
        self
    }

    /// Further arguments for QEMU.
    pub fn qemu<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Files of one more cpio archive that follows the initramfs: `("user/job.env", "A=1")`. Made executable for all.
    pub fn extra_cpio<P: Into<PathBuf>, C: Into<Vec<u8>>>(
        self,
        files: impl IntoIterator<Item = (P, C)>,
    ) -> Self {
        self.extra_entries(files.into_iter().map(|(path, contents)| Entry::file(path, 0o755, contents)))
    }

    /// Entries of any kind in that archive.
    pub fn extra_entries(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.files.extend(entries);
        self
    }

    /// The hardware clock's time at the start: `1980-01-01T00:00:00`.
    pub fn clock(mut self, time: &str) -> Self {
        self.machine.clock = Some(time.into());
        self
    }

    /// One more initramfs, as a file, after the others.
    pub fn initrd(mut self, path: impl Into<PathBuf>) -> Self {
        self.initrds.push(path.into());
        self
    }

    /// Without the archive of kernel modules.
    pub fn without_modules(mut self) -> Self {
        self.initrds.remove(1);
        self
    }

    /// How long the machine may run; 180 s unless told otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Boots the machine and waits for its end.
    ///
    /// # Panics
    /// With the end of the console, if the kernel panics or the time is over.
    #[track_caller]
    pub fn run(self) -> Outcome {
        let outcome = self.spawn().finish();
        assert!(outcome.exited, "the machine does not end; its console's end:\n{}", outcome.tail());
        assert!(!outcome.console.contains("Kernel panic"), "the kernel panicked:\n{}", outcome.tail());
        outcome
    }

    /// Boots the machine, to be talked to.
    pub fn spawn(mut self) -> Vm {
        let folder = tempfile::Builder::new().prefix("b2c-boot").tempdir().unwrap();
        if !self.files.is_empty() {
            let mut archive = Vec::new();
            cpio::write(&mut archive, &cpio::with_parents(self.files)).unwrap();
            let extra = folder.path().join("extra.cpio");
            fs::write(&extra, archive).unwrap();
            self.initrds.push(extra);
        }
        let whole = folder.path().join("initrd");
        join(&self.initrds, &whole).expect("`make dist` has been run");
        self.machine.initrd = whole;
        let mut command = self.machine.command();
        command.args(&self.arguments);
        Vm::start(&mut wrapped(&self.wrapper, command), self.timeout, folder)
    }
}

/// The command, run by the program and arguments of `wrapper`, if there are any.
fn wrapped(wrapper: &[String], inner: Command) -> Command {
    let Some((program, arguments)) = wrapper.split_first() else { return inner };
    let mut command = Command::new(program);
    command.args(arguments).arg(inner.get_program()).args(inner.get_args());
    command
}

/// Where `make dist` puts its files; `B2C_DIST` names another folder.
pub fn dist() -> PathBuf {
    std::env::var_os("B2C_DIST")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist")), PathBuf::from)
}
