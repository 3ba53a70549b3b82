//! /etc/hostname, /etc/hosts, /etc/resolv.conf and /run/.containerenv: written for the container, mounted into it.

use super::{BuildError, Host, files};
use crate::flags::{HostAddress, Resolver, RunRequest};
use std::fmt::Write;
use std::path::PathBuf;

/// The container's name for its machine. With the machine's network it is the machine's: programs look themselves up by it.
pub(super) fn hostname(request: &RunRequest, host: &Host<'_>) -> String {
    match &request.hostname {
        Some(name) if request.namespaces.uts => name.clone(),
        _ => host.hostname.to_owned(),
    }
}

/// Destinations in the container and the files on the machine.
pub(super) fn files(
    request: &RunRequest,
    host: &Host<'_>,
    hostname: &str,
) -> Result<Vec<(&'static str, PathBuf)>, BuildError> {
    std::fs::create_dir_all(host.run_dir)
        .map_err(|error| BuildError::Write(host.run_dir.to_owned(), error))?;
    let machine = |path| files::read_machine_text(path).unwrap_or_default();
    let mut texts = vec![("/run/.containerenv", "containerenv", containerenv(request, host))];
    if !request.resolver.untouched {
        texts.push((
            "/etc/resolv.conf",
            "resolv.conf",
            resolv_conf(&request.resolver, &machine(host.resolv_conf)),
        ));
    }
    if !request.no_hosts {
        texts.push(("/etc/hosts", "hosts", hosts(&request.hosts, &machine(host.hosts), hostname)));
    }
    if !request.no_hostname {
        texts.push(("/etc/hostname", "hostname", format!("{hostname}\n")));
    }
    let mut written = Vec::new();
    for (destination, name, text) in texts {
        let path = host.run_dir.join(name);
        files::write(&path, &text)?;
        written.push((destination, path));
    }
    Ok(written)
}

/// Tells programs that they are in a container, and a privileged one in which (podman-run(1)).
fn containerenv(request: &RunRequest, host: &Host<'_>) -> String {
    if !request.privileged {
        return String::new();
    }
    let name = request.name.as_deref().unwrap_or(host.id);
    let image = request.image.replace('"', "");
    format!("engine=\"boot2container\"\nname=\"{name}\"\nid=\"{}\"\nimage=\"{image}\"\nrootless=0\n", host.id)
}

/// The machine's file, where each kind of line gives way to the user's (resolv.conf(5)).
fn resolv_conf(wanted: &Resolver, machine: &str) -> String {
    let replaced = |line: &&str| match line.split_whitespace().next() {
        Some("nameserver") => !wanted.servers.is_empty(),
        Some("search" | "domain") => !wanted.search.is_empty(),
        Some("options") => !wanted.options.is_empty(),
        _ => false,
    };
    let mut text = String::new();
    for line in machine.lines().filter(|line| !replaced(line)) {
        text.push_str(line);
        text.push('\n');
    }
    // Writing to a String cannot fail.
    let search: Vec<&str> =
        wanted.search.iter().map(String::as_str).filter(|domain| *domain != ".").collect();
    if !search.is_empty() {
        _ = writeln!(text, "search {}", search.join(" "));
    }
    for server in &wanted.servers {
        _ = writeln!(text, "nameserver {server}");
    }
    if !wanted.options.is_empty() {
        _ = writeln!(text, "options {}", wanted.options.join(" "));
    }
    text
}

/// The user's lines, then the machine's, then what every host needs if it is not there yet (hosts(5)).
fn hosts(wanted: &[HostAddress], machine: &str, hostname: &str) -> String {
    let mut text = String::new();
    for line in wanted {
        // The machine's network is the container's own.
        let address = line.address.map_or("127.0.0.1".to_owned(), |address| address.to_string());
        // Writing to a String cannot fail.
        _ = writeln!(text, "{address}\t{}", line.names.join(" "));
    }
    text.push_str(machine);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (address, names) in
        [("127.0.0.1", "localhost"), ("::1", "localhost ip6-localhost ip6-loopback"), ("127.0.1.1", hostname)]
    {
        let known =
            if names == hostname { lists_name(&text, hostname) } else { lists_address(&text, address) };
        if !known {
            _ = writeln!(text, "{address}\t{names}");
        }
    }
    text
}

fn lists_address(hosts: &str, address: &str) -> bool {
    hosts.lines().any(|line| line.split_whitespace().next() == Some(address))
}

fn lists_name(hosts: &str, name: &str) -> bool {
    let names = |line: &'_ str| {
        line.split('#').next().unwrap_or_default().split_whitespace().skip(1).any(|n| n == name)
    };
    hosts.lines().any(names)
}
