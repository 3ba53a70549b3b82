//! `b2c.iface` and `ip=`: addresses that somebody else has chosen.

use crate::lab::{Lab, failure, ip, until};
use net::{Config, Network};
use options::{Address, Iface, Link, Method, Route};
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

fn address(text: &str) -> Address {
    let (ip, prefix) = text.split_once('/').unwrap();
    Address { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn iface(name: &str, addresses: &[&str]) -> Iface {
    Iface {
        link: Link::Name(name.into()),
        vlan: None,
        addresses: addresses.iter().map(|text| address(text)).collect(),
        gateways: Vec::new(),
        nameservers: Vec::new(),
        routes: Vec::new(),
        forward: false,
        method: Method::Static,
        mtu: None,
        optional: false,
    }
}

fn start(lab: &Lab, ifaces: &[Iface]) -> Network {
    lab.start(Config { ifaces: ifaces.to_vec(), ..Config::default() })
}

#[test]
fn a_machine_without_an_address_of_its_own_is_alone() {
    let lab = Lab::new();
    let is_alone = || lab.inside(&lab.client, net::is_alone);
    assert!(is_alone());
    // Loopback and the address of a link, which IPv6 makes by itself, lead nowhere.
    lab.cable("eth0", "10.77.0.1/24");
    for name in ["lo", "eth0"] {
        ip(&["-n", &lab.client, "link", "set", name, "up"]);
    }
    ip(&["-n", &lab.client, "addr", "add", "fe80::5/64", "dev", "eth0"]);
    assert!(is_alone());
    let network = start(&lab, &[iface("eth0", &["10.77.0.5/24"])]);
    network.wait().unwrap();
    assert!(!is_alone());
}

#[test]
fn everything_that_an_interface_can_have() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    let eth0 = Iface {
        gateways: vec![addr("10.77.0.1"), addr("fd77::1")],
        nameservers: vec![addr("10.77.0.3"), addr("fd77::3")],
        routes: vec![
            Route { destination: Some(address("10.99.1.2/16")), via: addr("10.77.0.2") },
            Route { destination: Some(address("fd99::/48")), via: addr("fd77::2") },
        ],
        forward: true,
        ..iface("eth0", &["10.77.0.5/24", "10.77.0.6/24", "fd77::5/64"])
    };
    let network = start(&lab, &[eth0]);
    network.wait().unwrap();

    let addresses = lab.ip(&["addr", "show", "dev", "eth0"]);
    for address in ["inet 10.77.0.5/24", "inet 10.77.0.6/24", "inet6 fd77::5/64"] {
        assert!(addresses.contains(address), "{address}\nnot in\n{addresses}");
    }
    assert!(!addresses.contains("fd77::5/64 metric 100 scope global tentative"), "{addresses}");
    let routes = lab.ip(&["route"]) + &lab.ip(&["-6", "route"]);
    for route in [
        "default via 10.77.0.1 dev eth0 metric 100",
        "default via fd77::1 dev eth0 metric 100",
        // The bits beyond the prefix do not matter.
        "10.99.0.0/16 via 10.77.0.2 dev eth0",
        "fd99::/48 via fd77::2 dev eth0",
    ] {
        assert!(routes.contains(route), "{route}\nnot in\n{routes}");
    }
    assert_eq!(fs::read_to_string(lab.resolv_conf()).unwrap(), "nameserver 10.77.0.3\nnameserver fd77::3\n");
    let forwards = |file| lab.inside(&lab.client, || fs::read_to_string(file).unwrap());
    assert_eq!(forwards("/proc/sys/net/ipv4/ip_forward"), "1\n");
    assert_eq!(forwards("/proc/sys/net/ipv6/conf/all/forwarding"), "1\n");
    // No other interface is touched.
    assert!(lab.ip(&["link", "show", "eth1"]).contains("state DOWN"));
    ip(&["netns", "exec", &lab.client, "ping", "-c", "1", "-W", "5", "10.77.0.1"]);
}

#[test]
fn fixed_and_dhcp_side_by_side() {
    let lab = Lab::new();
    lab.cable("lan0", "10.77.0.1/24");
    lab.cable("dut0", "10.76.0.1/24");
    let _server = lab.dnsmasq("lan0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=6,10.77.0.3"]);
    let dut = Iface { nameservers: vec![addr("10.76.0.3")], ..iface("dut0", &["10.76.0.5/24"]) };
    let lan = Iface { method: Method::Dhcp, ..iface("lan0", &[]) };
    let network = start(&lab, &[dut, lan]);
    network.wait().unwrap();
    let addresses = lab.ip(&["-4", "addr"]);
    assert!(addresses.contains("10.76.0.5/24") && addresses.contains("10.77.0.10/24"), "{addresses}");
    // The first of the command line.
    assert_eq!(fs::read_to_string(lab.resolv_conf()).unwrap(), "nameserver 10.76.0.3\n");
}

