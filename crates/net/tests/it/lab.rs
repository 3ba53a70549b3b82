//! A client's network namespace, a server's, and cables between them.

use net::{Config, Error, Network, Paths};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes on a busy machine, but not for ever.
const PATIENCE: Duration = Duration::from_secs(90);

static LABS: AtomicU32 = AtomicU32::new(0);

/// Two namespaces of this test's own.
pub struct Lab {
    pub client: String,
    pub server: String,
    rival: String,
    pub folder: TempDir,
}

impl Lab {
    pub fn new() -> Lab {
        log_to_stderr();
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let name = |side| format!("b2cnet-{}-{number}-{side}", std::process::id());
        let lab =
            Lab { client: name("c"), server: name("s"), rival: name("r"), folder: TempDir::new().unwrap() };
        ip(&["netns", "add", &lab.client]);
        ip(&["netns", "add", &lab.server]);
        ip(&["-n", &lab.server, "link", "set", "lo", "up"]);
        lab
    }

    /// A cable from `name` at the client to `name` at the server, who has this address there.
    pub fn cable(&self, name: &str, address: &str) {
        let Lab { client, server, .. } = self;
        ip(&["link", "add", name, "netns", client, "type", "veth", "peer", name, "netns", server]);
        ip(&["-n", server, "addr", "add", address, "dev", name]);
        ip(&["-n", server, "link", "set", name, "up"]);
    }

    /// The server's ends of the cables become one network, `lan`, in which the server has this address.
    pub fn bridge(&self, cables: &[&str], address: &str) {
        ip(&["-n", &self.server, "link", "add", "lan", "type", "bridge"]);
        ip(&["-n", &self.server, "addr", "add", address, "dev", "lan"]);
        ip(&["-n", &self.server, "link", "set", "lan", "up"]);
        for cable in cables {
            ip(&["-n", &self.server, "addr", "flush", "dev", cable]);
            ip(&["-n", &self.server, "link", "set", cable, "master", "lan"]);
        }
    }

    /// Another machine at the server's end of the cable, with this address.
    pub fn rival(&self, cable: &str, address: &str) {
        ip(&["netns", "add", &self.rival]);
        let link = ["link", "add", "link", cable, "name", "rival", "netns", &self.rival, "type", "macvlan"];
        ip(&[&["-n", &self.server], &link[..], &["mode", "bridge"]].concat());
        ip(&["-n", &self.rival, "addr", "add", address, "dev", "rival"]);
        ip(&["-n", &self.rival, "link", "set", "rival", "up"]);
    }

    pub fn resolv_conf(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    /// Starts the network of the client.
    pub fn start(&self, config: Config) -> Network {
        let paths = Paths {
            resolv_conf: self.resolv_conf(),
            pnp: self.folder.path().join("pnp"),
            kernel_ntp: self.folder.path().join("ntp"),
        };
        self.inside(&self.client, || Network::start_with(config, paths).unwrap())
    }

    /// Runs `f` in a thread that lives in a namespace.
    pub fn inside<T: Send>(&self, namespace: &str, f: impl FnOnce() -> T + Send) -> T {
        let file = File::open(Path::new("/run/netns").join(namespace)).unwrap();
        let body = move || {
            let kind = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(rustix::fd::AsFd::as_fd(&file), Some(kind)).unwrap();
            f()
        };
        thread::scope(|scope| scope.spawn(body).join().unwrap())
    }

    /// What `ip` says about the client.
    pub fn ip(&self, arguments: &[&str]) -> String {
        ip(&[&["-n", &self.client], arguments].concat())
    }

    /// A DHCP server at the other end of the cable. Its log tells what it heard.
    pub fn dnsmasq(&self, cable: &str, range: &str, options: &[&str]) -> Server {
        let server =
            self.dnsmasq_with(cable, &[&[format!("--dhcp-range={range}").as_str()], options].concat());
        server.wait_for("DHCP, sockets bound", 1);
        server
    }

    /// A server of IPv6 router advertisements, and of DHCPv6 if the options say so.
    pub fn router(&self, cable: &str, options: &[&str]) -> Server {
        let server = self.dnsmasq_with(cable, &[&["--enable-ra"], options].concat());
        server.wait_for("IPv6 router advertisement", 1);
        server
    }

    fn dnsmasq_with(&self, cable: &str, options: &[&str]) -> Server {
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.path().join(format!("dnsmasq-{number}.log"));
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.server,
                "dnsmasq",
                "--no-daemon",
                "--conf-file=/dev/null",
                "--port=0",
            ])
            .args(["--user=root", "--no-ping", "--dhcp-authoritative", "--log-dhcp", "--bind-interfaces"])
            .arg(format!("--interface={cable}"))
            .arg(format!(
                "--dhcp-leasefile={}",
                self.folder.path().join(format!("leases-{number}")).display()
            ))
            .arg(format!("--pid-file={}", self.folder.path().join(format!("pid-{number}")).display()))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Server { child, log }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in [&self.client, &self.rival, &self.server] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).stderr(Stdio::null()).status();
        }
    }
}

/// A server process and its log.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Waits until the log has that many lines with this text.
    pub fn wait_for(&self, text: &str, times: usize) {
        until(&format!("{times} times {text:?} in the server's log"), || {
            let log = fs::read_to_string(&self.log).unwrap();
            (log.lines().filter(|line| line.contains(text)).count() >= times).then_some(())
        });
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Waits until there is an answer.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "there never was {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The error of a network that does not come up.
pub fn failure(network: &Network) -> Error {
    network.wait().unwrap_err()
}

pub fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Shows what the library says, for failed tests.
fn log_to_stderr() {
    struct Stderr;
    impl log::Log for Stderr {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            eprintln!("{}: {}", record.level(), record.args());
        }
        fn flush(&self) {}
    }
    static LOGGER: Stderr = Stderr;
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}
