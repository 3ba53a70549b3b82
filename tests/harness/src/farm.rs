//! A farm's network: a namespace with a gateway at 10.42.0.1 that gives addresses, names and the time, and passes connections on to the tests'
//! servers.

use crate::server::Guarded;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// The gateway.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 1);

/// A network of its own; it goes with the value.
#[derive(Debug)]
pub struct Farm {
    /// Nobody else holds the namespace open for long: it cannot be left behind.
    namespace: File,
    _servers: [Guarded; 2],
}

impl Farm {
    /// A network in which all of `names` are the gateway's.
    pub fn new(names: &[&str]) -> Self {
        Self::with_dhcp_options(names, &[])
    }

    /// The gateway also tells these options, as dnsmasq's `dhcp-option` takes them: `option:ntp-server,10.42.0.1`.
    pub fn with_dhcp_options(names: &[&str], options: &[&str]) -> Self {
        let namespace = new_namespace();
        for line in [
            "link set lo up",
            "tuntap add dev tap0 mode tap",
            "addr add 10.42.0.1/24 dev tap0",
            "link set tap0 up",
        ] {
            ip(&namespace, line);
        }
        let _servers = [dnsmasq(&namespace, names, options), chronyd(&namespace)];
        Self { namespace, _servers }
    }

    /// Whoever connects to the gateway's `port` talks to that port on the tests' loopback.
    pub fn forward(&self, port: u16, to: u16) -> &Self {
        let listener = self.within(|| TcpListener::bind((GATEWAY, port))).unwrap();
        // A thread of this namespace, where the servers are. It ends with the tests' process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is down is a connection that ends.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) {
                    join(&client, &server);
                }
            }
        });
        self
    }

    /// QEMU's arguments for the card of the one machine.
    pub(crate) fn card(&self) -> [&'static str; 4] {
        [
            "-netdev",
            "tap,id=farm,ifname=tap0,script=no,downscript=no",
            "-device",
            "virtio-net-pci,netdev=farm,romfile=",
        ]
    }

    /// The beginning of a command line that is run in this network.
    pub(crate) fn wrapper(&self) -> [String; 3] {
        wrapper(&self.namespace)
    }

    fn within<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let body = || {
            move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            body()
        };
        thread::scope(|scope| scope.spawn(body).join().unwrap())
    }
}

fn new_namespace() -> File {
    let make = || {
        // SAFETY: only the network namespace of this thread changes; no memory or descriptors are concerned.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
        File::open("/proc/thread-self/ns/net").unwrap()
    };
    thread::spawn(make).join().unwrap()
}

fn wrapper(namespace: &File) -> [String; 3] {
    let path = format!("/proc/{}/fd/{}", std::process::id(), namespace.as_raw_fd());
    ["nsenter".into(), format!("--net={path}"), "--".into()]
}

fn ip(namespace: &File, line: &str) {
    let [program, arguments @ ..] = wrapper(namespace);
    let mut command = Command::new(program);
    let status = command.args(arguments).arg("ip").args(line.split(' ')).status().unwrap();
    assert!(status.success(), "ip {line}: {status}");
}

/// A server that prints to a file of its own folder.
fn serve(namespace: &File, folder: &Path, program: &[&str]) -> Guarded {
    let [enter, arguments @ ..] = wrapper(namespace);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(program.iter().copied()).collect();
    Guarded::start(&enter, &arguments, folder, &folder.join("log"))
}

fn folder(prefix: &str) -> PathBuf {
    tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep()
}

/// Addresses and names.
fn dnsmasq(namespace: &File, names: &[&str], options: &[&str]) -> Guarded {
    let folder = folder("b2c-dnsmasq");
    let mut text = format!(
        "interface=tap0\nbind-interfaces\nuser=root\nno-resolv\nno-hosts\nno-ping\ndhcp-authoritative\n\
         dhcp-range=10.42.0.100,10.42.0.200,1h\ndhcp-leasefile={0}/leases\npid-file={0}/pid\n",
        folder.display()
    );
    for name in names {
        text += &format!("address=/{name}/{GATEWAY}\n");
    }
    for option in options {
        text += &format!("dhcp-option={option}\n");
    }
    let config = folder.join("dnsmasq.conf");
    fs::write(&config, text).unwrap();
    let config = format!("--conf-file={}", config.display());
    serve(namespace, &folder, &["dnsmasq", "--keep-in-foreground", &config])
}

/// The time: a server that trusts its own clock, and leaves it alone (`-x`).
fn chronyd(namespace: &File) -> Guarded {
    let folder = folder("b2c-chronyd");
    let text = format!("local stratum 8\nallow\nport 123\ncmdport 0\npidfile {}/pid\n", folder.display());
    let config = folder.join("chrony.conf");
    fs::write(&config, text).unwrap();
    serve(namespace, &folder, &["chronyd", "-x", "-d", "-u", "root", "-f", &config.to_string_lossy()])
}

/// Passes all bytes on, both ways, in two threads that end with the connection.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            // However it ends, the other side is told.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
