//! Extra arguments that the machine itself holds: files of the initramfs, QEMU's firmware configuration, SMBIOS. docs/options.md has their order.

use super::{MAX_EXTRA_ARGS, Text};
use crate::modprobe;
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

/// As the firmware left it (Documentation/ABI/testing/sysfs-firmware-dmi-tables). Large machines have some 100 KiB.
const SMBIOS: &str = "/sys/firmware/dmi/tables/DMI";

/// What there is, in order of precedence, and why the rest cannot be read.
pub fn texts() -> Vec<Result<Text, String>> {
    let mut texts: Vec<_> = files().into_iter().filter_map(|path| file(&path)).collect();
    load_fw_cfg();
    texts.extend(read(Path::new(FW_CFG)).map(|bytes| of_firmware(text("fw_cfg opt/b2c/args", bytes))));
    texts.extend(firmware_strings());
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
    Some(text(&path.display().to_string(), read(path)?))
}

fn firmware_strings() -> Vec<Result<Text, String>> {
    let Some(table) = read(Path::new(SMBIOS)) else { return Vec::new() };
    let failed = |reason: String| vec![Err(format!("SMBIOS: {reason}"))];
    let table = match table {
        Ok(table) => table,
        Err(reason) => return failed(reason),
    };
    match smbios::args(&table) {
        Ok(found) => {
            let named = |(bytes, number): (&[u8], usize)| {
                of_firmware(text(&format!("SMBIOS b2c.args {number}"), Ok(bytes.to_vec())))
            };
            found.into_iter().zip(1..).map(named).collect()
        }
        Err(malformed) => failed(malformed.to_string()),
    }
}

fn text(name: &str, bytes: Result<Vec<u8>, String>) -> Result<Text, String> {
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()));
    text.map(|text| Text { name: name.to_owned(), text, firmware: false })
        .map_err(|reason| format!("{name}: {reason}"))
}

fn of_firmware(text: Result<Text, String>) -> Result<Text, String> {
    text.map(|text| Text { firmware: true, ..text })
}

/// `None` if there is no such file.
fn read(path: &Path) -> Option<Result<Vec<u8>, String>> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_EXTRA_ARGS + 1).read_to_end(&mut bytes).map(drop));
    match read {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => Some(Err(error.to_string())),
        Ok(()) if bytes.len() as u64 > MAX_EXTRA_ARGS => {
            Some(Err(format!("longer than {MAX_EXTRA_ARGS} bytes")))
        }
        Ok(()) => Some(Ok(bytes)),
    }
}

/// Loads the driver where there is such a device: only there may its module be looked for, which takes a moment.
fn load_fw_cfg() {
    if Path::new(FW_CFG_DRIVER).exists() || !FW_CFG_DEVICES.iter().any(|(bus, name)| has_device(bus, name)) {
        return;
    }
    // Without the module nobody has put anything there that could be read.
    if let Err(error) = modprobe::modules(&[]).and_then(|modules| modules.load(FW_CFG_MODULE)) {
        log::debug!("{error}");
    }
}

fn has_device(bus: &str, name: &str) -> bool {
    let names = std::fs::read_dir(bus).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|it| it.to_string_lossy().contains(name))
}
