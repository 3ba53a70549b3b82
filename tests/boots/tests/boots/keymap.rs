//! `b2c.keymap`: what the kernel says of its keymap afterwards is what is in the archive.

use crate::support::boot;
use harness::{Boot, Outcome, dist};
use std::collections::BTreeMap;
use std::process::Command;

/// With the archive of keymaps that `make dist` makes.
fn with_keymaps(words: &str, command: &str) -> Boot {
    boot("", command).append(words).initrd(dist().join("keymaps.cpio.xz"))
}

/// A keymap as the archive has it.
fn keymap(name: &str) -> Vec<u8> {
    let archive =
        Command::new("xz").args(["--decompress", "--stdout"]).arg(dist().join("keymaps.cpio.xz")).output();
    let archive = archive.unwrap().stdout;
    let path = format!("usr/share/keymaps/{name}.bmap\0");
    let start = archive.windows(path.len()).position(|bytes| bytes == path.as_bytes()).unwrap();
    // newc: the size is the seventh of the numbers behind the magic, and the content begins at a multiple of four.
    let header = start - 110;
    let size = std::str::from_utf8(&archive[header + 54..header + 62]).unwrap();
    let content = (start + path.len()).next_multiple_of(4);
    archive[content..content + usize::from_str_radix(size, 16).unwrap()].to_vec()
}

/// Prints the kernel's own.
const DUMP: &str = "sh -c 'dumpkmap </dev/tty0 | xxd -p -c 64'";

fn dumped(outcome: &Outcome) -> Vec<u8> {
    let is_dump = |line: &&String| line.len() >= 14 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits: String = outcome.lines.iter().filter(is_dump).map(String::as_str).collect();
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Its tables by number, without the first key of each, which no keyboard has: there the kernel notes whose the table is.
fn tables(keymap: &[u8]) -> BTreeMap<usize, &[u8]> {
    let (flags, tables) = keymap[7..].split_at(256);
    let numbers = (0..).zip(flags).filter(|(_, flag)| **flag == 1).map(|(number, _)| number);
    numbers.zip(tables.chunks(256).map(|table| &table[2..])).collect()
}

/// Whether the kernel has all tables of that keymap, as far as dumpkmap asks for them.
fn has(outcome: &Outcome, name: &str) -> bool {
    let (dumped, keymap) = (dumped(outcome), keymap(name));
    let (found, wanted) = (tables(&dumped), tables(&keymap));
    assert!(found.len() >= 10 && wanted.len() >= 7);
    wanted.iter().all(|(number, table)| found.get(number).is_none_or(|found| found == table))
}

#[track_caller]
fn expect_keymap(outcome: &Outcome, name: &str) {
    outcome.expect(&format!("Setting the keymap to {name}")).expect_no("ERROR").expect_status(0);
    assert!(has(outcome, name), "another keymap");
}

#[test]
fn the_kernel_has_the_keymap() {
    assert!(!has(&boot("", DUMP).run(), "de"));
    expect_keymap(&with_keymaps("b2c.keymap=de", DUMP).run(), "de");
}

#[test]
fn a_stock_kernel_with_a_screen_takes_it_too() {
    let boot = with_keymaps("b2c.keymap=fr-latin9", DUMP).stock_kernel().qemu(["-device", "VGA"]);
    expect_keymap(&boot.run(), "fr-latin9");
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
