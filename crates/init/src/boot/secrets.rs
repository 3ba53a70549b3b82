//! The kernel shows its command line, and what the firmware holds, to everybody. What the machine and its containers see of it from here on has no secrets (docs/secrets.md).

use super::command_line::CommandLine;
use container::StandIn;
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The kernel's log begins with the command line: it is for those with CAP_SYSLOG then (Documentation/admin-guide/sysctl/kernel.rst).
const DMESG_RESTRICT: &str = "/proc/sys/kernel/dmesg_restrict";
/// In memory.
const FOLDER: &str = "/run/b2c/without-secrets";
/// Where the kernel shows the SMBIOS table, and QEMU's firmware configuration, which holds the table too.
const FIRMWARE: [&str; 3] = [
    "/sys/firmware/dmi/tables/DMI",
    "/sys/firmware/qemu_fw_cfg/by_name/etc/smbios/smbios-tables/raw",
    "/sys/firmware/qemu_fw_cfg/by_name/opt/b2c/args/raw",
];
/// One folder for each structure of the SMBIOS table; those of OEM strings begin with their type.
const DMI_ENTRIES: &str = "/sys/firmware/dmi/entries";
const OEM_STRINGS: &str = "11-";

/// A text of the firmware, and the same of the same length without its secrets.
pub struct Blot {
    plain: Vec<u8>,
    blotted: Vec<u8>,
}

impl Blot {
    /// `None` if `text` has no secrets.
    pub fn new(text: &str, secrets: impl Iterator<Item = Range<usize>>) -> Option<Blot> {
        let plain = text.as_bytes().to_vec();
        let mut blotted = plain.clone();
        for secret in secrets.filter_map(|span| plain.get(span.clone()).map(|_| span)) {
            blotted[secret].fill(b'*');
        }
        (plain != blotted).then_some(Blot { plain, blotted })
    }

    /// Takes the secrets out of whatever holds the text. `false`: it does not.
    fn apply(&self, bytes: &mut [u8]) -> bool {
        let (mut at, mut found) = (0, false);
        while let Some(next) = bytes[at..].windows(self.plain.len()).position(|part| part == self.plain) {
            bytes[at + next..][..self.plain.len()].copy_from_slice(&self.blotted);
            (at, found) = (at + next + self.plain.len(), true);
        }
        found
    }
}

/// Puts files without secrets where the kernel shows them. Gives them for containers, which have a /proc and a /sys of their own.
pub fn hide(command_line: &CommandLine) -> io::Result<Vec<StandIn>> {
    let mut hidden = command_line.masked.as_deref().map_or_else(|| Ok(Vec::new()), hide_command_line)?;
    if !command_line.blots.is_empty() {
        hidden.extend(hide_firmware(&command_line.blots)?);
    }
    Ok(hidden)
}

fn hide_command_line(masked: &str) -> io::Result<Vec<StandIn>> {
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
        .map(|(place, text)| cover(Path::new(place), text.as_bytes()))
        .collect()
}

fn hide_firmware(blots: &[Blot]) -> io::Result<Vec<StandIn>> {
    let entries = std::fs::read_dir(DMI_ENTRIES).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(OEM_STRINGS));
    let entries = entries.map(|entry| entry.path().join("raw"));
    let mut hidden = Vec::new();
    // QEMU's names are links.
    for place in
        FIRMWARE.map(PathBuf::from).into_iter().chain(entries).filter_map(|it| it.canonicalize().ok())
    {
        let mut bytes = std::fs::read(&place)?;
        let mut found = false;
        for blot in blots {
            found |= blot.apply(&mut bytes);
        }
        if found {
            hidden.push(cover(&place, &bytes)?);
        }
    }
    Ok(hidden)
}

fn cover(place: &Path, bytes: &[u8]) -> io::Result<StandIn> {
    std::fs::create_dir_all(FOLDER)?;
    let file = Path::new(FOLDER).join(place.to_string_lossy().trim_start_matches('/').replace('/', "-"));
    std::fs::write(&file, bytes)?;
    mount_bind(&file, place)?;
    mount_remount(place, MountFlags::BIND | MountFlags::RDONLY, c"")?;
    Ok(StandIn { destination: place.to_owned(), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blot_covers_secrets_wherever_the_text_is() {
        let blot = Blot::new("a=secret b", std::iter::once(2..8)).unwrap();
        let mut bytes = b"\0a=secret b\0a=secret\0a=secret b".to_vec();
        assert!(blot.apply(&mut bytes));
        assert_eq!(bytes, b"\0a=****** b\0a=secret\0a=****** b");
        assert!(!blot.apply(&mut b"a=".to_vec()) && !blot.apply(&mut []));
        assert!(Blot::new("a=b", std::iter::empty()).is_none());
    }
}
