//! NTP against a real server (chronyd) in a namespace. The clock of the machine that runs the tests is only looked at.

use crate::lab::{Lab, ip, until};
use net::ntp::{self, Error};
use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);

struct Chronyd(Child);

impl Chronyd {
    /// A server that trusts its own clock, at this stratum.
    fn start(lab: &Lab, stratum: u32) -> Chronyd {
        let path = lab.folder.path().join("chrony.conf");
        let config = format!(
            "local stratum {stratum}\nallow\nport 123\ncmdport 0\npidfile {}/pid\n",
            lab.folder.path().display()
        );
        fs::write(&path, config).unwrap();
        let child = Command::new("ip")
            .args(["netns", "exec", &lab.server, "chronyd", "-x", "-d", "-u", "root", "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Chronyd(child)
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_real_server_has_the_same_time() {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.ip(&["addr", "add", "10.77.0.5/24", "dev", "eth0"]);
    lab.ip(&["link", "set", "eth0", "up"]);
    ip(&["-n", &lab.server, "addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
    lab.ip(&["addr", "add", "fd77::5/64", "dev", "eth0", "nodad"]);
    let _chronyd = Chronyd::start(&lab, 8);
    for host in ["10.77.0.1", "10.77.0.1:123", "fd77::1", "[fd77::1]:123"] {
        let ask = || lab.inside(&lab.client, || ntp::query(host, TIMEOUT));
        let offset = until(&format!("an answer from {host}"), || ask().ok());
        assert!(offset.abs() < Duration::from_secs(1), "{offset}");
    }
}

#[test]
fn nobody_answers() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    let error = ntp::query(&server.to_string(), Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.to_string(), format!("NTP server {server} does not answer"));
    drop(socket);
    let error = ntp::query(&server.to_string(), TIMEOUT).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
    let error = ntp::set_clock(&server.to_string(), 3, TIMEOUT).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
}

#[test]
fn an_answer_to_somebody_else_is_passed_over() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    let answers = std::thread::spawn(move || {
        let mut request = [0; 48];
        let (_, client) = socket.recv_from(&mut request).unwrap();
        let mut answer = [0; 48];
        answer[..2].copy_from_slice(&[4 << 3 | 4, 2]);
        // 2026, whatever is asked.
        answer[32..36].copy_from_slice(&0xed00_0000_u32.to_be_bytes());
        answer[40..44].copy_from_slice(&0xed00_0000_u32.to_be_bytes());
        socket.send_to(b"short", client).unwrap();
        socket.send_to(&answer, client).unwrap();
        // And one that asks to be left alone.
        answer[1] = 0;
        answer[24..32].copy_from_slice(&request[40..48]);
        socket.send_to(&answer, client).unwrap();
    });
    let error = ntp::query(&server.to_string(), TIMEOUT).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("NTP server {server}: its answer is not used: the server asks to be left alone")
    );
    answers.join().unwrap();
}
