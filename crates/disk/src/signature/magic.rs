//! Formats that a fixed mark gives away: one row each.

use super::{Family, Signature, has, label};

/// A format.
pub(super) struct Magic {
    name: &'static str,
    family: Family,
    at: usize,
    mark: &'static [u8],
    /// Where its label is, and how long; a length of 0 is none.
    label: (usize, usize),
}

const fn row(name: &'static str, family: Family, at: usize, mark: &'static [u8]) -> Magic {
    Magic { name, family, at, mark, label: (0, 0) }
}

const fn labelled(
    name: &'static str,
    family: Family,
    at: usize,
    mark: &'static [u8],
    label: (usize, usize),
) -> Magic {
    Magic { name, family, at, mark, label }
}

use Family::{Bootable, FileSystem, Linux, Member, Swap};

/// Parts of something larger.
pub(super) static MEMBERS: &[Magic] = &[
    row("LUKS1", Member, 0, b"LUKS\xba\xbe\0\x01"),
    labelled("LUKS2", Member, 0, b"LUKS\xba\xbe\0\x02", (24, 48)),
    row("BitLocker", Member, 3, b"-FVE-FS-"),
    // The first pair of the label's name-value list (OpenZFS, vdev_label.c): the length of its name, and the name.
    row("ZFS", Member, 0x4014, b"\0\0\0\x07version"),
    row("bcache", Member, 4096 + 24, b"\xc6\x85\x73\xf6"),
];

/// The superblock of xfs has no other place, that of btrfs is the first of several.
pub(super) static OTHERS: &[Magic] = &[
    labelled("xfs", Linux, 0, b"XFSB", (108, 12)),
    labelled("btrfs", Linux, (64 << 10) + 64, b"_BHRfS_M", ((64 << 10) + 299, 256)),
    row("f2fs", FileSystem, 1024, b"\x10\x20\xf5\xf2"),
    row("erofs", FileSystem, 1024, b"\xe2\xe1\xf5\xe0"),
    row("squashfs", FileSystem, 0, b"hsqs"),
    row("ntfs", FileSystem, 3, b"NTFS    "),
    row("exfat", FileSystem, 3, b"EXFAT   "),
    row("hfs+", FileSystem, 1024, b"H+\0\x04"),
    row("hfs+", FileSystem, 1024, b"HX\0\x05"),
    row("apfs", FileSystem, 32, b"NXSB"),
    row("jfs", FileSystem, 32 << 10, b"JFS1"),
    row("reiserfs", FileSystem, (64 << 10) + 52, b"ReIsEr"),
    // In the last bytes of a page, whose size is the architecture's.
    labelled("swap", Swap, (4 << 10) - 10, b"SWAPSPACE2", SWAP_LABEL),
    labelled("swap", Swap, (8 << 10) - 10, b"SWAPSPACE2", SWAP_LABEL),
    labelled("swap", Swap, (16 << 10) - 10, b"SWAPSPACE2", SWAP_LABEL),
    labelled("swap", Swap, (64 << 10) - 10, b"SWAPSPACE2", SWAP_LABEL),
    labelled("iso9660", Bootable, (32 << 10) + 1, b"CD001", ((32 << 10) + 40, 32)),
    row("udf", FileSystem, (32 << 10) + 1, b"BEA01"),
];

const SWAP_LABEL: (usize, usize) = (1024 + 28, 16);

pub(super) fn identify(head: &[u8], rows: &[Magic]) -> Option<Signature> {
    let row = rows.iter().find(|row| has(head, row.at, row.mark))?;
    Some(Signature { family: row.family, name: row.name, label: label(head, row.label.0, row.label.1) })
}

/// LVM2 leaves its mark in one of the first four sectors (lvm2, lib/format_text/layout.h and label.h).
pub(super) fn lvm(head: &[u8]) -> Option<Signature> {
    let found = (0..4).map(|sector| sector * 512);
    let found = found.filter(|&at| has(head, at, b"LABELONE") && has(head, at + 24, b"LVM2 001")).count();
    (found > 0).then(|| Signature { family: Member, name: "LVM2", label: String::new() })
}

/// FAT12, FAT16 and FAT32: the boot sector's own names for them (Microsoft's FAT specification, section 3).
pub(super) fn fat(head: &[u8]) -> Option<Signature> {
    let is_boot_sector = has(head, 510, &[0x55, 0xaa]) && matches!(head.first(), Some(0xeb | 0xe9));
    let label = if !is_boot_sector {
        return None;
    } else if has(head, 82, b"FAT32   ") {
        label(head, 71, 11)
    } else if has(head, 54, b"FAT") {
        label(head, 43, 11)
    } else {
        return None;
    };
    let label = if label == "NO NAME" { String::new() } else { label };
    Some(Signature { family: Bootable, name: "vfat", label })
}
