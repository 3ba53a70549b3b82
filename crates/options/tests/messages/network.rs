//! Interfaces and routes.

use crate::support::{assert_fine, assert_line, lines};
use options::{Link, Method, parse};

#[test]
fn an_interface_is_told_by_its_mac_too() {
    let options = parse(&["b2c.iface=52:54:00:aB:cd:ef,vlan=5,mtu=1400,optional,auto"]).options;
    let iface = &options.iface[0];
    assert_eq!(iface.link, Link::Mac([0x52, 0x54, 0, 0xab, 0xcd, 0xef]));
    assert_eq!(iface.link.to_string(), "52:54:00:ab:cd:ef");
    assert_eq!(
        (iface.vlan, iface.mtu, iface.optional, iface.method),
        (Some(5), Some(1400), true, Method::Auto)
    );
}

#[test]
fn an_interface_keeps_its_good_parts() {
    let text = "b2c.iface=eth0,address=10.0.0.300/24,nameserver=10.0.0.1,gatway=10.0.0.1,dhcp,route=10.1.0.0/16,address=10.0.0.2,mtu=68";
    assert_eq!(
        lines(&[text]),
        [
            "error: b2c.iface: `10.0.0.300` is not an IP address | 10.0.0.300",
            "warning: b2c.iface: `gatway=10.0.0.1` is not known and ignored; the closest known word is gateway | gatway=10.0.0.1",
            "error: b2c.iface: `10.1.0.0/16` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | 10.1.0.0/16",
            "error: b2c.iface: `10.0.0.2` lacks its prefix length; write 10.0.0.2/24 | 10.0.0.2",
            "error: b2c.iface: `68` is not a whole number from 576 to 65535 | 68",
        ]
    );
    let iface = &parse(&[text]).options.iface[0];
    assert_eq!(
        (iface.link.to_string().as_str(), iface.nameservers.len(), iface.method),
        ("eth0", 1, Method::Dhcp)
    );
    assert!(iface.addresses.is_empty() && iface.gateways.is_empty() && iface.routes.is_empty());
}

#[test]
fn routes_of_both_families() {
    let options = assert_fine(
        "b2c.iface=e,route=10.1.0.0/16:10.0.0.1,route=10.2.0.1:10.0.0.1,route=default:fe80::1,route=fd00::/8:fe80::1",
    );
    let routes = &options.iface[0].routes;
    let shown: Vec<String> = routes
        .iter()
        .map(|route| {
            format!("{:?} {}", route.destination.map(|to| format!("{}/{}", to.ip, to.prefix)), route.via)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Some(\"10.1.0.0/16\") 10.0.0.1",
            "Some(\"10.2.0.1/32\") 10.0.0.1",
            "None fe80::1",
            "Some(\"fd00::/8\") fe80::1"
        ]
    );
    assert_line(
        "b2c.iface=e,route=1:2::3:4",
        "error: b2c.iface: `1:2::3:4` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | 1:2::3:4",
    );
    assert_line(
        "b2c.iface=e,route=::1:::2:::3",
        "error: b2c.iface: `::1:::2:::3` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | ::1:::2:::3",
    );
    assert_line(
        "b2c.iface=e,route=::1:2:3::4",
        "error: b2c.iface: `::1:2:3::4` can be read in several ways; write the destination as IP/PREFIX | ::1:2:3::4",
    );
}
