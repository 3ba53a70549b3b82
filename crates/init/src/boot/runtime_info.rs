//! What machine this is: the lines that farms keep with a job's log.

use crate::console::{CONSOLE, Fold};
use std::fmt::Write;
use std::fs;

/// Prints the lines.
pub fn print() {
    CONSOLE.section("runtime_info", "Runtime information", Fold::Collapsed);
    let uname = rustix::system::uname();
    CONSOLE.line(&format!("Linux version: {}", uname.release().to_string_lossy()));
    CONSOLE.line(&format!("Boot2container version: {}", env!("CARGO_PKG_VERSION")));
    CONSOLE.line(&format!("Architecture: {}", uname.machine().to_string_lossy()));
    CONSOLE.line(&format!("CPU: {}", cpu()));
    CONSOLE.line(&format!("RAM: {}", ram()));
    CONSOLE.line(&format!("Block devices:{}", block_devices()));
}

/// The processors' name where the architecture has one, and their number.
fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        matches!(key.trim(), "model name" | "Model" | "Hardware" | "uarch").then(|| value.trim())
    });
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} x {count}", name.unwrap_or("unknown"))
}

fn ram() -> String {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total.map_or_else(|| "unknown".to_owned(), |total| total.trim().to_owned())
}

/// ` name=size` of each; sizes in bytes with a binary unit.
fn block_devices() -> String {
    let Ok(devices) = fs::read_dir("/sys/block") else { return String::new() };
    let mut names: Vec<String> =
        devices.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.into_iter().fold(String::new(), |mut line, name| {
        let sectors = fs::read_to_string(format!("/sys/block/{name}/size"))
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok());
        // The kernel counts sectors of 512 bytes, whatever the device's own are. Writing to a String cannot fail.
        let _ = write!(line, " {name}={}", disk::human(sectors.unwrap_or(0).saturating_mul(512)));
        line
    })
}
