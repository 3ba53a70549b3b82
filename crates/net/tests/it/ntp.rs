//! NTP against real servers (chronyd) in a namespace. The clock of the machine that runs the tests is only looked at.

use crate::lab::{Lab, ip, until};
use net::ntp::{self, Error, Limits, Offset};
use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LIMITS: Limits = Limits { tries: 3, timeout: Duration::from_secs(1), floor: 1_704_067_200 };
/// Of those servers below that are right.
const ADDRESSES: [&str; 3] = ["10.77.0.1", "10.77.0.2", "fd77::1"];

struct Chronyd(Child);

impl Chronyd {
    /// A server that trusts its own clock at this stratum, or waits for somebody who knows the time, on all addresses or on one of them.
    fn start(lab: &Lab, stratum: Option<u32>, address: Option<&str>) -> Chronyd {
        let name = address.unwrap_or("all").replace(':', "-");
        let folder = lab.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let mut config = format!("allow\nport 123\ncmdport 0\npidfile {}/pid\n", folder.display());
        config.extend(stratum.map(|stratum| format!("local stratum {stratum}\n")));
        config.extend(address.map(|address| format!("bindaddress {address}\n")));
        let path = folder.join("chrony.conf");
        fs::write(&path, config).unwrap();
        // Otherwise it takes all addresses of the other kind.
        let kind = address.map(|address| if address.contains(':') { "-6" } else { "-4" });
        let child = Command::new("ip")
            .args(["netns", "exec", &lab.server, "chronyd", "-x", "-d", "-u", "root"])
            .args(kind)
            .arg("-f")
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

/// A cable, its ends with addresses of both kinds.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.cable("eth0", "10.77.0.1/24");
    lab.ip(&["addr", "add", "10.77.0.5/24", "dev", "eth0"]);
    lab.ip(&["link", "set", "eth0", "up"]);
    for address in ["10.77.0.2/24", "10.77.0.3/24"] {
        ip(&["-n", &lab.server, "addr", "add", address, "dev", "eth0"]);
    }
    ip(&["-n", &lab.server, "addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
    lab.ip(&["addr", "add", "fd77::5/64", "dev", "eth0", "nodad"]);
    lab
}

fn names(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|&host| host.to_owned()).collect()
}

fn query(lab: &Lab, hosts: &[&str]) -> Result<Offset, Error> {
    lab.inside(&lab.client, || ntp::query(&names(hosts), &LIMITS))
}

/// Waits until the answer is there.
fn expect_time(lab: &Lab, hosts: &[&str]) {
    let offset = until(&format!("an answer from {hosts:?}"), || query(lab, hosts).ok());
    assert!(offset.abs() < Duration::from_secs(1), "{offset}");
}

/// Answers as `change` has it, from that address, as long as anybody asks.
fn impostor(lab: &Lab, address: &str, change: fn(&mut [u8; 48])) {
    let socket = lab.inside(&lab.server, || UdpSocket::bind((address, 123)).unwrap());
    std::thread::spawn(move || {
        let mut request = [0; 48];
        while let Ok((_, client)) = socket.recv_from(&mut request) {
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[4 << 3 | 4, 2]);
            answer[24..32].copy_from_slice(&request[40..48]);
            // 2026, whatever is asked.
            answer[32..36].copy_from_slice(&0xed00_0000_u32.to_be_bytes());
            answer[40..44].copy_from_slice(&0xed00_0000_u32.to_be_bytes());
            change(&mut answer);
            let _ = socket.send_to(&answer, client);
        }
    });
}

#[test]
fn a_real_server_has_the_same_time() {
    let lab = lab();
    let _chronyd = Chronyd::start(&lab, Some(8), None);
    for host in ["10.77.0.1", "10.77.0.1:123", "fd77::1", "[fd77::1]:123"] {
        expect_time(&lab, &[host]);
    }
    expect_time(&lab, &ADDRESSES);
}

#[test]
fn one_server_that_lies_and_one_that_is_dead_do_no_harm() {
    let lab = lab();
    let _servers = ADDRESSES.map(|address| Chronyd::start(&lab, Some(8), Some(address)));
    ADDRESSES.iter().for_each(|address| expect_time(&lab, &[address]));
    impostor(&lab, "10.77.0.3", |_| {});
    let far = query(&lab, &["10.77.0.3"]).unwrap();
    assert!(far.abs() > Duration::from_secs(3600), "{far}");
    let [first, second, third] = ADDRESSES;
    expect_time(&lab, &["10.77.0.3", first, second, third]);
    expect_time(&lab, &[first, "10.77.0.3", second]);
    // Nobody has 10.77.0.9.
    expect_time(&lab, &["10.77.0.9", first]);
    let error = query(&lab, &[first, "10.77.0.3"]).unwrap_err();
    assert_eq!(error.to_string(), "NTP servers 10.77.0.1:123, 10.77.0.3:123 do not agree about the time");
}

#[test]
fn a_server_that_is_not_synchronised_is_refused() {
    let lab = lab();
    let _chronyd = Chronyd::start(&lab, None, None);
    let error = until("a refusal", || match query(&lab, &["10.77.0.1"]) {
        Err(error @ Error::Refused { .. }) => Some(error),
        _ => None,
    });
    assert_eq!(
        error.to_string(),
        "NTP server 10.77.0.1:123: its answer is not used: the server does not know the time itself"
    );
}

#[test]
fn nobody_answers() {
    let ask = |server: &str| ntp::query(&names(&[server]), &LIMITS).unwrap_err();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap().to_string();
    assert_eq!(ask(&server).to_string(), format!("NTP server {server} does not answer"));
    drop(socket);
    assert!(matches!(ask(&server), Error::Network { .. }));
    let error = ntp::set_clock(&names(&[&server]), &LIMITS).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
    assert!(matches!(ask("no-such-host.invalid"), Error::Dns { .. }));
}

#[test]
fn who_does_not_want_to_be_asked_is_not_asked_again() {
    let lab = lab();
    impostor(&lab, "10.77.0.3", |answer| {
        answer[1] = 0;
        answer[12..16].copy_from_slice(b"DENY");
    });
    let limits = Limits { tries: 1000, ..LIMITS };
    let asked = lab.inside(&lab.client, || ntp::set_clock(&names(&["10.77.0.3"]), &limits));
    assert_eq!(asked.unwrap_err().to_string(), "NTP server 10.77.0.3:123 asks to be left alone");
    // Of two, the other one is asked on.
    let both = lab.inside(&lab.client, || ntp::set_clock(&names(&["10.77.0.3", "10.77.0.2"]), &LIMITS));
    assert!(matches!(both, Err(Error::Network { .. })), "{both:?}");
}

#[test]
fn an_answer_to_somebody_else_is_passed_over() {
    let lab = lab();
    impostor(&lab, "10.77.0.3", |answer| answer[24] ^= 1);
    let error = query(&lab, &["10.77.0.3"]).unwrap_err();
    assert!(matches!(error, Error::Silent { .. }), "{error}");
}