fn mac(lab: &Lab, name: &str) -> Link {
    let shown = lab.ip(&["link", "show", "dev", name]);
    let text = shown.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap();
    let octets: Vec<u8> = text.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    Link::Mac(octets.try_into().unwrap())
}

#[test]
fn a_mac_names_an_interface() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    let eth1 = Iface { link: mac(&lab, "eth1"), mtu: Some(1400), ..iface("", &["10.76.0.5/24"]) };
    let network = start(&lab, &[eth1]);
    network.wait().unwrap();
    let shown = lab.ip(&["addr", "show", "dev", "eth1"]);
    assert!(shown.contains("10.76.0.5/24") && shown.contains("mtu 1400"), "{shown}");
    assert!(lab.ip(&["link", "show", "eth0"]).contains("state DOWN"));
}

#[test]
fn an_interface_in_several_options_gets_all_of_them() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let first = iface("eth0", &["10.77.0.5/24"]);
    let second = Iface { link: mac(&lab, "eth0"), ..iface("", &["10.76.0.5/24"]) };
    let network = start(&lab, &[first, second]);
    network.wait().unwrap();
    let addresses = lab.ip(&["-4", "addr"]);
    assert!(addresses.contains("10.77.0.5/24") && addresses.contains("10.76.0.5/24"), "{addresses}");
}

#[test]
fn the_mtu_of_an_option_is_stronger_than_the_servers() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=26,1400"]);
    let network = start(&lab, &[Iface { method: Method::Dhcp, mtu: Some(1300), ..iface("eth0", &[]) }]);
    network.wait().unwrap();
    assert!(lab.ip(&["link", "show", "eth0"]).contains("mtu 1300"));
}

#[test]
fn what_is_optional_is_not_waited_for() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    lab.cable("eth2", "10.75.0.1/24");
    let optional = |iface| Iface { optional: true, ..iface };
    let absent = optional(iface("eth9", &["10.74.0.5/24"]));
    let silent = optional(Iface { method: Method::Dhcp, ..iface("eth1", &[]) });
    let wrong = optional(Iface { gateways: vec![addr("10.99.0.1")], ..iface("eth2", &[]) });
    let network = start(&lab, &[absent, silent, wrong, iface("eth0", &["10.77.0.5/24"])]);
    network.wait().unwrap();
    // It is set up all the same when it comes.
    lab.cable("eth9", "10.74.0.1/24");
    until("the optional address", || lab.ip(&["-4", "addr"]).contains("10.74.0.5/24").then_some(()));
}

#[test]
fn of_optional_interfaces_the_first_is_the_network() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    let _server = lab.dnsmasq("eth1", "10.76.0.10,10.76.0.10,2m", &[]);
    let dhcp = |name| Iface { method: Method::Dhcp, optional: true, ..iface(name, &[]) };
    let network = start(&lab, &[dhcp("eth0"), dhcp("eth1")]);
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.76.0.10/24"));
}

#[test]
fn another_configuration_replaces_the_first() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=6,10.77.0.3"]);
    let network = lab.start(Config::default());
    network.wait().unwrap();
    let gateway = vec![addr("10.76.0.1")];
    let eth1 = Iface { gateways: gateway.clone(), nameservers: gateway, ..iface("eth1", &["10.76.0.5/24"]) };
    let config = Config { ifaces: vec![eth1], ..Config::default() };
    let network = lab.inside(&lab.client, || network.restart(config).unwrap());
    network.wait().unwrap();
    let addresses = lab.ip(&["-4", "addr"]);
    assert!(addresses.contains("10.76.0.5/24") && !addresses.contains("10.77.0.10"), "{addresses}");
    assert_eq!(lab.ip(&["route", "show", "default"]).trim(), "default via 10.76.0.1 dev eth1 metric 100");
    assert_eq!(fs::read_to_string(lab.resolv_conf()).unwrap(), "nameserver 10.76.0.1\n");

    // Old name servers are not asked if there are no new ones.
    let eth1 = iface("eth1", &["10.76.0.5/24"]);
    let config = Config { ifaces: vec![eth1], ..Config::default() };
    let network = lab.inside(&lab.client, || network.restart(config).unwrap());
    network.wait().unwrap();
    assert_eq!(fs::read_to_string(lab.resolv_conf()).unwrap(), "");

    // And back, so that what options have put there goes, too.
    let network = lab.inside(&lab.client, || network.restart(Config::default()).unwrap());
    network.wait().unwrap();
    let addresses = lab.ip(&["-4", "addr"]);
    assert!(addresses.contains("10.77.0.10/24") && !addresses.contains("10.76.0.5"), "{addresses}");
}

