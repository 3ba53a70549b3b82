//! The block devices that the kernel knows, from /sys/block (sysfs(5)).
//!
//! Devices come and go while this looks at them, so what cannot be read is not there.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

const DISKS: &str = "/sys/block";
/// sysfs counts sectors of 512 bytes, whatever the device's own are.
const SECTOR: u64 = 512;

/// A disk or a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Where its node is: `/dev/nvme0n1p1`.
    pub path: PathBuf,
    /// In bytes; 0 is a drive without a medium, or a network block device that is not attached.
    pub size: u64,
    /// Nothing can be written to it.
    pub read_only: bool,
}

/// A whole disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The disk itself.
    pub device: Device,
    /// What its vendor calls it; may be empty.
    pub model: String,
    /// What is behind it.
    pub kind: DiskKind,
    /// It can be pulled out: a card, or anything on USB.
    pub removable: bool,
    /// What the kernel read from its partition table, by number.
    pub partitions: Vec<Partition>,
}

/// What is behind a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskKind {
    /// A drive of this machine.
    Drive,
    /// A drive of another machine (NBD, RBD, DRBD).
    Network,
    /// Something made of other disks (device mapper, md).
    Assembled,
    /// Loop, RAM, optical and floppy drives, raw flash: nothing is kept there, or not by this machine.
    Other,
}

/// A part of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The partition itself.
    pub device: Device,
    /// Its number in the table, from 1.
    pub number: u32,
    /// Its name in the table; empty where tables have none.
    pub name: String,
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole disk.
    Disk(Disk),
    /// A partition.
    Partition(Partition),
}

impl Device {
    fn read(folder: &Path) -> Option<Self> {
        // The node of `cciss!c0d0` is /dev/cciss/c0d0.
        let name = folder.file_name()?.to_str()?.replace('!', "/");
        Some(Self {
            path: Path::new("/dev").join(name),
            size: number(folder, "size")?.checked_mul(SECTOR)?,
            read_only: text(folder, "ro") == "1",
        })
    }

    /// Whether it is mounted, swapped to, or part of something larger, in any namespace; also if only a partition of it is.
    ///
    /// Whoever uses a device claims it, so the kernel is asked for a claim (`O_EXCL` on block devices, open(2)): a look into
    /// /proc/self/mountinfo would miss other namespaces, and btrfs, which shows numbers of its own there.
    pub fn is_in_use(&self) -> bool {
        let claim = open(&self.path, OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC, Mode::empty());
        claim.is_err_and(|errno| errno == Errno::BUSY)
    }
}

/// All disks: this machine's own first, each kind in the order of device numbers, which is the order that lsblk(8) shows.
pub fn disks() -> Vec<Disk> {
    let mut disks: Vec<_> = children(Path::new(DISKS))
        .into_iter()
        .filter_map(|folder| {
            let disk = read_disk(&folder)?;
            Some(((disk.kind, device_number(&folder)?), disk))
        })
        .collect();
    disks.sort_by_key(|(order, _)| *order);
    disks.into_iter().map(|(_, disk)| disk).collect()
}

/// The disk or partition that `path` names, directly or by a link; `None` if there is none, or its size is 0.
pub fn find(path: &Path) -> Option<Found> {
    let path = fs::canonicalize(path).ok()?;
    disks().into_iter().find_map(|disk| {
        if disk.device.path == path {
            return (disk.device.size > 0).then_some(Found::Disk(disk));
        }
        disk.partitions.into_iter().find(|partition| partition.device.path == path).map(Found::Partition)
    })
}

fn read_disk(folder: &Path) -> Option<Disk> {
    let mut partitions: Vec<_> =
        children(folder).iter().filter_map(|partition| read_partition(partition)).collect();
    partitions.sort_by_key(|partition| partition.number);
    let hardware = folder.join("device");
    Some(Disk {
        device: Device::read(folder)?,
        model: printable(&text(&hardware, "model")),
        kind: kind(folder.file_name()?.to_str()?),
        removable: text(folder, "removable") == "1" || text(&hardware, "type") == "SD" || is_usb(&hardware),
        partitions,
    })
}

fn read_partition(folder: &Path) -> Option<Partition> {
    let number = number(folder, "partition")?;
    let properties = text(folder, "uevent");
    let name = properties.lines().find_map(|line| line.strip_prefix("PARTNAME=")).unwrap_or_default();
    Some(Partition { device: Device::read(folder)?, number: number.try_into().ok()?, name: printable(name) })
}

/// By the kernel's names for its drivers' disks (Documentation/admin-guide/devices.txt).
fn kind(name: &str) -> DiskKind {
    let is = |prefixes: &[&str]| {
        prefixes.iter().any(|prefix| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    if is(&["loop", "ram", "zram", "sr", "fd", "mtdblock", "ubiblock"]) {
        DiskKind::Other
    } else if is(&["dm-", "md", "md_d", "bcache"]) {
        DiskKind::Assembled
    } else if is(&["nbd", "rbd", "drbd"]) {
        DiskKind::Network
    } else {
        DiskKind::Drive
    }
}

/// `device` links to where it is plugged in: `…/usb1/1-4/…`.
fn is_usb(hardware: &Path) -> bool {
    fs::canonicalize(hardware).is_ok_and(|path| {
        path.components().any(|part| part.as_os_str().to_str().is_some_and(|name| name.starts_with("usb")))
    })
}

fn device_number(folder: &Path) -> Option<(u32, u32)> {
    let text = text(folder, "dev");
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    text(folder, file).parse().ok()
}

fn text(folder: &Path, file: &str) -> String {
    let bytes = fs::read(folder.join(file)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Names on disks are foreign: they must not forge lines on the console.
pub(crate) fn printable(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_name() {
        for name in ["sda", "sdaa", "nvme0n1", "mmcblk0", "vda", "xvda", "pmem0", "cciss!c0d0", "ramdisk"] {
            assert_eq!(kind(name), DiskKind::Drive, "{name}");
        }
        for name in ["loop0", "ram15", "zram0", "sr0", "fd0", "mtdblock3"] {
            assert_eq!(kind(name), DiskKind::Other, "{name}");
        }
        for (name, expected) in
            [("dm-0", DiskKind::Assembled), ("md127", DiskKind::Assembled), ("nbd0", DiskKind::Network)]
        {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    /// The machine that the test runs on, as lsblk sees it.
    #[test]
    fn sizes_and_order_are_those_of_lsblk() {
        let output = std::process::Command::new("lsblk")
            .args(["--bytes", "--noheadings", "--nodeps", "--exclude", "7", "--output", "PATH,SIZE,RO"])
            .output()
            .unwrap();
        let expected = String::from_utf8(output.stdout).unwrap();
        let expected: Vec<Vec<&str>> =
            expected.lines().map(|line| line.split_whitespace().collect()).collect();
        for line in &expected {
            let disk = disks().into_iter().find(|disk| disk.device.path == Path::new(line[0])).unwrap();
            assert_eq!(disk.device.size.to_string(), line[1]);
            assert_eq!(disk.device.read_only, line[2] == "1");
        }
        assert!(!expected.is_empty());
    }

    #[test]
    fn names_forge_no_lines() {
        assert_eq!(printable(" a\nb\u{1b}[0m "), "a?b?[0m");
    }
}
