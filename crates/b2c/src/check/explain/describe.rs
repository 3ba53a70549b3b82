//! One option's value in plain words.

use crate::check::finding::read_line;
use image::Reference;
use options::{
    Budget, Ca, CaSource, Cache, CacheDevice, CommandList, Conditions, ContainerLine, Expiration, Fetched,
    Iface, Method, ModuleSource, Place, Proxy, RegistryMirror, Remote, ReportSink, Route, Swap, SwapSpace,
    Volume, shown_url,
};
use std::fmt::Write as _;

pub(super) fn iface(iface: &Iface) -> String {
    let addresses =
        iface.addresses.iter().map(|address| format!("address {}/{}", address.ip, address.prefix));
    let gateways = iface.gateways.iter().map(|gateway| format!("gateway {gateway}"));
    let servers = iface.nameservers.iter().map(|server| format!("name server {server}"));
    let routes = iface.routes.iter().map(route);
    let mut parts = vec![match iface.vlan {
        Some(vlan) => format!("VLAN {vlan} on {}", iface.link),
        None => iface.link.to_string(),
    }];
    parts.extend(addresses.chain(gateways).chain(servers).chain(routes));
    parts.extend(iface.forward.then(|| "forwarding".to_owned()));
    parts.extend(iface.mtu.map(|mtu| format!("MTU {mtu}")));
    parts.extend(iface.optional.then(|| "may be missing".to_owned()));
    match iface.method {
        Method::Dhcp => parts.push("DHCP".to_owned()),
        Method::Auto => parts.push("whatever the link offers".to_owned()),
        Method::Static if iface.addresses.is_empty() => {
            parts.push("brought up without an address".to_owned());
        }
        Method::Static => {}
    }
    parts.join(", ")
}

fn route(route: &Route) -> String {
    match route.destination {
        Some(to) => format!("{}/{} by way of {}", to.ip, to.prefix, route.via),
        None => format!("everything else by way of {}", route.via),
    }
}

pub(super) fn proxy(proxy: &Proxy) -> String {
    let urls = [("https", &proxy.https), ("http", &proxy.http)];
    let used =
        |(scheme, url): (&str, &Option<String>)| Some(format!("{} for {scheme}", shown_url(url.as_ref()?)));
    let mut text = urls.into_iter().filter_map(used).collect::<Vec<_>>().join(", ");
    if !proxy.no.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, ", but not for {}", proxy.no.join(", "));
    }
    text
}

pub(super) fn modules(source: &ModuleSource) -> String {
    let mut text = match &source.what {
        Fetched::Archive { url, sha256: None } => format!("the archive {}", shown_url(url)),
        Fetched::Archive { url, sha256: Some(digits) } => {
            format!("the archive {} with the SHA-256 {digits}", shown_url(url))
        }
        Fetched::Image(name) => format!("the image {}", image_name(name)),
    };
    if !source.tls_verify {
        text.push_str(", from whoever says that he is the server");
    }
    text
}

/// Its full name, if it has one.
fn image_name(text: &str) -> String {
    Reference::parse(text).map_or_else(|_| text.to_owned(), |reference| reference.to_string())
}

pub(super) fn ca(ca: &Ca) -> String {
    let pin = if ca.sha256.is_some() { ", if the SHA-256 is right" } else { "" };
    match &ca.source {
        CaSource::Url(url) => format!("fetched from {}{pin}", shown_url(url)),
        CaSource::File(path) => format!("in {}{pin}", path.display()),
    }
}

pub(super) fn registry_mirror(mirror: &RegistryMirror) -> String {
    let place = |place: &Place| match place.prefix.as_str() {
        "" => place.host.clone(),
        prefix => format!("{}/{prefix}", place.host),
    };
    let places: Vec<String> = mirror.mirrors.iter().map(place).collect();
    let insecure = if mirror.insecure { " (insecure)" } else { "" };
    format!("those of {} are looked for at {}{insecure}, and then there", mirror.registry, places.join(", "))
}

pub(super) fn cache(cache: &Cache) -> String {
    let mut text = match &cache.device {
        CacheDevice::None => "none".to_owned(),
        CacheDevice::Auto => "the partition labelled B2C_CACHE; if there is none, the first disk is wiped and gets one".to_owned(),
        CacheDevice::Reset => "the partition labelled B2C_CACHE, formatted; if there is none, the first disk is wiped and gets one".to_owned(),
        CacheDevice::Device(path) => path.display().to_string(),
        CacheDevice::Filesystem(name) => format!("the file system {name}"),
    };
    // Writing to a String cannot fail.
    let _ = match &cache.budget {
        None => Ok(()),
        Some(Budget::Percent(percent)) => write!(text, ", {percent} % of it for images"),
        Some(Budget::Bytes(bytes)) => write!(text, ", {} MiB of it for images", bytes >> 20),
    };
    text.push_str(if cache.fstrim { ", trimmed" } else { "" });
    text.push_str(if cache.required { "; without it nothing runs" } else { "" });
    text
}

