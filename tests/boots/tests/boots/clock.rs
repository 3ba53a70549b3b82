//! The clock, set by a real server (chronyd).

use crate::support::boot;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

struct Chronyd {
    child: Child,
    _folder: TempDir,
}

impl Chronyd {
    /// A server on this computer's loopback that trusts its own clock, and leaves it alone (`-x`). `b2c.ntp_peer` knows no port but NTP's.
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (config, pid) = (folder.path().join("chrony.conf"), folder.path().join("pid"));
        let text = format!(
            "local stratum 8\nallow\nbindaddress 127.0.0.1\nport 123\ncmdport 0\npidfile {}\n",
            pid.display()
        );
        fs::write(&config, text).unwrap();
        let mut chronyd = Command::new("chronyd");
        chronyd.args(["-x", "-d", "-u", "root", "-f"]).arg(&config);
        let child = chronyd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, _folder: folder }
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_machine_that_woke_up_long_ago_gets_the_time() {
    let _server = Chronyd::start();
    let outcome = boot("", "date +now=%s").append("b2c.ntp_peer=10.0.2.2").clock("1980-01-01T00:00:00").run();
    outcome.expect("Getting the time from the NTP server 10.0.2.2: DONE").expect_status(0);
    let line = outcome.lines.iter().find_map(|line| line.strip_prefix("now=")).unwrap();
    let there: u64 = line.trim().parse().unwrap();
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(here.abs_diff(there) < 600, "{there} there, {here} here");
}
