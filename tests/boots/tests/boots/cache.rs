//! The cache drive: found, made, kept, refused. The machine's own kernel reads the partition tables.

pub mod disks;
mod offline;

use crate::support::run;
use disks::Disk;
use harness::{Boot, Outcome};
use std::time::Duration;

/// A step that says what an earlier boot has left in the volume, and leaves something itself.
fn remember() -> String {
    run("-v memory:/m", "sh -c 'cat /m/word || echo nothing; echo remembered > /m/word'")
}

fn with_cache(value: &str, disks: &[&Disk]) -> Boot {
    let boot = Boot::new(&format!("b2c.cache_device={value} {}", remember()));
    disks.iter().fold(boot, |boot, disk| boot.qemu(disk.arguments()))
}

trait Judge {
    fn expect_mounted(&self, device: &str) -> &Self;
    fn expect_no_cache(&self) -> &Self;
}

impl Judge for Outcome {
    #[track_caller]
    fn expect_mounted(&self, device: &str) -> &Self {
        self.expect(":mount_cache_partition[collapsed=true]\r")
            .expect(&format!("]: Selected the partition {device} as a cache\r\n"))
            .expect(&format!("]: Mounting the partition {device} to /storage: DONE\r\n"))
            .expect(":unmount_cache_partition[collapsed=true]\r")
            .expect("]: Unmounting /storage: DONE\r\n")
    }

    /// It says so, in red, and the boot goes on.
    #[track_caller]
    fn expect_no_cache(&self) -> &Self {
        self.expect("ERROR: b2c.cache_device=")
            .expect("; continue without a cache")
            .expect_no("as a cache")
            .expect_line("nothing")
            .expect_status(0)
    }
}

#[test]
fn an_empty_disk_becomes_the_cache_and_is_kept() {
    let disk = Disk::empty("1G");
    let first = with_cache("auto", &[&disk]).run();
    first.expect("Wiping /dev/vda (1024MiB), which holds nothing that is known here");
    first.expect_mounted("/dev/vda1").expect_line("nothing").expect_status(0);
    let second = with_cache("auto", &[&disk]).run();
    second.expect_no("Wiping").expect_no("Formatting");
    second.expect_mounted("/dev/vda1").expect_line("remembered").expect_status(0);
    disk.expect_clean_cache(1);
}

#[test]
fn the_labelled_one_of_two_disks_is_taken() {
    let (first, second) = (Disk::empty("1G"), Disk::empty("1G"));
    with_cache("auto", &[&second]).run().expect_mounted("/dev/vda1");
    let outcome = with_cache("auto", &[&first, &second]).run();
    outcome.expect_mounted("/dev/vdb1").expect_line("remembered").expect_status(0);
    first.expect_untouched();
}

#[test]
fn reset_formats_the_labelled_partition_and_nothing_else() {
    let (other, disk) = (Disk::empty("1G"), Disk::partitioned("1G", &["300M", ""]));
    disk.mke2fs(1, "data").mke2fs(2, "B2C_CACHE");
    let outcome = with_cache("reset", &[&other, &disk]).run();
    outcome.expect("Formatting /dev/vdb2").expect("which holds ext4 \"B2C_CACHE\"").expect_no("Wiping");
    outcome.expect_mounted("/dev/vdb2").expect_line("nothing").expect_status(0);
    other.expect_untouched();
    assert_eq!(disk.label(1), "data");
}

#[test]
fn reset_without_a_labelled_partition_is_auto() {
    let disk = Disk::empty("1G");
    let outcome = Boot::new("b2c.cache_device=reset b2c.poweroff_delay=1").qemu(disk.arguments()).run();
    outcome.expect("Wiping /dev/vda").expect_mounted("/dev/vda1").expect_status(0);
}

#[test]
fn no_disk_at_all() {
    with_cache("auto", &[]).run().expect("there is none at all").expect_no_cache();
}

#[test]
fn nothing_runs_without_a_required_cache() {
    let outcome = with_cache("auto,required", &[]).run();
    outcome.expect("ERROR: b2c.cache_device=").expect("; it is required, so nothing runs");
    outcome.expect_no("nothing\r\n").expect_status(1);
    let misspelt = with_cache("/dev//vda,required", &[]).run();
    misspelt.expect("is not a device").expect_no("nothing\r\n").expect_status(1);
}

