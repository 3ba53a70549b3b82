//! `b2c.modules`: a machine that brings little more than the driver of its network card gets the rest over the network, and from its cache.

mod server;
mod trees;

use crate::cache::disks::Disk;
use crate::firmware;
use crate::support::{push, run};
use b2c::cpio;
use harness::{Boot, Faults, Image, Layer, Registry};
use server::Server;
use std::process::Command;
use tempfile::TempDir;
use trees::Kernel;

/// What the initramfs has to bring itself.
const FIRST: [&str; 5] = ["failover", "net_failover", "overlay", "virtio_blk", "virtio_net"];
/// What comes later: something that containers ask for, and the driver of something on the bus with what it needs.
const LATER: [&str; 3] = ["dummy", "i6300esb", "watchdog"];

/// Shows that both are there, and that those of the initramfs still are.
const LOOK: &str = "sh -c 'ip link add dummy7 type dummy && cat /sys/module/i6300esb/initstate /sys/module/dummy/initstate && cd /lib/modules/* && echo found dummy* overlay*'";
const FOUND: &str = "found dummy.ko.xz overlay.ko.xz";

/// A machine with a watchdog and few modules.
fn small(words: &str) -> Boot {
    let entries = cpio::read_folder(Kernel::Cloud.tree(&FIRST).path()).unwrap();
    let run = run("-v /lib/modules:/lib/modules", LOOK);
    Boot::new(&format!("{words} {run}"))
        .without_modules()
        .extra_entries(entries)
        .qemu(["-device", "i6300esb"])
}

fn archive(tree: &TempDir) -> Vec<u8> {
    let mut bytes = Vec::new();
    cpio::write(&mut bytes, &cpio::with_parents(cpio::read_folder(tree.path()).unwrap())).unwrap();
    bytes
}

/// Packs as many archives in a row as the program is told to, as a boot loader would load them.
fn packed(program: &[&str], bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Command::new(program[0]).args(&program[1..]).arg(file.path()).output().unwrap().stdout
}

/// The i6300esb is bound by its alias, the dummy because a container wants one.
#[track_caller]
fn expect_drivers(boot: Boot) -> harness::Outcome {
    let outcome = boot.run();
    outcome.expect("live\r\nlive\r\n").expect_line(FOUND).expect_status(0);
    outcome
}

#[test]
fn from_an_image_and_again_from_the_cache() {
    let tree = Kernel::Cloud.tree(&LATER);
    Image::new().layer(Layer::from_folder(tree.path())).push(Registry::shared(), "drivers:latest");
    let front = Faults::before(Registry::shared());
    let name = format!("{}/drivers:latest", front.guest_address());
    let disk = Disk::empty("1G");
    let boot = || {
        small(&format!("b2c.cache_device=/dev/vda b2c.modules={name},tls-verify=false"))
            .qemu(disk.arguments())
    };
    expect_drivers(boot()).expect(&format!("Pulled {name}")).expect("Unmounting /storage: DONE");
    front.down();
    expect_drivers(boot()).expect(&format!("{name} is taken from the store"));
}

#[test]
fn from_an_archive_and_again_from_the_cache() {
    let both = [&LATER[..1], &LATER[1..]].map(|names| archive(&Kernel::Cloud.tree(names)));
    let packings: [&[&str]; 2] = [&["zstd", "--stdout"], &["xz", "--check=crc32", "--stdout"]];
    let servers: Vec<_> =
        both.iter().zip(packings).map(|(bytes, by)| Server::new(packed(by, bytes))).collect();
    let disk = Disk::empty("1G");
    let words =
        format!("b2c.cache_device=/dev/vda b2c.modules={} b2c.modules={}", servers[0].url, servers[1].url);
    let boot = || small(&words).qemu(disk.arguments());
    expect_drivers(boot()).expect("Fetched http://10.0.2.2:");
    expect_drivers(boot()).expect("drivers.cpio is up to date in the store");
    assert_eq!(servers.iter().map(Server::given).collect::<Vec<_>>(), [1, 1]);
    servers.iter().for_each(Server::down);
    expect_drivers(boot()).expect("drivers.cpio is taken from the store: ");
}

