//! Firmware from whatever archive of the initrd: cfg80211 asks for the rules of radio when it is loaded, and the kernel says whether it finds them.

use crate::support::boot;
use b2c::cpio::Kind;
use harness::{Boot, Entry, Outcome};
use std::io::Write;
use std::process::{Command, Stdio};

/// What it asks for.
pub const FILE: &str = "regulatory.db";
/// Whether they are good rules is another matter.
pub const CONTENT: &[u8] = b"RGDB and nothing else";
/// Makes the kernel tell what it does about firmware.
pub const TELL: &str = "ignore_loglevel dyndbg=\"file drivers/base/firmware_loader/main.c +p\"";

fn with_wireless() -> Boot {
    boot("", "true").stock_kernel().append("modules_load=cfg80211").append(TELL)
}

#[track_caller]
pub fn expect_loaded(outcome: &Outcome) {
    outcome.expect(&format!("firmware: direct-loading firmware {FILE}\r")).expect_status(0);
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
    let outcome = with_wireless().extra_cpio([(format!("lib/firmware/{FILE}"), CONTENT)]).run();
    expect_loaded(&outcome);
}

#[test]
fn packed_in_usr_lib_beside_a_folder_lib() {
    let files = [(format!("usr/lib/firmware/{FILE}.xz"), xz(CONTENT)), ("lib/x".to_owned(), Vec::new())];
    let outcome = with_wireless().extra_cpio(files).run();
    expect_loaded(&outcome);
    // There it looked for it without .xz first, and in no other folder did it find one.
    outcome
        .expect(&format!("loading /usr/lib/firmware/{FILE} failed"))
        .expect(&format!("f/w decompressing {FILE}"));
}

#[test]
fn in_usr_lib_to_which_lib_is_a_link() {
    let link = Entry { path: "lib".into(), permissions: 0o777, kind: Kind::Symlink("usr/lib".into()) };
    let file = Entry::file(format!("usr/lib/firmware/{FILE}"), 0o644, CONTENT);
    let outcome = with_wireless().extra_entries([link, file]).run();
    expect_loaded(&outcome);
}

#[test]
fn nowhere_is_said_by_the_kernel() {
    with_wireless()
        .run()
        .expect(&format!("Direct firmware load for {FILE} failed with error -2"))
        .expect_status(0);
}