#[test]
fn a_named_disk_gets_a_partition_and_a_named_partition_is_used_as_it_is() {
    let (other, disk) = (Disk::empty("1G"), Disk::empty("1G"));
    let made = with_cache("/dev/vdb,budget=50%,fstrim", &[&other, &disk]).run();
    made.expect("Wiping /dev/vdb")
        .expect("Images may take 4")
        .expect("Trimmed ")
        .expect_mounted("/dev/vdb1")
        .expect_status(0);
    let kept = with_cache("/dev/vdb", &[&other, &disk]).run();
    kept.expect_no("Wiping").expect_mounted("/dev/vdb1").expect_line("remembered");
    other.expect_untouched();
    let named = with_cache("/dev/vda1", &[&disk]).run();
    named.expect_no("Formatting").expect_mounted("/dev/vda1").expect_line("remembered");
}

#[test]
fn an_unlabelled_file_system_is_used_as_it_is_and_an_empty_partition_is_formatted() {
    let disk = Disk::partitioned("1G", &["300M", ""]);
    disk.mke2fs(1, "");
    let used = with_cache("/dev/vda1", &[&disk]).run();
    used.expect_no("Formatting").expect_mounted("/dev/vda1").expect_line("nothing").expect_status(0);
    assert_eq!(disk.label(1), "");
    let formatted = with_cache("/dev/vda2", &[&disk]).run();
    formatted.expect("Formatting /dev/vda2").expect_mounted("/dev/vda2").expect_status(0);
    assert_eq!(disk.label(2), "B2C_CACHE");
}

/// `mkfs.ext4 -O encrypt -F -L B2C_CACHE`, on a partition of an MBR.
#[test]
fn a_cache_that_the_original_made_is_reused() {
    let disk = Disk::with_table("1G", "dos", &[""]);
    disk.mke2fs(1, "B2C_CACHE");
    let outcome = with_cache("auto", &[&disk]).run();
    outcome.expect_no("Wiping").expect_no("Formatting").expect_mounted("/dev/vda1").expect_status(0);
}

#[test]
fn a_label_on_xfs() {
    let disk = Disk::partitioned("1G", &[""]);
    disk.on_partition(1, "mkfs.xfs -q -L B2C_CACHE");
    let outcome = with_cache("auto", &[&disk]).run();
    outcome.expect_no("Wiping").expect_mounted("/dev/vda1").expect_line("nothing").expect_status(0);
}

#[test]
fn disks_that_are_too_small_or_read_only_are_left_alone() {
    let (small, sealed) = (Disk::empty("64M"), Disk::empty("1G").read_only());
    let outcome = with_cache("auto", &[&small, &sealed]).run();
    outcome.expect("/dev/vda (64MiB) is smaller than 128MiB").expect("/dev/vdb (1024MiB) can only be read");
    outcome.expect_no_cache();
    let named = with_cache("/dev/vda", &[&small]).run();
    named.expect("/dev/vda is too small: it has 64MiB, a cache needs 128MiB").expect_no_cache();
    let sealed_and_named = with_cache("/dev/vda", &[&sealed]).run();
    sealed_and_named.expect("/dev/vda can only be read").expect_no_cache();
    small.expect_untouched();
    sealed.expect_untouched();
}

#[test]
fn a_garbage_table_is_no_table() {
    let disk = Disk::empty("1G");
    disk.write(0, &[0xa5; 1 << 20]);
    disk.write(510, &[0x55, 0xaa]);
    let outcome = with_cache("auto", &[&disk]).run();
    outcome.expect("Wiping /dev/vda").expect_mounted("/dev/vda1").expect_status(0);
    disk.expect_clean_cache(1);
}

