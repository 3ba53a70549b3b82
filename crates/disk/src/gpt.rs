//! A partition table for the cache: GPT (UEFI specification, section 5), with one partition over the whole disk.

use crate::block::{self, Disk, Found, Partition};
use crate::events::Events;
use crate::{Error, wipe};
use rustix::fs::ioctl_blksszget;
use rustix::io::Errno;
use rustix::ioctl::{NoArg, Opcode, ioctl, opcode};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where partitions start and end: what every drive's own blocks divide.
const ALIGNMENT: u64 = 1 << 20;
/// Bytes of all entries: 128 of 128 bytes. Readers expect no less.
const ENTRIES: usize = 128 * 128;
/// Bytes of a header.
const HEADER: u32 = 92;
/// "Linux filesystem data", 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as it is on disk.
const LINUX: [u8; 16] =
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];

/// `_IO(0x12, 95)`: read the partition table again (linux/fs.h).
const BLKRRPART: Opcode = opcode::none(0x12, 95);

/// The kernel makes the partitions before it answers BLKRRPART; this is for drivers that read the table by themselves later.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wipes `disk` and makes one partition called `name` on it.
pub(crate) fn repartition(disk: &Disk, name: &str, events: &Events) -> Result<Partition, Error> {
    let path = &disk.device.path;
    let node = wipe::claim(path)?;
    wipe::wipe(&node, path, disk.device.size)?;
    write(&node, disk.device.size, name)
        .map_err(Error::io(format!("write a partition table to {}", path.display())))?;
    // Kernels differ in whether they read the table again while somebody has claimed the disk.
    drop(node);
    read_again(path)?;
    let first = partition_path(path, 1);
    let found = events.wait_for(Instant::now() + PATIENCE, || match block::find(&first) {
        Some(Found::Partition(partition)) => Some(partition),
        _ => None,
    })?;
    found.ok_or_else(|| Error::NoPartition { device: path.clone() })
}

/// The node of a disk's partition: `sda1`, but `nvme0n1p1` (disk_name() in the kernel).
fn partition_path(disk: &Path, number: u32) -> PathBuf {
    let disk = disk.display().to_string();
    let separator = if disk.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("{disk}{separator}{number}"))
}

/// Has the kernel read the partition table of a disk.
pub(crate) fn read_again(path: &Path) -> Result<(), Error> {
    let node = File::open(path).map_err(Error::io(format!("open {}", path.display())))?;
    // SAFETY: BLKRRPART takes no argument and touches no memory of ours.
    match unsafe { ioctl(&node, NoArg::<BLKRRPART>::new()) } {
        Ok(()) => Ok(()),
        Err(Errno::BUSY) => Err(Error::InUse { device: path.to_owned() }),
        // The driver has no partitions (a loop device without LO_FLAGS_PARTSCAN, a device mapper target).
        Err(Errno::INVAL) => Err(Error::NoPartition { device: path.to_owned() }),
        Err(errno) => Err(Error::io(format!("read the partition table of {}", path.display()))(errno)),
    }
}

fn write(disk: &File, size: u64, name: &str) -> io::Result<()> {
    let sector = ioctl_blksszget(disk)? as usize;
    let mut ids = [[0; 16]; 2];
    for id in &mut ids {
        *id = random_guid()?;
    }
    let table = Table { sector, sectors: size / sector as u64, disk: ids[0], partition: ids[1] };
    let (start, end) = table.encode(name);
    disk.write_all_at(&end, table.sectors * sector as u64 - end.len() as u64)?;
    disk.write_all_at(&start, 0)?;
    disk.sync_all()
}

/// Version 4, variant 1 (RFC 9562, section 5.4); the third field, with the version, is little-endian on disk.
fn random_guid() -> io::Result<[u8; 16]> {
    let mut guid = [0; 16];
    // Up to 256 bytes come whole.
    getrandom(&mut guid, GetRandomFlags::empty())?;
    guid[7] = guid[7] & 0x0f | 0x40;
    guid[8] = guid[8] & 0x3f | 0x80;
    Ok(guid)
}

/// What a table is made of. The disk has at least 4 MiB, so that all of it fits.
struct Table {
    /// Bytes in a logical sector: a power of 2 from 512 to 4096.
    sector: usize,
    /// Sectors of the disk.
    sectors: u64,
    disk: [u8; 16],
    partition: [u8; 16],
}

impl Table {
    /// The disk's first sectors and its last ones.
    fn encode(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let entries = self.entries(name);
        let last = self.sectors - 1;
        let mut start = self.in_sectors(self.protective_mbr());
        start.extend(self.in_sectors(self.header(1, last, 2, &entries)));
        start.extend(&entries);
        let backup = self.header(last, 1, last - self.entry_sectors(), &entries);
        let mut end = entries;
        end.extend(self.in_sectors(backup));
        (start, end)
    }

    fn entry_sectors(&self) -> u64 {
        (ENTRIES / self.sector) as u64
    }

    /// First and last sector that a partition may have.
    fn usable(&self) -> (u64, u64) {
        (2 + self.entry_sectors(), self.sectors - 2 - self.entry_sectors())
    }

