//! Name resolution: `--dns`, `--dns-search`, `--dns-option`, `--add-host`; and which namespaces are the container's own.

use super::error::Why;
use super::request::RunRequest;
use std::net::IpAddr;

/// What goes into the container's /etc/resolv.conf; what is empty is the machine's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// `--dns=none`: the image's own file stays.
    pub untouched: bool,
    /// `--dns`.
    pub servers: Vec<IpAddr>,
    /// `--dns-search`; a lone `.` is no search domain at all.
    pub search: Vec<String>,
    /// `--dns-option`.
    pub options: Vec<String>,
}

/// `--add-host=NAME[;NAME…]:ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// Host names.
    pub names: Vec<String>,
    /// `None` is `host-gateway`: with the machine's network, the machine itself.
    pub address: Option<IpAddr>,
}

pub(super) fn dns(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    if text == "none" {
        request.resolver.untouched = true;
    } else {
        request.resolver.servers.push(text.parse().map_err(|_| "write an IP address, or none")?);
    }
    Ok(())
}

pub(super) fn dns_search(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    request.resolver.search.push(one_word(text)?);
    Ok(())
}

pub(super) fn dns_option(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    request.resolver.options.push(one_word(text)?);
    Ok(())
}

/// What ends up in a line of a file must not begin another one.
fn one_word(text: &str) -> Result<String, Why> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("write one word without blanks".into());
    }
    Ok(text.to_owned())
}

pub(super) fn add_host(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    const FORM: &str = "write NAME:ADDRESS, such as db:10.0.0.2";
    let (names, address) = text.split_once(':').ok_or(FORM)?;
    let names = names.split(';').map(one_word).collect::<Result<_, _>>().map_err(|_| FORM)?;
    let address = match address {
        "host-gateway" => None,
        address => Some(address.trim_matches(['[', ']']).parse().map_err(|_| FORM)?),
    };
    request.hosts.push(HostAddress { names, address });
    Ok(())
}

pub(super) fn network(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    request.namespaces.network = match text {
        "host" => false,
        "none" => true,
        _ => return Err("there are no bridges and no shared networks here; write host or none".into()),
    };
    Ok(())
}

/// `host` is the machine's namespace, `private` a new one.
pub(super) fn is_private(text: &str) -> Result<bool, Why> {
    match text {
        "host" => Ok(false),
        "private" | "" => Ok(true),
        _ => Err("containers do not share namespaces here; write host or private".into()),
    }
}

pub(super) fn ipc(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // Shareable is private as long as nothing can share it.
    let mode = if text == "shareable" || text == "none" { "private" } else { text };
    request.namespaces.ipc = is_private(mode)?;
    request.shm = text != "none";
    Ok(())
}

pub(super) fn hostname(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // sethostname(2) takes 64 bytes; the letters are RFC 1123's, and the underscore that people use.
    let fits = (1..=64).contains(&text.len());
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !fits || !plain {
        return Err("write letters, digits, dots and dashes, 64 at most".into());
    }
    request.hostname = Some(text.to_owned());
    Ok(())
}

/// Names of containers and of volumes (podman's own rule).
pub(super) fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.len() <= 255
        && text.bytes().all(inner)
}

const IPC_SYSCTLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Only what belongs to a namespace: the rest would change the machine for all.
pub(super) fn sysctl(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    // Both spellings of sysctl(8): net/core/somaxconn.
    let name = name.trim().replace('/', ".");
    let safe = name.split('.').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    if !safe || !(is_network_sysctl(&name) || is_ipc_sysctl(&name)) {
        return Err(
            "not a setting of a container; net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* are"
                .into(),
        );
    }
    request.sysctl.push((name, value.trim().to_owned()));
    Ok(())
}

pub(super) fn is_network_sysctl(name: &str) -> bool {
    name.starts_with("net.")
}

pub(super) fn is_ipc_sysctl(name: &str) -> bool {
    name.starts_with("fs.mqueue.") || IPC_SYSCTLS.contains(&name)
}
