//! Networks: none, silent ones, two at once, and static addresses.

use crate::support::{boot, run};
use harness::{Boot, Network};

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
fn a_clock_that_cannot_be_set_is_not_fatal() {
    let outcome = boot("", "echo late").append("b2c.ntp_peer=no-such-host.invalid").run();
    outcome.expect("Getting the time from the NTP server no-such-host.invalid: FAILED");
    outcome.expect_line("late").expect_status(0);
}
