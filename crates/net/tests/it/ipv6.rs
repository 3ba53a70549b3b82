//! IPv6 against a real router (dnsmasq), over real cables (veth).

use crate::lab::{Lab, ip, until};
use net::Config;
use options::{Iface, Link, Method};
use std::fs;
use std::net::IpAddr;

/// A lab whose router has an address in fd77::/64.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    for address in ["fd77::1/64", "fe80::1/64"] {
        ip(&["-n", &lab.server, "addr", "add", address, "dev", "eth0", "nodad"]);
    }
    lab
}

fn resolv_conf(lab: &Lab, expected: &str) {
    until(&format!("{expected:?} in resolv.conf"), || {
        fs::read_to_string(lab.resolv_conf()).ok().filter(|text| text == expected)
    });
}

#[test]
fn an_address_a_router_and_name_servers_without_dhcp() {
    let lab = lab();
    let options = [
        "--dhcp-range=fd77::,ra-only",
        "--dhcp-option=option6:dns-server,[fd77::3]",
        "--dhcp-option=option6:domain-search,lan.example",
    ];
    let _router = lab.router("eth0", &options);
    let network = lab.start(Config::default());
    network.wait().unwrap();
    let addresses = lab.ip(&["-6", "addr", "show", "dev", "eth0", "scope", "global"]);
    assert!(addresses.contains("inet6 fd77::") && !addresses.contains("tentative"), "{addresses}");
    assert!(lab.ip(&["-6", "route", "show", "default"]).contains("dev eth0 proto ra"));
    resolv_conf(&lab, "search lan.example\nnameserver fd77::3\n");
    ip(&["netns", "exec", &lab.client, "ping", "-c", "1", "-W", "5", "fd77::1"]);
}

#[test]
fn dhcpv6_tells_name_and_time_servers() {
    let lab = lab();
    let options = [
        "--dhcp-range=fd77::,ra-stateless",
        "--dhcp-option=option6:dns-server,[fd77::3],[fd77::4]",
        "--dhcp-option=option6:domain-search,lan.example",
        "--dhcp-option=option6:sntp-server,[fd77::8]",
        "--dhcp-option=option6:56,0:1:0:10:fd:77:0:0:0:0:0:0:0:0:0:0:0:0:0:9",
    ];
    let router = lab.router("eth0", &options);
    let network = lab.start(Config::default());
    network.wait().unwrap();
    router.wait_for("DHCPINFORMATION-REQUEST", 1);
    resolv_conf(&lab, "search lan.example\nnameserver fd77::3\nnameserver fd77::4\n");
    let ntp: Vec<IpAddr> = ["fd77::9", "fd77::8"].iter().map(|text| text.parse().unwrap()).collect();
    until("time servers", || (network.ntp_servers() == ntp).then_some(()));
}

#[test]
fn dhcpv6_gives_an_address() {
    let lab = lab();
    let options = ["--dhcp-range=fd77::50,fd77::50,64,2m", "--dhcp-option=option6:dns-server,[fd77::3]"];
    let router = lab.router("eth0", &options);
    let eth0 = Iface {
        link: Link::Name("eth0".into()),
        vlan: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        nameservers: Vec::new(),
        routes: Vec::new(),
        forward: false,
        method: Method::Dhcp,
        mtu: None,
        optional: false,
    };
    let network = lab.start(Config { ifaces: vec![eth0], ..Config::default() });
    network.wait().unwrap();
    assert!(lab.ip(&["-6", "addr", "show", "dev", "eth0"]).contains("inet6 fd77::50/128"));
    resolv_conf(&lab, "nameserver fd77::3\n");
    ip(&["netns", "exec", &lab.client, "ping", "-c", "1", "-W", "5", "fd77::1"]);
    router.wait_for("DHCPRENEW", 1);
    router.wait_for("DHCPREPLY", 2);
    assert!(lab.ip(&["-6", "addr", "show", "dev", "eth0"]).contains("inet6 fd77::50/128"));
}

#[test]
fn both_families_side_by_side() {
    let lab = lab();
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &["--dhcp-option=6,10.77.0.3"]);
    let network = lab.start(Config::default());
    network.wait().unwrap();
    drop(_server);
    let options = [
        "--dhcp-range=fd77::,ra-only",
        "--dhcp-option=option6:dns-server,[fd77::3]",
        "--dhcp-option=option6:domain-search,lan.example",
    ];
    let _router = lab.router("eth0", &options);
    // The router's name server need not know what the lab's knows, and whoever asks both takes the quicker answer.
    resolv_conf(&lab, "search lan.example\nnameserver 10.77.0.3\n");
}

#[test]
fn a_router_that_is_quicker_does_not_leave_a_machine_without_ipv4() {
    let lab = lab();
    let _router = lab.router("eth0", &["--dhcp-range=fd77::,ra-only"]);
    let network = lab.start(Config::default());
    until("IPv6", || {
        let addresses = lab.ip(&["-6", "addr", "show", "dev", "eth0", "scope", "global"]);
        (addresses.contains("inet6 fd77::") && !addresses.contains("tentative")).then_some(())
    });
    let _server = lab.dnsmasq("eth0", "10.77.0.10,10.77.0.10,2m", &[]);
    network.wait().unwrap();
    assert!(lab.ip(&["-4", "addr"]).contains("10.77.0.10/24"));
}