#[test]
fn an_interface_that_appears_late_is_waited_for() {
    let lab = Lab::new();
    let network = start(&lab, &[iface("eth0", &["10.77.0.5/24"])]);
    lab.cable("other", "10.76.0.1/24");
    lab.cable("eth0", "10.77.0.1/24");
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.5/24"));
}

#[test]
fn an_interface_that_comes_back_is_set_up_again() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let network = start(&lab, &[iface("eth0", &["10.77.0.5/24"])]);
    network.wait().unwrap();
    lab.ip(&["link", "delete", "eth0"]);
    lab.cable("eth0", "10.77.0.1/24");
    until("the address again", || lab.ip(&["-4", "addr"]).contains("10.77.0.5/24").then_some(()));
}

#[test]
fn a_dark_port_of_a_lab_is_not_waited_for() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    ip(&["-n", &lab.server, "link", "set", "eth1", "down"]);
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    let eth0 = Iface { method: Method::Dhcp, ..iface("eth0", &[]) };
    let network = start(&lab, &[eth0, iface("eth1", &["10.76.0.5/24"])]);
    // Less than the patience with a cable.
    assert_eq!(network.wait_at_most(Duration::from_secs(20)), Some(Ok(())));
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}

#[test]
fn a_dark_port_with_a_gateway_is_waited_for() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.cable("eth1", "10.76.0.1/24");
    ip(&["-n", &lab.server, "link", "set", "eth1", "down"]);
    let eth1 = Iface { gateways: vec![addr("10.76.0.1")], ..iface("eth1", &["10.76.0.5/24"]) };
    let network = start(&lab, &[iface("eth0", &["10.77.0.5/24"]), eth1]);
    assert_eq!(network.wait_at_most(Duration::from_secs(5)), None);
    ip(&["-n", &lab.server, "link", "set", "eth1", "up"]);
    network.wait().unwrap();
}

#[test]
fn an_interface_that_never_appears_is_an_error() {
    let lab = Lab::new();
    lab.cable("eth1", "10.77.0.1/24");
    let network = start(&lab, &[iface("eth0", &["10.77.0.5/24"])]);
    assert_eq!(
        failure(&network).to_string(),
        "b2c.iface=eth0: find the interface: it has not appeared in 10 s"
    );
}

#[test]
fn a_step_that_fails_is_named() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let eth0 = Iface { gateways: vec![addr("10.77.0.1")], ..iface("eth0", &[]) };
    assert_eq!(
        failure(&start(&lab, &[eth0])).to_string(),
        "b2c.iface=eth0: gateway=10.77.0.1: Network is unreachable (os error 101)"
    );
}

#[test]
fn what_the_kernel_has_configured_is_used() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    fs::write(
        lab.folder.path().join("pnp"),
        "#MANUAL\ndomain lab.example\nnameserver 10.77.0.3\nbootserver 10.77.0.1\n",
    )
    .unwrap();
    fs::write(lab.folder.path().join("ntp"), "10.77.0.8\n10.77.0.9\n").unwrap();
    let network = lab.start(Config { kernel_ip: true, ..Config::default() });
    lab.ip(&["addr", "add", "10.77.0.5/24", "dev", "eth0"]);
    network.wait().unwrap();
    until("time servers", || (network.ntp_servers() == [addr("10.77.0.8"), addr("10.77.0.9")]).then_some(()));
    until("name servers", || {
        fs::read_to_string(lab.resolv_conf())
            .ok()
            .filter(|text| text == "search lab.example\nnameserver 10.77.0.3\n")
    });
    // It is the kernel's, and only used.
    assert!(lab.ip(&["link", "show", "eth0"]).contains("state DOWN"));
}

#[test]
fn a_kernel_that_has_configured_nothing_is_an_error() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    let network = lab.start(Config { kernel_ip: true, ..Config::default() });
    let error = failure(&network).to_string();
    assert!(
        error.starts_with("ip= is on the command line, but the kernel has configured no address in 10 s"),
        "{error}"
    );
}
