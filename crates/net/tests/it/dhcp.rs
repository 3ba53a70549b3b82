//! DHCP against a real server (dnsmasq), over real cables (veth), and what is then in the kernel.

use crate::lab::{Lab, failure, ip, until};
use net::Config;
use std::fs;
use std::net::IpAddr;

fn config() -> Config {
    Config { hostname: "dut".into(), ..Config::default() }
}

#[test]
fn a_lease_is_in_the_kernel() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = lab.dnsmasq(
        "eth0",
        "10.77.0.10,10.77.0.10,2m",
        &[
            "--dhcp-option=6,10.77.0.3,10.77.0.4",
            "--domain=lab.example",
            "--dhcp-option=26,1400",
            "--dhcp-option=119,a.example,b.example",
            "--dhcp-option=42,10.77.0.5,10.77.0.6",
            "--dhcp-option-force=12,dut-7",
        ],
    );
    let network = lab.start(config());
    network.wait().unwrap();
    assert_eq!(network.ntp_servers(), [[10, 77, 0, 5], [10, 77, 0, 6]].map(IpAddr::from));
    assert_eq!(network.host_name().as_deref(), Some("dut-7"));

    let address = lab.ip(&["-4", "addr", "show", "dev", "eth0"]);
    assert!(address.contains("inet 10.77.0.10/24") && address.contains("brd 10.77.0.255"), "{address}");
    assert!(address.contains("mtu 1400"), "{address}");
    assert_eq!(lab.ip(&["route", "show", "default"]).trim(), "default via 10.77.0.1 dev eth0 metric 100");
    assert_eq!(
        fs::read_to_string(lab.resolv_conf()).unwrap(),
        "search a.example b.example lab.example\nnameserver 10.77.0.3\nnameserver 10.77.0.4\n"
    );
    assert!(lab.ip(&["addr", "show", "dev", "lo"]).contains("127.0.0.1"));
    assert!(server.log().contains("client provides name: dut"), "{}", server.log());
}

#[test]
fn a_lease_is_renewed() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    // Renew after 10 s, of a lease of 2 min; dnsmasq does not take less.
    let server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=58,10"]);
    let network = lab.start(config());
    network.wait().unwrap();
    let discovers = || server.log().matches("DHCPDISCOVER(").count();
    let before = discovers();
    server.wait_for("DHCPACK", 3);
    assert_eq!(discovers(), before, "{}", server.log());
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}

#[test]
fn a_renewal_may_bring_another_mtu() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = |mtu| {
        let options = ["--dhcp-option=58,10", mtu];
        lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &options)
    };
    let first = server("--dhcp-option=26,1400");
    let network = lab.start(config());
    network.wait().unwrap();
    drop(first);
    let _second = server("--dhcp-option=26,1300");
    until("another MTU", || lab.ip(&["link", "show", "dev", "eth0"]).contains("mtu 1300").then_some(()));
}

#[test]
fn a_refused_renewal_gets_another_address() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = lab.dnsmasq(
        "eth0",
        "10.77.0.10,10.77.0.10,2m",
        &["--dhcp-option=58,10", "--dhcp-option=6,10.77.0.3"],
    );
    let network = lab.start(config());
    network.wait().unwrap();
    drop(server);
    lab.dnsmasq("eth0", "10.77.0.20,10.77.0.20,2m", &["--dhcp-option=6,10.77.0.4"]).wait_for("DHCPACK", 1);
    let address = until("another address", || {
        let address = lab.ip(&["-4", "addr", "show", "dev", "eth0"]);
        address.contains("10.77.0.20/24").then_some(address)
    });
    assert!(!address.contains("10.77.0.10"), "{address}");
    until("another name server", || {
        (fs::read_to_string(lab.resolv_conf()).unwrap() == "nameserver 10.77.0.4\n").then_some(())
    });
}

#[test]
fn rapid_commit_takes_two_messages() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-rapid-commit"]);
    let network = lab.start(config());
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
    let log = server.log();
    assert!(!log.contains("DHCPOFFER") && !log.contains("DHCPREQUEST(") && log.contains("DHCPACK"), "{log}");
}