/// Where a report goes.
pub(super) fn report(sink: &ReportSink) -> String {
    match sink {
        ReportSink::Console => "a line on the console".to_owned(),
        ReportSink::File { volume, path } => format!("the file {path} in the volume {volume}"),
        ReportSink::Http(url) => format!("posted to {}", shown_url(url.reveal())),
        ReportSink::Virtio => "the virtio-serial port org.b2c.report".to_owned(),
        ReportSink::DebugExit => {
            "the status alone to QEMU's isa-debug-exit, which ends the machine in place of the last command"
                .to_owned()
        }
    }
}

pub(super) fn swap(swap: &Swap) -> String {
    match &swap.space {
        SwapSpace::File(bytes) => format!("a file of {} MiB on the cache", bytes >> 20),
        SwapSpace::Device(path) => path.display().to_string(),
    }
}

/// A volume's name, what it holds, and what becomes of it.
pub(super) fn volume(volume: &Volume) -> String {
    let mut parts = vec![volume.name.clone()];
    parts.extend(volume.filesystem.as_ref().map(|name| format!("on the file system {name}")));
    if volume.fscrypt_key.is_some() {
        let reset = if volume.fscrypt_reset_key { ", or with another key" } else { "" };
        parts.push(format!("encrypted; wiped if it is not encrypted yet{reset}"));
    }
    parts.extend(match volume.expiration {
        Expiration::Never => None,
        Expiration::PipelineEnd => Some("if it is new, deleted after the pipeline".to_owned()),
        Expiration::After(duration) => Some(format!(
            "if it is new, deleted by the first boot that begins {} s later",
            duration.as_secs()
        )),
        Expiration::At(second) => Some(format!(
            "if it is new, deleted by the first boot that begins {second} s after 1970 or later"
        )),
    });
    parts.extend(mirror("pulled from", volume.pull_from.as_ref(), volume.pull_on));
    parts.extend(mirror("pushed to", volume.push_to.as_ref(), volume.push_on));
    parts.join(", ")
}

fn mirror(done: &str, remote: Option<&Remote>, on: Conditions) -> Option<String> {
    let remote = remote?;
    let conditions = [
        (on.pipeline_start, "when the pipeline starts"),
        (on.container_start, "before each container"),
        (on.container_end, "after each container"),
        (on.pipeline_end, "when the pipeline ends"),
        (on.changes, "all the time"),
    ];
    let when: Vec<&str> = conditions.into_iter().filter_map(|(is, when)| is.then_some(when)).collect();
    let path = if remote.path.is_empty() { String::new() } else { format!("/{}", remote.path) };
    (!when.is_empty())
        .then(|| format!("{done} {}/{}{path} {}", remote.alias, remote.bucket, when.join(" and ")))
}

/// Image, command and flags.
pub(super) fn container(line: &ContainerLine) -> String {
    // It is only called when all lines are understood; what was written says as much as an error would.
    let Ok(run) = read_line(line) else { return line.text.clone() };
    let command = if run.command.is_empty() { "its own command".to_owned() } else { quoted(&run.command) };
    let flags = if run.flags.is_empty() {
        String::new()
    } else {
        format!(", with {}", quoted(&without_passwords(&run.flags)))
    };
    format!("{} runs {command}{flags}", run.image)
}

/// The words, with `***` for the password of `--creds USER:PASSWORD`.
fn without_passwords(flags: &[String]) -> Vec<String> {
    let mut is_value = false;
    let mask = |word: &String| {
        let secret = std::mem::replace(&mut is_value, word == "--creds") || word.starts_with("--creds=");
        match word.split_once(':') {
            Some((user, _)) if secret => format!("{user}:***"),
            _ => word.clone(),
        }
    };
    flags.iter().map(mask).collect()
}

pub(super) fn command_list(list: &CommandList) -> String {
    let commands = list.expand(&|name| Some(format!("${name}")));
    commands.iter().map(|command| quoted(command)).collect::<Vec<_>>().join("; ")
}

/// Words as they would be written in a shell.
fn quoted(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,@%+$".contains(c))
    };
    let quote = |word: &String| {
        if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}