    fn entries(&self, name: &str) -> Vec<u8> {
        let aligned = ALIGNMENT / self.sector as u64;
        let end = (self.usable().1 + 1) / aligned * aligned;
        let mut entries = Vec::with_capacity(ENTRIES);
        entries.extend(LINUX);
        entries.extend(self.partition);
        entries.extend(aligned.to_le_bytes());
        entries.extend((end - 1).to_le_bytes());
        // No attributes.
        entries.extend([0; 8]);
        entries.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        entries.resize(ENTRIES, 0);
        entries
    }

    fn header(&self, at: u64, other: u64, entries_at: u64, entries: &[u8]) -> Vec<u8> {
        let (first, last) = self.usable();
        let mut header = b"EFI PART".to_vec();
        // Revision 1.0.
        header.extend(0x0001_0000_u32.to_le_bytes());
        header.extend(HEADER.to_le_bytes());
        // The header's own checksum, and 4 reserved bytes.
        header.extend([0; 8]);
        for place in [at, other, first, last] {
            header.extend(place.to_le_bytes());
        }
        header.extend(self.disk);
        header.extend(entries_at.to_le_bytes());
        // So many entries, and so many bytes in each.
        header.extend(128_u32.to_le_bytes());
        header.extend(128_u32.to_le_bytes());
        header.extend(crc32(entries).to_le_bytes());
        let checksum = crc32(&header).to_le_bytes();
        header[16..20].copy_from_slice(&checksum);
        header
    }

    /// One partition of type EE over everything, so that programs that only know MBR see a full disk.
    fn protective_mbr(&self) -> Vec<u8> {
        let sectors = u32::try_from(self.sectors - 1).unwrap_or(u32::MAX);
        let mut mbr = vec![0; 446];
        mbr.extend([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]);
        mbr.extend(1_u32.to_le_bytes());
        mbr.extend(sectors.to_le_bytes());
        mbr.resize(510, 0);
        mbr.extend([0x55, 0xaa]);
        mbr
    }

    /// Filled up to whole sectors.
    fn in_sectors(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.resize(bytes.len().next_multiple_of(self.sector), 0);
        bytes
    }
}

/// CRC-32 as in Ethernet, which the specification asks for.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn table(sector: usize, size: u64) -> Table {
        Table { sector, sectors: size / sector as u64, disk: [0x11; 16], partition: [0x22; 16] }
    }

    /// A file with the table on it, as a disk would have it.
    fn file(table: &Table) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (start, end) = table.encode("B2C_CACHE");
        let size = table.sectors * table.sector as u64;
        file.as_file().set_len(size).unwrap();
        file.as_file().write_all_at(&start, 0).unwrap();
        file.as_file().write_all_at(&end, size - end.len() as u64).unwrap();
        file
    }

    #[test]
    fn sfdisk_finds_nothing_wrong() {
        for size in [MINIMUM_SIZE, 4 << 30, (10 << 30) + 512 * 7] {
            let file = file(&table(512, size));
            let output = Command::new("/sbin/sfdisk").arg("--verify").arg(file.path()).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && text.contains("No errors detected"), "{size}: {text}");
            assert!(text.contains("Using 1 out of 128 partitions"), "{text}");
        }
    }

    const MINIMUM_SIZE: u64 = crate::cache::MINIMUM;

    #[test]
    fn the_partition_is_aligned_and_over_all_of_the_disk() {
        let file = file(&table(512, 1 << 30));
        let output = Command::new("/sbin/sfdisk").arg("--dump").arg(file.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("label: gpt"), "{text}");
        // From 1 MiB to the last whole MiB before the second copy.
        assert!(text.contains("start=        2048, size=     2093056"), "{text}");
        assert!(text.contains("type=0FC63DAF-8483-4772-8E79-3D69D8477DE4"), "{text}");
        assert!(text.contains("name=\"B2C_CACHE\""), "{text}");
    }

    #[test]
    fn sectors_of_4096_bytes() {
        let file = file(&table(4096, 1 << 30));
        let output = Command::new("/sbin/fdisk")
            .args(["--sector-size=4096", "--list", "--output=Start,Sectors,Name"])
            .arg(file.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("  256  261632 B2C_CACHE"), "{text}");
    }

    #[test]
    fn either_copy_is_enough() {
        let file = file(&table(512, 1 << 30));
        file.as_file().write_all_at(&[0; 1024], 512).unwrap();
        let output = Command::new("/sbin/sfdisk").arg("--dump").arg(file.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("name=\"B2C_CACHE\""), "{text}");
    }

    #[test]
    fn checksums_are_those_of_ethernet() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn partitions_of_disks_whose_name_ends_in_a_digit() {
        for (disk, partition) in
            [("/dev/sda", "/dev/sda1"), ("/dev/nvme0n1", "/dev/nvme0n1p1"), ("/dev/nbd0", "/dev/nbd0p1")]
        {
            assert_eq!(partition_path(Path::new(disk), 1), Path::new(partition));
        }
    }
}
