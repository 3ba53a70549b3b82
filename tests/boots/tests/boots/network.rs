//! Networks: none, silent ones, two at once, and static addresses.

use crate::support::{HTTP, boot, busybox, run, serve};
use harness::{Boot, Network, Registry};
use std::net::{TcpListener, TcpStream};
use std::{io, thread};

#[test]
fn no_network_card() {
    let outcome = boot("", "true").no_network().run();
    outcome.expect("ERROR: ").expect("going on without a network").expect_status(1);
}

#[test]
fn nobody_answers() {
    let outcome = boot("", "true").network(Network::Silent).run();
    outcome.expect("no DHCP lease").expect("eth0").expect("going on without a network").expect_status(1);
}

#[test]
fn a_second_card_without_a_server_does_no_harm() {
    let outcome = boot("", "echo online").networks(vec![Network::Silent, Network::User(String::new())]).run();
    outcome.expect_line("online").expect_status(0);
}

#[test]
fn a_kernel_that_does_not_know_ip_is_an_error_that_says_what_to_do() {
    let outcome = boot("", "true").append("ip=dhcp").run();
    outcome
        .expect("ERROR: ")
        .expect("ip= is on the command line")
        .expect("use b2c.iface instead")
        .expect_status(1);
}

#[test]
fn static_address() {
    let iface = "b2c.iface=eth0,address=10.0.2.77/24,gateway=10.0.2.2,nameserver=10.0.2.3,auto";
    let command = "sh -c 'ip -o -4 address show dev eth0; ip route; cat /etc/resolv.conf'";
    let outcome = Boot::new(&format!("{iface} {}", run("", command))).run();
    outcome
        .expect("inet 10.0.2.77/24")
        .expect("default via 10.0.2.2")
        .expect_line("nameserver 10.0.2.3")
        .expect_status(0);
}

#[test]
fn a_mac_and_a_vlan() {
    let ifaces = "b2c.iface=52:54:00:12:34:56,auto b2c.iface=eth0,vlan=5,address=10.5.0.2/24,mtu=1400";
    let command = "sh -c 'cat /proc/net/vlan/config; ip -o -4 address; ip link show eth0.5'";
    let outcome = Boot::new(&format!("{ifaces} {}", run("", command))).run();
    outcome.expect("eth0.5         | 5  | eth0").expect("inet 10.5.0.2/24").expect("inet 10.0.2.15/24");
    outcome.expect("mtu 1400").expect_status(0);
}

#[test]
fn an_interface_in_the_extra_arguments_replaces_dhcp() {
    let iface = "b2c.iface=eth0,address=10.0.2.77/24,gateway=10.0.2.2,nameserver=10.0.2.9";
    let command = "sh -c 'ip -o -4 address show dev eth0; cat /etc/resolv.conf; echo done'";
    let url = serve(format!("{iface}\n{}\n", run("", command)));
    let outcome = Boot::new(&format!("b2c.extra_args_url={url}")).run();
    outcome.expect("inet 10.0.2.77/24").expect_line("nameserver 10.0.2.9").expect_no("inet 10.0.2.15/24");
    outcome.expect_no("nameserver 10.0.2.3").expect_line("done").expect_status(0);
}

#[test]
fn ipv6_alone_is_a_network() {
    let (_, name) = busybox().split_once('/').unwrap();
    let image = format!("[fd00:b2c::2]:{}/{name}", on_ipv6(Registry::shared().port()));
    let command = "sh -c 'ip -o -6 address show dev eth0 scope global; ip -o -4 address'";
    let network = Network::User("ipv4=off,ipv6=on,ipv6-prefix=fd00:b2c::".into());
    let line = b2c::vm::option("b2c.run", &format!("{HTTP} {image} {command}"));
    let outcome = Boot::new(&line).network(network).run();
    outcome.expect("inet6 fd00:b2c::").expect_no("inet 10.").expect_status(0);
}

/// Serves on IPv6's loopback what is served on IPv4's; gives the port.
fn on_ipv6(port: u16) -> u16 {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    own
}

#[test]
fn containers_without_a_network_have_loopback_alone() {
    let outcome = boot("--network none", "sh -c 'ls /sys/class/net; ping -c 1 -W 5 127.0.0.1'").run();
    outcome.expect_line("lo").expect("1 packets received").expect_no("\r\neth0\r\n").expect_status(0);
}

#[test]
fn names_reach_the_container() {
    let outcome = boot(
        "--add-host farm:10.0.2.2",
        "sh -c 'hostname; cat /etc/hostname; grep farm /etc/hosts; grep nameserver /etc/resolv.conf'",
    )
    .append("b2c.hostname=dut-1")
    .run();
    outcome.expect("dut-1\r\ndut-1\r\n").expect("10.0.2.2").expect("nameserver 10.0.2.3").expect_status(0);
}

#[test]
fn dhcp_names_the_machine_unless_an_option_does() {
    let network = || Network::User("hostname=dut-9".into());
    let outcome = boot("", "sh -c 'hostname; cat /etc/hostname'").network(network()).run();
    outcome.expect("dut-9\r\ndut-9\r\n").expect_status(0);
    let outcome = boot("", "hostname").append("b2c.hostname=dut-1").network(network()).run();
    outcome.expect_line("dut-1").expect_status(0);
}

#[test]
fn a_clock_that_cannot_be_set_is_not_fatal() {
    let outcome = boot("", "echo late").append("b2c.ntp_peer=no-such-host.invalid").run();
    outcome.expect("Getting the time from the NTP server no-such-host.invalid: FAILED");
    outcome.expect_line("late").expect_status(0);
}
