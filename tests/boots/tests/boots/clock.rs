//! The clock, set by a real server (chronyd), by the date of the initramfs, or not at all.

use crate::support::{HTTP, boot, busybox, option, run, serve};
use harness::{Authority, Boot, Farm, Image, Outcome, Registry, RegistryOptions};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Such a time no machine has.
const LONG_AGO: &str = "1980-01-01T00:00:00";

struct Chronyd {
    child: Child,
    _folder: TempDir,
    _port: MutexGuard<'static, ()>,
}

impl Chronyd {
    /// A server on this computer's loopback that trusts its own clock, and leaves it alone (`-x`). `b2c.ntp_peer` knows no port but NTP's.
    fn start() -> Self {
        static PORT: Mutex<()> = Mutex::new(());
        let port = PORT.lock().unwrap_or_else(PoisonError::into_inner);
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
        Self { child, _folder: folder, _port: port }
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The number after `name=`, in a line of its own.
#[track_caller]
fn number(outcome: &Outcome, name: &str) -> u64 {
    let line = outcome.lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name}: {}", outcome.tail())).trim().parse().unwrap()
}

#[track_caller]
fn expect_now(there: u64) {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(here.abs_diff(there) < 600, "{there} there, {here} here");
}

/// Both clocks.
const SHOW: &str = "sh -c 'echo now=$(date +%s); echo hardware=$(cat /sys/class/rtc/rtc0/since_epoch)'";

#[test]
fn a_machine_that_woke_up_long_ago_gets_the_time() {
    let _server = Chronyd::start();
    let outcome = boot("", SHOW).append("b2c.ntp_peer=10.0.2.2").clock(LONG_AGO).run();
    outcome.expect("Getting the time from the NTP server 10.0.2.2: DONE").expect_status(0);
    expect_now(number(&outcome, "now"));
    expect_now(number(&outcome, "hardware"));
}

#[test]
fn extra_arguments_name_a_time_server() {
    let _server = Chronyd::start();
    let url = serve(format!("b2c.ntp_peer=10.0.2.2\n{}\n", run("", SHOW)));
    let outcome = Boot::new(&format!("b2c.extra_args_url={url}")).clock(LONG_AGO).run();
    outcome.expect("Getting the time from the NTP server 10.0.2.2: DONE");
    expect_now(number(&outcome, "now"));
}

#[test]
fn the_network_names_its_time_servers() {
    // The second one is dead, and nobody here knows pool.ntp.org.
    let farm = Farm::with_dhcp_options(&["registry"], &["option:ntp-server,10.42.0.1,10.42.0.77"]);
    farm.forward(80, Registry::shared().port());
    busybox();
    let line = b2c::vm::option("b2c.run", &format!("{HTTP} registry:80/busybox:latest {SHOW}"));
    let outcome = Boot::new(&line).append("b2c.ntp_peer=auto").clock(LONG_AGO).inside(&farm).run();
    outcome.expect("Getting the time from the NTP server 10.42.0.1, 10.42.0.77: DONE").expect_status(0);
    expect_now(number(&outcome, "now"));
}

#[test]
fn a_time_server_that_is_not_there_is_an_error_line() {
    // Nobody has that address.
    let outcome = boot("", "echo on").append("b2c.ntp_peer=10.0.2.77").run();
    outcome.expect("ERROR: Getting the time from the NTP server 10.0.2.77: FAILED: ");
    outcome.expect_line("on").expect_status(0);
}

#[test]
fn a_clock_that_cannot_be_right_is_set_to_the_date_of_the_initramfs() {
    let outcome = boot("", SHOW).clock(LONG_AGO).run();
    outcome.expect("The clock says 1980-01-01, which cannot be: it is set to 20").expect_status(0);
    let (now, hardware) = (number(&outcome, "now"), number(&outcome, "hardware"));
    // The hardware's is left alone, so that the next boot sees it, too.
    assert!(now > 1_704_067_200 && hardware < 400_000_000, "{now} {hardware}");
    let later = boot("", SHOW).clock("2035-01-01T00:00:00").run();
    later.expect_no("which cannot be");
    assert!(number(&later, "now") >= 2_051_222_400);
}

#[test]
fn without_a_clock_a_certificate_is_refused_and_the_line_says_why() {
    let authority = Authority::new();
    let tls = Some(authority.sign_between(&["10.0.2.2"], "20900101000000Z", "21000101000000Z"));
    let registry = Registry::start_with(&RegistryOptions { tls, users: Vec::new() });
    Image::busybox().push(&registry, "busybox:latest");
    let line = format!("{}/busybox:latest echo over https", registry.guest_address());
    let outcome = Boot::new(&b2c::vm::option("b2c.run", &line))
        .extra_cpio([("etc/ssl/certs/farm.pem", authority.certificate())])
        .clock(LONG_AGO)
        .run();
    outcome
        .expect("its certificate is not yet valid, so the clock is wrong; this machine's clock says 20")
        .expect("(b2c.ntp_peer sets it)");
    outcome.expect_no("over https\r\n").expect_status(1);
}

#[test]
fn no_network_no_time() {
    let outcome = Boot::new(&option("b2c.run_post", "--pull=never", "true"))
        .append("b2c.ntp_peer=auto")
        .no_network()
        .run();
    outcome.expect("Getting the time from the NTP server pool.ntp.org: FAILED: there is no network");
}
