//! The file systems that everything else expects.

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use std::ffi::CString;
use std::path::Path;

/// One mount(2).
struct FileSystem {
    kind: &'static str,
    target: &'static str,
    flags: MountFlags,
    options: &'static str,
    /// A kernel may be built without it.
    optional: bool,
}

const fn file_system(
    kind: &'static str,
    target: &'static str,
    flags: MountFlags,
    options: &'static str,
) -> FileSystem {
    FileSystem { kind, target, flags, options, optional: false }
}

const fn optional(kind: &'static str, target: &'static str) -> FileSystem {
    FileSystem { kind, target, flags: SAFE, options: "", optional: true }
}

const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Parents before children.
const FILE_SYSTEMS: [FileSystem; 13] = [
    file_system("proc", "/proc", SAFE, ""),
    file_system("sysfs", "/sys", SAFE, ""),
    file_system("devtmpfs", "/dev", MountFlags::NOSUID, "mode=0755"),
    file_system(
        "devpts",
        "/dev/pts",
        MountFlags::NOSUID.union(MountFlags::NOEXEC),
        "gid=5,mode=0620,ptmxmode=0666",
    ),
    file_system("tmpfs", "/dev/shm", MountFlags::NOSUID.union(MountFlags::NODEV), "mode=1777"),
    file_system("cgroup2", "/sys/fs/cgroup", SAFE, "nsdelegate"),
    optional("debugfs", "/sys/kernel/debug"),
    optional("tracefs", "/sys/kernel/tracing"),
    optional("securityfs", "/sys/kernel/security"),
    optional("configfs", "/sys/kernel/config"),
    optional("bpf", "/sys/fs/bpf"),
    optional("pstore", "/sys/fs/pstore"),
    optional("efivarfs", "/sys/firmware/efi/efivars"),
];

/// Folders that programs and containers expect, with their modes.
const FOLDERS: [(&str, u32); 10] = [
    ("/etc", 0o755),
    ("/run", 0o755),
    ("/tmp", 0o1777),
    ("/var", 0o755),
    ("/var/tmp", 0o1777),
    ("/root", 0o700),
    ("/storage", 0o755),
    ("/lib", 0o755),
    ("/sbin", 0o755),
    ("/usr", 0o755),
];

/// Links that programs, the kernel and users expect (the last is the cache's older name).
const LINKS: [(&str, &str); 6] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    (crate::modprobe::PATH, super::PROGRAM),
    ("/container", "/storage"),
];

/// Which program the kernel calls for a module.
const MODPROBE_PATH: &str = "/proc/sys/kernel/modprobe";

/// Mounts and makes all of the above. A machine may live without any one of them, so each failure is returned as a line and the rest goes on.
pub fn mount_all() -> Vec<String> {
    let mut failures = Vec::new();
    for file_system in &FILE_SYSTEMS {
        if let Err(errno) = mount_one(file_system) {
            failures.push(format!("Could not mount {} on {}: {errno}", file_system.kind, file_system.target));
        }
    }
    for (path, mode) in FOLDERS {
        if let Err(error) = make_folder(path, mode) {
            failures.push(format!("Could not make the folder {path}: {error}"));
        }
    }
    for (link, target) in LINKS {
        if Path::new(link).symlink_metadata().is_err()
            && let Err(error) = std::os::unix::fs::symlink(target, link)
        {
            failures.push(format!("Could not link {link} to {target}: {error}"));
        }
    }
    // Kernels are built with other paths, too. One without modules has no such file.
    if let Err(error) = std::fs::write(MODPROBE_PATH, crate::modprobe::PATH)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        failures.push(format!("Could not write {MODPROBE_PATH}: {error}"));
    }
    if let Err(error) = crate::firmware::look_into_usr_lib() {
        failures.push(format!("Drivers find no firmware in /usr/lib/firmware: {error}"));
    }
    failures
}

fn mount_one(file_system: &FileSystem) -> rustix::io::Result<()> {
    // In sysfs the kernel makes the folder where the file system is supported, and nobody else can.
    if let Err(error) = make_folder(file_system.target, 0o755)
        && !file_system.optional
    {
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    let options = CString::new(file_system.options).map_err(|_| Errno::INVAL)?;
    match mount(file_system.kind, file_system.target, file_system.kind, file_system.flags, options.as_c_str())
    {
        Err(Errno::BUSY) => Ok(()),
        Err(_) if file_system.optional => Ok(()),
        result => result,
    }
}

/// Makes `path` unless it is there; what another archive of the initrd brought stays as it is.
fn make_folder(path: &str, mode: u32) -> std::io::Result<()> {
    if Path::new(path).exists() {
        return Ok(());
    }
    std::fs::create_dir(path)?;
    rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
    Ok(())
}
