//! Servers as child processes that cannot outlive the tests.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections. Machines that test are busy.
const START: Duration = Duration::from_secs(60);
/// How often it is looked whether it does.
const TICK: Duration = Duration::from_millis(20);

/// Runs the rest of its arguments until its stdin closes, then ends that and removes the folder. In between it kills and starts it again as
/// it is told.
///
/// The kernel closes stdin even if the test is killed, and even for servers in statics, whose `Drop` never runs.
const GUARD: &str = r#"
folder=$1; shift; "$@" &
while read -r word; do
    case $word in
    kill) kill -KILL $!; wait $! ;;
    start) "$@" & ;;
    esac
done
kill $!; wait $!; rm -rf -- "$folder""#;

/// A process; it ends, and its folder goes, when the value is dropped or the test's process ends.
#[derive(Debug)]
pub(crate) struct Guarded(Child);

impl Guarded {
    /// Starts `program` with what it prints in `log`.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: &[A], folder: &Path, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(guard.unwrap())
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{word}").unwrap();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A server that listens on a loopback port.
#[derive(Debug)]
pub(crate) struct Server {
    process: Guarded,
    port: u16,
    log: PathBuf,
}

impl Server {
    /// Starts `program` with what it prints in `log` inside `folder`, and waits until somebody listens on `port`.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: &[A], folder: &Path, port: u16) -> Self {
        let log = folder.join(format!("log.{port}"));
        let server = Self { process: Guarded::start(program, arguments, folder, &log), port, log };
        server.wait();
        server
    }

    /// Kills it; its folder stays.
    pub fn kill(&mut self) {
        self.process.tell("kill");
        while self.is_up() {
            thread::sleep(TICK);
        }
    }

    /// Starts it once more after it was killed.
    pub fn start_again(&mut self) {
        self.process.tell("start");
        self.wait();
    }

    fn is_up(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    fn wait(&self) {
        let start = Instant::now();
        while !self.is_up() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(start.elapsed() < START, "nobody listens on port {}; the server says:\n{log}", self.port);
            thread::sleep(TICK);
        }
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