#[test]
fn an_address_that_another_machine_has_is_declined() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let shown = lab.ip(&["link", "show", "dev", "eth0"]);
    let mac = shown.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap();
    lab.rival("eth0", "10.77.0.15/24");
    let server = lab.dnsmasq(
        "eth0",
        "10.77.0.20,10.77.0.20,2m",
        &[&format!("--dhcp-host={mac},10.77.0.15"), "--dhcp-option=6,10.77.0.3"],
    );
    let network = lab.start(config());
    // It is used meanwhile.
    network.wait().unwrap();
    server.wait_for("DHCPDECLINE", 1);
    let address = until("another address", || {
        let address = lab.ip(&["-4", "addr", "show", "dev", "eth0"]);
        address.contains("10.77.0.20/24").then_some(address)
    });
    assert!(!address.contains("10.77.0.15"), "{address}");
}

#[test]
fn two_cards_in_one_network_keep_their_addresses() {
    let lab = Lab::new();
    lab.cable("eth0", "10.76.0.1/24");
    lab.cable("eth1", "10.75.0.1/24");
    lab.bridge(&["eth0", "eth1"], "10.77.0.1/24");
    let server = lab.dnsmasq("lan", "10.77.0.10,10.77.0.20,2m", &[]);
    let _network = lab.start(config());
    until("two leases", || {
        let addresses = lab.ip(&["-4", "addr"]);
        (addresses.matches("inet 10.77.0.").count() == 2).then_some(())
    });
    // Each card answers for both addresses; three times that is asked for.
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(!server.log().contains("DHCPDECLINE"), "{}", server.log());
}

#[test]
fn a_server_that_begins_late_is_heard() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let network = lab.start(config());
    std::thread::sleep(std::time::Duration::from_secs(5));
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}

#[test]
fn a_link_that_takes_half_a_minute_to_its_carrier() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    ip(&["-n", &lab.server, "link", "set", "eth0", "down"]);
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    let network = lab.start(config());
    std::thread::sleep(std::time::Duration::from_secs(31));
    ip(&["-n", &lab.server, "link", "set", "eth0", "up"]);
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}

#[test]
fn an_interface_without_server_does_not_hold_up_the_other() {
    let lab = Lab::new();
    lab.cable("eth0", "10.76.0.1/24");
    lab.cable("eth1", "10.77.0.1/24");
    let _server = lab.dnsmasq("eth1", "10.77.0.10,10.77.0.10,2m", &[]);
    let network = lab.start(config());
    network.wait().unwrap();
    assert!(lab.ip(&["route", "show", "default"]).contains("dev eth1"));
}

#[test]
fn later_leases_have_worse_routes_and_their_name_servers_wait() {
    let lab = Lab::new();
    lab.cable("eth0", "10.76.0.1/24");
    lab.cable("eth1", "10.77.0.1/24");
    let _first = lab.dnsmasq("eth1", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=6,10.77.0.3"]);
    let network = lab.start(config());
    network.wait().unwrap();
    let options = ["--dhcp-option=6,10.76.0.3", "--domain=b.example"];
    let _second = lab.dnsmasq("eth0", "10.76.0.10,10.76.0.10,2m", &options);
    until("a second default route", || {
        let routes = lab.ip(&["route", "show", "default"]);
        (routes.contains("10.77.0.1 dev eth1 metric 100") && routes.contains("10.76.0.1 dev eth0 metric 101"))
            .then_some(())
    });
    let resolv_conf = |expected: &str| {
        until(expected, || (fs::read_to_string(lab.resolv_conf()).unwrap() == expected).then_some(()));
    };
    resolv_conf("search b.example\nnameserver 10.77.0.3\n");
    lab.ip(&["link", "delete", "eth1"]);
    resolv_conf("search b.example\nnameserver 10.76.0.3\n");
}

#[test]
fn an_interface_may_appear_late() {
    let lab = Lab::new();
    let network = lab.start(config());
    lab.cable("eth0", "10.77.0.1/24");
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}

#[test]
fn an_interface_may_be_replaced() {
    let lab = Lab::new();
    lab.cable("usb0", "10.77.0.1/24");
    let server = lab.dnsmasq("usb0", "10.77.0.10,10.77.0.20,2m", &["--dhcp-option=6,10.77.0.3"]);
    let network = lab.start(config());
    network.wait().unwrap();
    lab.ip(&["link", "delete", "usb0"]);
    drop(server);
    until("no name server", || fs::read_to_string(lab.resolv_conf()).unwrap().is_empty().then_some(()));
    lab.cable("usb1", "10.76.0.1/24");
    let _server = lab.dnsmasq("usb1", "10.76.0.10,10.76.0.20,2m", &[]);
    until("a new address", || lab.ip(&["-4", "addr"]).contains("inet 10.76.0.").then_some(()));
}

#[test]
fn containers_cables_are_left_alone() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    let network = lab.start(config());
    network.wait().unwrap();
    lab.ip(&["link", "add", "br0", "type", "bridge"]);
    lab.cable("pod0", "10.76.0.1/24");
    // Once this has been noticed, the others have been looked at. The kernel has dropped the routes; they come back.
    lab.ip(&["link", "set", "eth0", "down"]);
    until("no route", || lab.ip(&["route"]).is_empty().then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(500));
    lab.ip(&["link", "set", "eth0", "up"]);
    server.wait_for("DHCPACK", 2);
    until("a route", || lab.ip(&["route", "show", "default"]).contains("10.77.0.1").then_some(()));
    let links = lab.ip(&["-o", "link"]);
    for name in ["br0", "pod0"] {
        let line = links.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains("state DOWN"), "{line}");
    }
}