#[test]
fn a_pinned_archive_is_asked_for_once() {
    let server = Server::new(packed(&["gzip", "--stdout"], &archive(&Kernel::Cloud.tree(&LATER))));
    let disk = Disk::empty("1G");
    let words = format!("b2c.cache_device=/dev/vda b2c.modules={},sha256={}", server.url, server.sha256);
    expect_drivers(small(&words).qemu(disk.arguments()));
    server.down();
    expect_drivers(small(&words).qemu(disk.arguments())).expect("drivers.cpio is in the store");
}

#[test]
fn a_module_by_its_name() {
    let server = Server::new(archive(&Kernel::Cloud.tree(&LATER)));
    let words = format!("modules_load=virtio_net,dummy dummy.numdummies=3 b2c.modules={}", server.url);
    let outcome = small(&words).append(&run("", "ls /sys/class/net")).run();
    outcome.expect("dummy2").expect_no("ERROR").expect_status(0);
}

#[track_caller]
fn expect_refused(words: &str, reason: &str) {
    let outcome = small(words).append("b2c.run_post=nothing").run();
    outcome.expect("ERROR: b2c.modules=").expect(reason).expect_no("About to start").expect_status(1);
}

#[test]
fn another_archive_than_the_pinned_one_is_refused() {
    let server = Server::new(archive(&Kernel::Cloud.tree(&LATER)));
    let words = format!("b2c.modules={},sha256={}", server.url, "0".repeat(64));
    expect_refused(&words, &format!("it has the digest sha256:{}, but sha256:000", server.sha256));
}

#[test]
fn what_is_not_there_or_not_for_this_kernel_is_refused() {
    let other = TempDir::new().unwrap();
    std::fs::create_dir_all(other.path().join("lib/modules/2.4.0")).unwrap();
    let server = Server::new(archive(&other));
    expect_refused(&format!("b2c.modules={}", server.url), "it has neither lib/modules/6.");
    let registry = Registry::shared().guest_address();
    expect_refused(&format!("b2c.modules={registry}/no-such-drivers:1,tls-verify=false"), "404");
}

/// Firmware as well, for a module that asks for some when it is loaded.
#[test]
fn a_stock_kernel_gets_a_module_and_its_firmware() {
    let tree = Kernel::Stock.tree(&["cfg80211", "rfkill"]);
    let file = tree.path().join(format!("lib/firmware/{}", firmware::FILE));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, firmware::CONTENT).unwrap();
    let name = push(&Image::new().layer(Layer::from_folder(tree.path())), "wireless:latest");
    let first = ["failover", "net_failover", "overlay", "virtio_net"];
    let pci = ["virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"];
    let entries = cpio::read_folder(Kernel::Stock.tree(&[&first[..], &pci[..]].concat()).path()).unwrap();
    let command = run("-v /lib/firmware:/lib/firmware", "ls /lib/firmware");
    let words =
        format!("modules_load=cfg80211 b2c.modules={name},tls-verify=false {} {command}", firmware::TELL);
    let outcome = Boot::new(&words).stock_kernel().without_modules().extra_entries(entries).run();
    firmware::expect_loaded(&outcome);
    outcome.expect_line(firmware::FILE);
}

/// The file has another name than the package's, and comes unpacked, as somebody's own module does.
#[test]
fn insmods_loads_files() {
    let unpack = ["--decompress", "--stdout"];
    let module = Command::new("xz").args(unpack).arg(Kernel::Cloud.module("dummy")).output().unwrap().stdout;
    let outcome = Boot::new(&format!("b2c.insmods=mine.ko {}", run("", "cat /sys/module/dummy/initstate")))
        .extra_cpio([("usr_mods/mine.ko", module)])
        .run();
    outcome.expect_line("live").expect_no("ERROR").expect_status(0);
}
