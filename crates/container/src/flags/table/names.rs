//! Host names and their addresses.

use super::super::network;
use super::{Flag, Value};

pub(super) static FLAGS: [Flag; 8] = [
    Flag::value("add-host", Value::List("NAME:ADDRESS"), network::add_host, "One more line of /etc/hosts; `host-gateway` is the machine itself."),
    Flag::value("dns", Value::List("ADDRESS"), network::dns, "A name server for /etc/resolv.conf in place of the machine's; `none` leaves the image's file as it is."),
    Flag::value("dns-option", Value::List("OPTION"), network::dns_option, "An option of resolv.conf(5), such as `ndots:1`.").aliases(&["dns-opt"]),
    Flag::value("dns-search", Value::List("DOMAIN"), network::dns_search, "A search domain in place of the machine's; `.` for none at all."),
    Flag::value("hostname", Value::One("NAME"), network::hostname, "The container's host name; the machine's (`b2c.hostname`) by default.").short('h'),
    Flag::value("network", Value::One("MODE"), network::network, "`host` (the default) is the machine's network, `none` a network of its own with nothing but a loopback link.").aliases(&["net"]),
    Flag::switch("no-hostname", |request, on| request.no_hostname = on, "Leaves the image's /etc/hostname as it is."),
    Flag::switch("no-hosts", |request, on| request.no_hosts = on, "Leaves the image's /etc/hosts as it is."),
];