#[test]
fn a_cable_that_is_plugged_again_is_asked_again() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.20,2m", &[]);
    let network = lab.start(config());
    network.wait().unwrap();
    ip(&["-n", &lab.server, "link", "set", "eth0", "down"]);
    until("a loss of carrier", || lab.ip(&["link", "show", "eth0"]).contains("NO-CARRIER").then_some(()));
    // Let the network see it, too.
    std::thread::sleep(std::time::Duration::from_millis(500));
    ip(&["-n", &lab.server, "link", "set", "eth0", "up"]);
    server.wait_for("DHCPACK", 2);
}

#[test]
fn classless_routes_replace_the_router() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let options = [
        "--dhcp-option=3,10.77.0.1",
        "--dhcp-option=121,10.99.0.0/16,10.77.0.2,192.0.2.7/32,0.0.0.0,0.0.0.0/0,10.77.0.3",
    ];
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &options);
    let network = lab.start(config());
    network.wait().unwrap();
    let routes = lab.ip(&["route"]);
    for route in [
        "10.99.0.0/16 via 10.77.0.2 dev eth0 metric 100",
        "192.0.2.7 dev eth0 scope link metric 100",
        "default via 10.77.0.3 dev eth0 metric 100",
    ] {
        assert!(routes.contains(route), "{route}\nnot in\n{routes}");
    }
    assert!(!routes.contains("10.77.0.1 "), "{routes}");
}

#[test]
fn a_router_beyond_the_network_is_on_the_link() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let options = ["--dhcp-option-force=1,255.255.255.255", "--dhcp-option=3,10.77.0.1"];
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &options);
    let network = lab.start(config());
    network.wait().unwrap();
    assert_eq!(
        lab.ip(&["route", "show", "default"]).trim(),
        "default via 10.77.0.1 dev eth0 metric 100 onlink"
    );
}

#[test]
fn no_interface_is_an_error_that_says_so() {
    let lab = Lab::new();
    let network = lab.start(config());
    assert_eq!(
        failure(&network).to_string(),
        "no network interface has appeared in 10 s: is the network card's driver among the kernel modules?"
    );
}

#[test]
fn no_cable_is_an_error_that_says_so() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    ip(&["-n", &lab.server, "link", "set", "eth0", "down"]);
    let network = lab.start(config());
    assert_eq!(
        failure(&network).to_string(),
        "no DHCP lease in 40 s: eth0: no carrier (is the cable plugged in?)"
    );
    // It is not the last word.
    ip(&["-n", &lab.server, "link", "set", "eth0", "up"]);
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    until("a network", || network.wait().ok());
}

#[test]
fn no_server_is_an_error_that_says_so() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    ip(&["-n", &lab.server, "link", "set", "eth1", "down"]);
    let network = lab.start(config());
    let error = failure(&network).to_string();
    let (head, tail) = error.split_once("eth0: no answer to ").unwrap();
    assert_eq!(head, "no DHCP lease in 60 s: ");
    assert!(tail.ends_with(" requests; eth1: no carrier (is the cable plugged in?)"), "{error}");
    assert!(tail.split(' ').next().unwrap().parse::<u32>().unwrap() >= 5, "{error}");
}
