//! `b2c.keymap`: what the kernel says of its keymap afterwards is what is in the archive.

use crate::support::boot;
use harness::{Boot, dist};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::process::Command;

/// With the archive of keymaps that `make dist` makes.
fn with_keymaps(words: &str, command: &str) -> Boot {
    boot("", command).append(words).initrd(dist().join("keymaps.cpio.xz"))
}

/// The SHA-256 of a keymap as the archive has it.
fn sum(name: &str) -> String {
    let archive =
        Command::new("xz").args(["--decompress", "--stdout"]).arg(dist().join("keymaps.cpio.xz")).output();
    let archive = archive.unwrap().stdout;
    let path = format!("usr/share/keymaps/{name}.bmap\0");
    let start = archive.windows(path.len()).position(|bytes| bytes == path.as_bytes()).unwrap();
    // newc: the size is the seventh of the numbers behind the magic, and the content begins at a multiple of four.
    let header = start - 110;
    let size = std::str::from_utf8(&archive[header + 54..header + 62]).unwrap();
    let content = (start + path.len()).next_multiple_of(4);
    let bytes = &archive[content..content + usize::from_str_radix(size, 16).unwrap()];
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A keymap says nothing of tables that it does not have: so those have to be the same in the kernel's own.
const DUMP: &str = "sh -c 'dumpkmap </dev/tty0 | sha256sum'";

#[test]
fn the_kernel_has_the_keymap() {
    let before = boot("", DUMP).run();
    let after = with_keymaps("b2c.keymap=de", DUMP).run();
    after.expect("section_start").expect("Setting the keymap to de").expect(&sum("de")).expect_status(0);
    before.expect_no(&sum("de")).expect_status(0);
}

#[test]
fn a_stock_kernel_with_a_screen_takes_it_too() {
    let outcome = with_keymaps("b2c.keymap=fr-latin9", DUMP).stock_kernel().qemu(["-device", "VGA"]).run();
    outcome.expect(&sum("fr-latin9")).expect_status(0);
}

#[test]
fn a_keymap_that_is_not_there_is_an_error_line() {
    let outcome = with_keymaps("b2c.keymap=klingon", "echo still here").run();
    outcome.expect(
        "ERROR: b2c.keymap=klingon: there is no /usr/share/keymaps/klingon.bmap; append keymaps.cpio.xz",
    );
    outcome.expect_line("still here").expect_status(0);
}

#[test]
fn a_keymap_that_is_damaged_is_an_error_line() {
    let damaged = [("usr/share/keymaps/bad.bmap", "bkeymap\u{1}")];
    let outcome = boot("", "echo still here").append("b2c.keymap=bad").extra_cpio(damaged).run();
    outcome.expect("ERROR: b2c.keymap=bad: /usr/share/keymaps/bad.bmap is no keymap, or it is damaged");
    outcome.expect_line("still here").expect_status(0);
}
