//! Network cards on every bus: the network comes up, an image is pulled over it and runs.

use crate::support::boot;
use harness::{Boot, Outcome};

/// Prints the driver of each network card.
const DRIVERS: &str =
    "sh -c 'for card in /sys/class/net/*/device/driver; do basename $(readlink $card); done'";

/// A machine with that card alone, on the user-mode network.
fn with_card(devices: &[&str]) -> Boot {
    let devices = devices.iter().flat_map(|device| ["-device", device]);
    boot("", DRIVERS).stock_kernel().no_network().qemu(["-netdev", "user,id=card"]).qemu(devices)
}

#[track_caller]
fn expect_driver(outcome: &Outcome, name: &str) {
    outcome.expect_line(name).expect_status(0);
}

#[test]
fn virtio() {
    expect_driver(&boot("", DRIVERS).stock_kernel().run(), "virtio_net");
}

#[test]
fn e1000e() {
    expect_driver(&with_card(&["e1000e,netdev=card,romfile="]).run(), "e1000e");
}

/// QEMU's card speaks CDC Ethernet and RNDIS; Linux prefers the first.
#[test]
fn usb() {
    let outcome = with_card(&["qemu-xhci", "usb-net,netdev=card"]).run();
    expect_driver(&outcome, "cdc_ether");
}
