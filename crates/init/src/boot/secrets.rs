//! The kernel shows its command line to everybody. What the machine and its containers see of it from here on has no secrets (docs/secrets.md).

use container::StandIn;
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use std::io;
use std::path::Path;

/// The kernel's log begins with the command line: it is for those with CAP_SYSLOG then (Documentation/admin-guide/sysctl/kernel.rst).
const DMESG_RESTRICT: &str = "/proc/sys/kernel/dmesg_restrict";
/// In memory.
const FOLDER: &str = "/run/b2c/without-secrets";

/// Puts files with `masked`, the command line without its secrets, where the kernel shows it. Gives them for containers, which have a /proc of their own.
pub fn hide(masked: &str) -> io::Result<Vec<StandIn>> {
    std::fs::create_dir_all(FOLDER)?;
    // A kernel without a log has no such file.
    if Path::new(DMESG_RESTRICT).exists() {
        std::fs::write(DMESG_RESTRICT, "1")?;
    }
    let files = [
        ("/proc/cmdline", format!("{masked}\n")),
        // Where words of the command line may come from, in another grammar: all of it may be secret.
        ("/proc/bootconfig", String::new()),
        // Architectures with device trees; the string is a C one.
        ("/sys/firmware/devicetree/base/chosen/bootargs", format!("{masked}\0")),
    ];
    files
        .into_iter()
        .filter(|(place, _)| Path::new(place).exists())
        .map(|(place, text)| cover(place, &text))
        .collect()
}

fn cover(place: &str, text: &str) -> io::Result<StandIn> {
    let destination = Path::new(place);
    let file = Path::new(FOLDER).join(destination.file_name().unwrap_or_default());
    std::fs::write(&file, text)?;
    mount_bind(&file, destination)?;
    mount_remount(destination, MountFlags::BIND | MountFlags::RDONLY, c"")?;
    Ok(StandIn { destination: destination.to_owned(), file })
}
