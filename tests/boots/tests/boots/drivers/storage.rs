//! Drives on USB and in card readers, which appear late, as cache drives.

use crate::cache::disks::Disk;
use crate::support::run;
use harness::Boot;

/// Boots twice from that drive; what the first boot leaves on it is found by the second.
fn expect_cache(device: &str, drive: &[&str], words: &str) {
    let disk = Disk::empty("1G");
    let backend = format!("file={},format=raw,if=none,id=cache", disk.path().display());
    let boot = |command: &str| {
        let words = format!("{words} {}", run("-v kept:/kept", &format!("sh -c '{command}'")));
        Boot::new(&words).stock_kernel().qemu(["-drive", &backend]).qemu(drive.iter().copied()).run()
    };
    let first = boot("echo once > /kept/file; ls /sys/class/block");
    first.expect(&format!("Selected the partition /dev/{device}")).expect_status(0);
    boot("cat /kept/file").expect_line("once").expect_status(0);
}

#[test]
fn a_usb_stick_by_its_name() {
    let drive = ["-device", "qemu-xhci", "-device", "usb-storage,drive=cache"];
    expect_cache("sda1", &drive, "b2c.cache_device=/dev/sda");
}

#[test]
fn a_usb_disk_that_speaks_uas_by_itself() {
    let drive =
        ["-device", "qemu-xhci", "-device", "usb-uas,id=uas", "-device", "scsi-hd,bus=uas.0,drive=cache"];
    expect_cache("sda1", &drive, "b2c.cache_device=auto");
}

#[test]
fn a_card_in_a_reader_by_itself() {
    let drive = ["-device", "sdhci-pci", "-device", "sd-card,drive=cache"];
    expect_cache("mmcblk0p1", &drive, "b2c.cache_device=auto");
}
