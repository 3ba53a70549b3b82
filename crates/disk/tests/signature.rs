//! What is on a device: made by the formats' own tools where those work on a file, and judged by blkid(8) where they do not.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use disk::signature::{Ends, Family, Signature, identify};
use std::os::unix::fs::FileExt;
use std::process::Command;
use tempfile::NamedTempFile;

const SIZE: u64 = 300 << 20;

fn image() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    file.as_file().set_len(SIZE).unwrap();
    file
}

/// An image that a command line has filled, the image's path at its end.
fn made_by(command: &str) -> NamedTempFile {
    let image = image();
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(words)
        .arg(image.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    image
}

fn on(image: &NamedTempFile) -> Option<Signature> {
    let size = image.as_file().metadata().unwrap().len();
    identify(&Ends::read(image.path(), size).unwrap())
}

/// The TYPE of blkid's own look at the image.
fn blkid(image: &NamedTempFile) -> String {
    let output = Command::new("/sbin/blkid")
        .args(["--probe", "--output", "value", "--match-tag", "TYPE"])
        .arg(image.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_tools_format_and_label() {
    for (command, name, label) in [
        ("mke2fs -q -t ext4 -L B2C_CACHE", "ext4", "B2C_CACHE"),
        ("mke2fs -q -t ext4 -L sixteen.letters!", "ext4", "sixteen.letters!"),
        ("mke2fs -q -t ext3 -L three", "ext3", "three"),
        ("mke2fs -q -t ext2 -L two", "ext2", "two"),
        ("mkfs.xfs -q -L B2C_CACHE", "xfs", "B2C_CACHE"),
        ("mkfs.btrfs -q -L B2C_CACHE", "btrfs", "B2C_CACHE"),
        ("mkfs.vfat -F 32 -n ESP", "vfat", "ESP"),
        ("mkfs.vfat -F 16", "vfat", ""),
        ("mkswap -q -L spare", "swap", "spare"),
        ("mkswap -q --pagesize 65536", "swap", ""),
    ] {
        let found = on(&made_by(command)).unwrap_or_else(|| panic!("nothing after {command}"));
        assert_eq!((found.name, found.label.as_str()), (name, label), "{command}");
    }
}

#[test]
fn locked_devices_are_members() {
    for (kind, label, name) in [("luks1", "", "LUKS1"), ("luks2", "--label=secret", "LUKS2")] {
        let key = NamedTempFile::new().unwrap();
        key.as_file().write_all_at(b"a passphrase", 0).unwrap();
        let options = "--batch-mode --pbkdf=pbkdf2 --pbkdf-force-iterations=1000";
        let key = format!("--key-file={}", key.path().display());
        let command = format!("cryptsetup luksFormat {options} --type={kind} {key} {label}");
        let found = on(&made_by(command.trim_end())).unwrap();
        assert_eq!((found.name, found.family), (name, Family::Member));
        assert_eq!(found.label, if label.is_empty() { "" } else { "secret" });
    }
}

#[test]
fn optical_images() {
    let folder = tempfile::tempdir().unwrap();
    let image = NamedTempFile::new().unwrap();
    let mut command = Command::new("genisoimage");
    command.args(["-quiet", "-V", "LIVE", "-o"]).arg(image.path()).arg(folder.path());
    assert!(command.status().unwrap().success());
    let found = on(&image).unwrap();
    assert_eq!((found.name, found.label.as_str(), found.family), ("iso9660", "LIVE", Family::Bootable));
}

#[test]
fn errors_and_encryption_of_ext4() {
    let image = made_by("mke2fs -q -t ext4 -O encrypt");
    let ext = |image: &NamedTempFile| match on(image).unwrap().family {
        Family::Ext(ext) => ext,
        family => panic!("{family:?}"),
    };
    assert!(ext(&image).can_encrypt && !ext(&image).has_errors);
    // debugfs(8) does what the kernel does when it finds an error.
    let command = ["-w", "-R", "set_super_value state 2"];
    assert!(Command::new("/sbin/debugfs").args(command).arg(image.path()).output().unwrap().status.success());
    assert!(ext(&image).has_errors);
    assert!(!ext(&made_by("mke2fs -q -t ext4")).can_encrypt);
}

/// Puts these bytes at these places of an empty image; a negative place counts from the end.
fn written(parts: &[(i64, &[u8])]) -> NamedTempFile {
    let image = image();
    for (at, bytes) in parts {
        let at = if *at < 0 { SIZE - at.unsigned_abs() } else { at.unsigned_abs() };
        image.as_file().write_all_at(bytes, at).unwrap();
    }
    image
}

#[test]
fn volume_groups() {
    // pvcreate(8) wants a real device; this is what it writes: label_header and the start of pv_header.
    for sector in 0..4_i64 {
        let mut header = b"LABELONE".to_vec();
        header.extend(sector.to_le_bytes());
        header.extend([0; 4]);
        header.extend(32_u32.to_le_bytes());
        header.extend(b"LVM2 001");
        header.extend(b"abcdefghijklmnopqrstuvwxyz012345");
        let image = written(&[(sector * 512, &header)]);
        let found = on(&image).unwrap();
        assert_eq!((found.name, found.family), ("LVM2", Family::Member), "sector {sector}");
    }
}

/// md's metadata as far as blkid and we look at it.
fn raid_v1(at: u64) -> Vec<u8> {
    let mut metadata = 0xa92b_4efc_u32.to_le_bytes().to_vec();
    metadata.extend(1_u32.to_le_bytes());
    metadata.resize(32, 0);
    metadata.extend(b"host:data");
    metadata.resize(144, 0);
    metadata.extend((at / 512).to_le_bytes());
    metadata.resize(256, 0);
    metadata
}

#[test]
fn raid_at_all_its_places() {
    let v1_0 = SIZE - (8 << 10);
    for (at, label) in [(0, "host:data"), (4096, "host:data"), (v1_0, "host:data")] {
        let image = written(&[(i64::try_from(at).unwrap(), &raid_v1(at))]);
        assert_eq!(blkid(&image), "linux_raid_member", "the test's own metadata at {at}");
        let found = on(&image).unwrap();
        assert_eq!((found.family, found.label.as_str()), (Family::Member, label), "at {at}");
    }
    for bytes in [0xa92b_4efc_u32.to_le_bytes(), 0xa92b_4efc_u32.to_be_bytes()] {
        let found = on(&written(&[(-(64 << 10), &bytes)])).unwrap();
        assert_eq!(found.family, Family::Member);
    }
    let intel = written(&[(-1024, b"Intel Raid ISM Cfg Sig. 1.3.00")]);
    assert_eq!(on(&intel).unwrap().family, Family::Member);
}

#[test]
fn half_a_mirror_is_no_file_system() {
    let image = made_by("mke2fs -q -t ext4 -L B2C_CACHE");
    let at = SIZE - (8 << 10);
    image.as_file().write_all_at(&raid_v1(at), at).unwrap();
    assert_eq!(on(&image).unwrap().family, Family::Member);
}

#[test]
fn noise_is_nothing() {
    let mut noise = vec![0; 1 << 20];
    let mut state = 1_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    assert_eq!(on(&written(&[(0, &noise)])), None);
    let mut boot_sector = vec![0; 512];
    boot_sector[510..].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(on(&written(&[(0, &boot_sector)])), None, "a partition table is no FAT");
}

#[test]
fn labels_forge_no_lines() {
    let image = made_by("mke2fs -q -t ext4 -L x");
    image.as_file().write_all_at(b"a\nb\x1b[0m\0", 1024 + 120).unwrap();
    assert_eq!(on(&image).unwrap().to_string(), "ext4 \"a?b?[0m\"");
}

#[test]
fn a_tiny_device_is_read_too() {
    for size in [0, 1, 511, 4096] {
        let file = NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        assert_eq!(on(&file), None, "{size}");
    }
}
