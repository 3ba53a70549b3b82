//! Servers as child processes that cannot outlive the tests.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections. Machines that test are busy.
const START: Duration = Duration::from_secs(60);

/// Runs the rest of its arguments until its stdin closes, then ends that and removes the folder.
///
/// The kernel closes stdin even if the test is killed, and even for servers in statics, whose `Drop` never runs.
const GUARD: &str = r#"folder=$1; shift; "$@" & read -r _; kill $!; wait $!; rm -rf -- "$folder""#;

/// A server; it ends, and its folder goes, when the value is dropped or the test's process ends.
#[derive(Debug)]
pub(crate) struct Server {
    guard: Child,
}

impl Server {
    /// Starts `program` with what it prints in `log` inside `folder`, and waits until somebody listens on `port`.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: &[A], folder: &Path, port: u16) -> Self {
        let log_path = folder.join(format!("log.{port}"));
        let log = File::create(&log_path).unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { guard };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            assert!(start.elapsed() < START, "{program} does not listen on port {port}; it says:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
