//! Whether KVM works here. /dev/kvm may exist and open, and still not run an ordinary kernel (nested virtualisation that emulates
//! only part of the instruction set), so it is tried with the very kernel that is to be booted.

use super::Arch;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the trial may take. A kernel without an initramfs panics, and thereby ends its machine, in under 2 s on KVM.
const PATIENCE: Duration = Duration::from_secs(10);

const KVM: [&str; 4] = ["-accel", "kvm", "-cpu", "host"];

/// What runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// This computer's processor.
    Kvm,
    /// QEMU's translator.
    Tcg,
}

impl Accelerator {
    /// The fastest one for `arch` that works here.
    pub fn choose(arch: &Arch, kernel: &Path) -> Self {
        if arch.is_host() && Path::new("/dev/kvm").exists() && kvm_works(arch, kernel) {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }

    /// QEMU's arguments for it.
    pub fn arguments(self, arch: &Arch) -> [&'static str; 4] {
        match self {
            Self::Kvm => KVM,
            Self::Tcg => ["-accel", "tcg", "-cpu", arch.emulated_cpu],
        }
    }

    /// How many processors the guest gets unless somebody says otherwise.
    ///
    /// One with TCG: its threads may run an instruction that another processor of the guest is replacing, and kernels replace their
    /// own (static keys). On two processors they crashed now and then with an `int3` oops.
    pub fn cpus(self) -> usize {
        match self {
            Self::Kvm => thread::available_parallelism().map_or(1, usize::from).min(4),
            Self::Tcg => 1,
        }
    }
}

/// The verdict of the first trial since this computer was started.
fn kvm_works(arch: &Arch, kernel: &Path) -> bool {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let record = |works: bool| format!("{} {}", boot.trim(), if works { "works" } else { "broken" });
    let verdict_file = verdict_file();
    let known = verdict_file.as_ref().and_then(|path| fs::read_to_string(path).ok());
    for works in [true, false] {
        if known.as_deref() == Some(&record(works)) {
            return works;
        }
    }
    let works = try_kvm(arch, kernel);
    if let Some(path) = verdict_file {
        // Only a saving of time: without the file, the next machine tries again.
        let _ = path.parent().map(fs::create_dir_all);
        let _ = fs::write(path, record(works));
    }
    works
}

/// In the user's cache folder (XDG Base Directory Specification).
fn verdict_file() -> Option<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    cache.is_absolute().then(|| cache.join("b2c/kvm"))
}

/// Boots the kernel without an initramfs: it must come as far as saying so, by the panic that ends the machine.
fn try_kvm(arch: &Arch, kernel: &Path) -> bool {
    let mut command = Command::new(arch.qemu);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "256M"]);
    command.args(KVM).args(["-machine", arch.machine, "-serial", "stdio"]).arg("-kernel").arg(kernel);
    command.args(["-append", &format!("console={} panic=-1", arch.console)]);
    let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut machine) = streams.spawn() else { return false };
    let Some(mut console) = machine.stdout.take() else { return false };
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before an error still counts.
        let _ = console.read_to_end(&mut text);
        text
    });
    let start = Instant::now();
    while start.elapsed() < PATIENCE && matches!(machine.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(20));
    }
    // It may have ended by itself.
    let _ = machine.kill();
    let _ = machine.wait();
    reader.join().is_ok_and(|text| String::from_utf8_lossy(&text).contains("Kernel panic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulated_machine_has_one_processor() {
        assert_eq!(Accelerator::Tcg.cpus(), 1);
        assert!((1..=4).contains(&Accelerator::Kvm.cpus()));
    }
}
