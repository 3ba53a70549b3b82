//! Firmware from whatever archive of the initrd: the driver of QEMU's i82559c asks for a microcode when its link goes up, and the kernel says where it finds it.

use crate::support::boot;
use harness::{Boot, Entry, Outcome};
use std::io::Write;
use std::process::{Command, Stdio};

/// As large as the driver wants it, with numbers that it takes (drivers/net/ethernet/intel/e100.c, `e100_request_firmware`).
pub fn microcode() -> Vec<u8> {
    let mut bytes = vec![0; 134 * 4];
    // Where it is told when to raise an interrupt, how many packets to bundle, and the least size of these.
    bytes.extend([70, 78, 92]);
    bytes
}

pub const FILE: &str = "e100/d101m_ucode.bin";

/// Makes the kernel tell what it does about firmware.
pub const TELL: &str = "ignore_loglevel dyndbg=\"file drivers/base/firmware_loader/main.c +p\"";

/// A machine with that card, whose kernel says what it does about firmware.
fn with_card() -> Boot {
    boot("", "true")
        .stock_kernel()
        .no_network()
        .qemu(["-netdev", "user,id=card", "-device", "i82559c,netdev=card,romfile="])
        .append(TELL)
}

#[track_caller]
pub fn expect_loaded(outcome: &Outcome, path: &str) {
    outcome.expect(&format!("Loading firmware from {path}\r")).expect_status(0);
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut xz = Command::new("xz");
    let mut xz =
        xz.args(["--check=crc32", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    xz.stdin.take().unwrap().write_all(bytes).unwrap();
    xz.wait_with_output().unwrap().stdout
}

#[test]
fn in_lib() {
    let outcome = with_card().extra_cpio([(format!("lib/firmware/{FILE}"), microcode())]).run();
    expect_loaded(&outcome, &format!("/lib/firmware/{FILE}"));
}

#[test]
fn in_usr_lib_beside_a_folder_lib() {
    let files = [(format!("usr/lib/firmware/{FILE}.xz"), xz(&microcode())), ("lib/x".to_owned(), Vec::new())];
    let outcome = with_card().extra_cpio(files).run();
    expect_loaded(&outcome, &format!("/usr/lib/firmware/{FILE}.xz"));
}

#[test]
fn in_usr_lib_to_which_lib_is_a_link() {
    let link =
        Entry { path: "lib".into(), permissions: 0o777, kind: b2c::cpio::Kind::Symlink("usr/lib".into()) };
    let file = Entry::file(format!("usr/lib/firmware/{FILE}"), 0o644, microcode());
    let outcome = with_card().extra_entries([link, file]).run();
    expect_loaded(&outcome, &format!("/lib/firmware/{FILE}"));
}

#[test]
fn nowhere_is_said_by_the_driver() {
    with_card().run().expect(&format!("Needs \"{FILE}\"")).expect_status(0);
}