#[test]
fn locked_disks_are_wiped_only_if_named_or_alone() {
    let (locked, free) = (Disk::empty("1G"), Disk::empty("1G"));
    locked.luks();
    let outcome = with_cache("auto", &[&locked, &free]).run();
    outcome.expect("Wiping /dev/vdb").expect_mounted("/dev/vdb1").expect_status(0);
    assert_eq!(locked.kind(), "crypto_LUKS");
    let sealed = Disk::empty("1G").read_only();
    let refused = with_cache("auto", &[&locked, &sealed]).run();
    refused.expect("holds LUKS2 and is not the only disk; name it to have it wiped").expect_no_cache();
    assert_eq!(locked.kind(), "crypto_LUKS");
    let named = with_cache("/dev/vda", &[&locked, &sealed]).run();
    named.expect("Wiping /dev/vda (1024MiB), which holds LUKS2").expect_mounted("/dev/vda1");
}

#[test]
fn errors_of_the_file_system_are_repaired() {
    let disk = Disk::empty("1G");
    with_cache("auto", &[&disk]).run().expect_mounted("/dev/vda1");
    disk.debugfs(1, "set_super_value state 2");
    let outcome = with_cache("auto", &[&disk]).run();
    outcome.expect("errors were found on it earlier; checking it").expect_no("Formatting");
    outcome.expect("Checking the images on the cache").expect_no("is damaged, and removed");
    outcome.expect_mounted("/dev/vda1").expect_line("remembered").expect_status(0);
    disk.expect_clean_cache(1);
}

#[test]
fn damage_is_made_anew_unless_the_device_was_named() {
    let disk = Disk::empty("1G");
    with_cache("auto", &[&disk]).run().expect_mounted("/dev/vda1");
    disk.destroy_group_descriptors(1);
    let named = with_cache("/dev/vda1", &[&disk]).run();
    named.expect("; continue without a cache").expect_no("to /storage: DONE").expect_line("nothing");
    let outcome = with_cache("auto", &[&disk]).run();
    outcome.expect("it is made anew, and what it held is lost");
    outcome.expect_mounted("/dev/vda1").expect_line("nothing").expect_status(0);
    disk.expect_clean_cache(1);
}

#[test]
fn formatting_that_was_cut_short_goes_on_where_it_was() {
    let (other, disk) = (Disk::empty("1G"), Disk::partitioned("1G", &[""]));
    disk.name_partition(1, "B2C_CACHE");
    let outcome = with_cache("auto", &[&other, &disk]).run();
    outcome.expect("Formatting /dev/vdb1").expect_mounted("/dev/vdb1").expect_status(0);
    other.expect_untouched();
}

/// Boots, and plugs `late` in as /dev/sda when the machine looks for its cache.
fn plug_in(boot: Boot, late: &Disk) -> Outcome {
    let mut vm = boot.qemu(["-device", "virtio-scsi-pci,id=hba"]).qemu(late.backend("late")).spawn();
    vm.wait_for("Mounting the cache partition", Duration::from_secs(120));
    // Ctrl-A C: to QEMU's monitor and back.
    vm.send("\x01c");
    vm.wait_for("(qemu)", Duration::from_secs(30));
    vm.send("device_add scsi-hd,drive=late,bus=hba.0\n\x01c");
    vm.finish()
}

#[test]
fn a_device_that_appears_late_is_waited_for() {
    let disk = Disk::empty("1G");
    let outcome = plug_in(with_cache("/dev/sda", &[]), &disk);
    outcome.expect("Wiping /dev/sda (QEMU HARDDISK, 1024MiB)").expect_mounted("/dev/sda1").expect_status(0);
}

#[test]
fn no_disk_is_wiped_while_the_labelled_one_is_late() {
    let (there, late) = (Disk::empty("1G"), Disk::partitioned("1G", &[""]));
    late.mke2fs(1, "B2C_CACHE");
    let outcome = plug_in(with_cache("auto", &[&there]), &late);
    outcome.expect_no("Wiping").expect_mounted("/dev/sda1").expect_status(0);
    there.expect_untouched();
}

#[test]
fn a_device_that_never_appears_is_named_with_those_that_are_there() {
    let disk = Disk::empty("1G");
    let outcome = with_cache("/dev/nvme7n1", &[&disk]).run();
    outcome
        .expect("there is no /dev/nvme7n1")
        .expect("this machine has /dev/vda (1024MiB)")
        .expect_no_cache();
    disk.expect_untouched();
}
