//! Extra arguments that the machine itself holds: files of the initramfs, QEMU's firmware configuration, SMBIOS. docs/options.md has their order.

use super::{MAX_EXTRA_ARGS, Text};
use crate::boot::hardware;
use modules::Modules;
use options::smbios;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A file of its own.
const FILE: &str = "/user/b2c-args";
/// Files of many.
const FOLDER: &str = "/etc/b2c.d";
/// Those of the folder that count.
const EXTENSION: &str = "args";
/// More files than anybody has.
const MAX_FILES: usize = 1000;

/// What the firmware of QEMU is told by `-fw_cfg name=opt/b2c/args,…` (Documentation/ABI/testing/sysfs-firmware-qemu_fw_cfg).
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/b2c/args/raw";
/// There with the driver.
const FW_CFG_DRIVER: &str = "/sys/firmware/qemu_fw_cfg/rev";
/// The devices that the driver is for: as ACPI and as device trees have them (docs/specs/fw_cfg of QEMU).
const FW_CFG_DEVICES: [(&str, &str); 2] =
    [("/sys/bus/acpi/devices", "QEMU0002:"), ("/sys/bus/platform/devices", "fw-cfg")];
/// The driver's module.
const FW_CFG_MODULE: &str = "qemu_fw_cfg";

/// As the firmware left it (Documentation/ABI/testing/sysfs-firmware-dmi-tables).
const SMBIOS: &str = "/sys/firmware/dmi/tables/DMI";
/// Of that, at most so much is read. Large machines have some 100 KiB; what is cut off is found out if it concerns us.
const MAX_SMBIOS: u64 = 16 << 20;

/// What there is, in order of precedence, and why the rest cannot be read.
pub fn texts(modules: Option<&Modules>) -> Vec<Result<Text, String>> {
    let mut texts: Vec<_> = files().into_iter().filter_map(|path| file(&path)).collect();
    load_fw_cfg(modules);
    texts.extend(
        read(Path::new(FW_CFG), MAX_EXTRA_ARGS + 1)
            .map(|bytes| of_firmware(text("fw_cfg opt/b2c/args", bytes))),
    );
    texts.extend(firmware_strings(Path::new(SMBIOS)));
    texts
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().take(MAX_FILES);
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == EXTENSION)).collect();
    paths.sort();
    paths.insert(0, FILE.into());
    paths
}

fn file(path: &Path) -> Option<Result<Text, String>> {
    Some(text(&path.display().to_string(), read(path, MAX_EXTRA_ARGS + 1)?))
}

/// Most firmware has nothing to say to us. If its table cannot be read, that must not stop machines that never had anything there.
fn firmware_strings(table: &Path) -> Vec<Result<Text, String>> {
    let table = match read(table, MAX_SMBIOS) {
        None => return Vec::new(),
        Some(Ok(table)) => table,
        Some(Err(reason)) => {
            log::warn!("{}: {reason}; going on without extra arguments from SMBIOS", table.display());
            return Vec::new();
        }
    };
    match smbios::args(&table) {
        Ok(found) => {
            let named = |(bytes, number): (&[u8], usize)| {
                of_firmware(text(&format!("SMBIOS b2c.args {number}"), Ok(bytes.to_vec())))
            };
            found.into_iter().zip(1..).map(named).collect()
        }
        Err(malformed) => vec![Err(format!("SMBIOS: {malformed}"))],
    }
}

fn text(name: &str, bytes: Result<Vec<u8>, String>) -> Result<Text, String> {
    let text = bytes.and_then(|bytes| match String::from_utf8(bytes) {
        Ok(text) if text.len() as u64 > MAX_EXTRA_ARGS => Err(format!("longer than {MAX_EXTRA_ARGS} bytes")),
        text => text.map_err(|_| "not UTF-8 text".to_owned()),
    });
    text.map(|text| Text { name: name.to_owned(), text, firmware: false })
        .map_err(|reason| format!("{name}: {reason}"))
}

fn of_firmware(text: Result<Text, String>) -> Result<Text, String> {
    text.map(|text| Text { firmware: true, ..text })
}

/// At most `limit` bytes; `None` if there is no such file.
fn read(path: &Path, limit: u64) -> Option<Result<Vec<u8>, String>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => Some(Err(error.to_string())),
        Ok(_) => Some(Ok(bytes)),
    }
}

/// Loads the driver where there is such a device.
fn load_fw_cfg(modules: Option<&Modules>) {
    if Path::new(FW_CFG_DRIVER).exists() || !FW_CFG_DEVICES.iter().any(|(bus, name)| has_device(bus, name)) {
        return;
    }
    // Without the module nobody has put anything there that could be read.
    hardware::load_if_there(modules, FW_CFG_MODULE);
}

fn has_device(bus: &str, name: &str) -> bool {
    let names = std::fs::read_dir(bus).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|it| it.to_string_lossy().contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with other strings of that size, and one of ours at its end.
    fn table(others: usize, ours: &str) -> Vec<u8> {
        [b"\x0b\x05\0\0\x02", "x".repeat(others).as_bytes(), b"\0b2c.args=", ours.as_bytes(), b"\0\0"]
            .concat()
    }

    fn found(table: &[u8]) -> Vec<Result<String, String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("DMI");
        std::fs::write(&path, table).unwrap();
        firmware_strings(&path).into_iter().map(|found| found.map(|text| text.text)).collect()
    }

    #[test]
    fn a_table_that_cannot_be_read_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(firmware_strings(folder.path()).is_empty());
        assert!(firmware_strings(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn a_large_table_is_read() {
        assert_eq!(found(&table(3 << 20, "b2c.pipefail")), [Ok("b2c.pipefail".to_owned())]);
        assert!(found(&vec![1; 17 << 20]).is_empty());
    }

    #[test]
    fn what_concerns_us_has_to_be_whole() {
        let whole = table(1, "b2c.pipefail");
        assert!(found(&whole[..whole.len() - 2])[0].as_ref().is_err_and(|error| error.contains("SMBIOS")));
        let long = table(1, &"x".repeat(1 + (1 << 20)));
        assert_eq!(found(&long), [Err("SMBIOS b2c.args 1: longer than 1048576 bytes".to_owned())]);
    }
}
