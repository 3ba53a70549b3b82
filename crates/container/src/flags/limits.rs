//! Limits: sizes with units, CPU time, setrlimit(2).

use super::error::Why;
use super::request::RunRequest;
use crate::spec::Rlimit;
use rustix::process::Resource;

/// Limits of the container's cgroup, as asked for; `None` was not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// `--memory`, bytes; 0 is no limit.
    pub memory: Option<u64>,
    /// `--memory-swap`, bytes of memory and swap together; `u64::MAX` is no limit.
    pub memory_swap: Option<u64>,
    /// `--memory-reservation`, bytes.
    pub memory_reservation: Option<u64>,
    /// `--cpus`, in millionths of a CPU.
    pub micro_cpus: Option<u64>,
    /// `--cpu-period`, microseconds.
    pub cpu_period: Option<u64>,
    /// `--cpu-quota`, microseconds.
    pub cpu_quota: Option<u64>,
    /// `--cpu-shares`, in the units of cgroup v1: 2 to 262144.
    pub cpu_shares: Option<u64>,
    /// `--cpuset-cpus`: `0-3,7`.
    pub cpuset_cpus: Option<String>,
    /// `--cpuset-mems`.
    pub cpuset_mems: Option<String>,
    /// `--pids-limit`; `u64::MAX` is no limit.
    pub pids: Option<u64>,
    /// `--cgroup-conf`.
    pub cgroup_files: Vec<(String, String)>,
}

/// Bytes: `512`, `64k`, `2g`, `2GB`, `1.5GiB`; units are powers of 1024 (docker/go-units, RAMInBytes).
pub(super) fn size(text: &str) -> Result<u64, Why> {
    const WRONG: &str = "not a size; write a number with b, k, m or g, such as 512m";
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(WRONG.into()),
    };
    let millionths = millionths(number).ok_or(WRONG)?;
    let bytes = (u128::from(millionths) << shift) / 1_000_000;
    i64::try_from(bytes).map(i64::unsigned_abs).map_err(|_| "larger than any machine".into())
}

/// `1.5` → 1500000; further digits are cut off.
fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let fraction = fraction.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

pub(super) fn cpus(text: &str) -> Result<u64, Why> {
    millionths(text).ok_or_else(|| "not a number of CPUs; write one such as 1.5".into())
}

/// A size where `-1` is no limit.
pub(super) fn size_or_unlimited(text: &str) -> Result<u64, Why> {
    if text == "-1" { Ok(u64::MAX) } else { size(text) }
}

/// A whole number from `min` to `max`.
pub(super) fn number<T>(text: &str, min: T, max: T) -> Result<T, Why>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    match text.parse() {
        Ok(number) if min <= number && number <= max => Ok(number),
        _ => Err(format!("write a whole number from {min} to {max}").into()),
    }
}

/// `--pids-limit`: 0 and negative numbers are no limit.
pub(super) fn pids(text: &str) -> Result<u64, Why> {
    let limit: i64 = number(text, -1, i64::MAX)?;
    Ok(u64::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(u64::MAX))
}

/// CPUs or memory nodes: `0`, `0-3`, `0-3,7`.
pub(super) fn cpu_list(text: &str) -> Result<String, Why> {
    let ordered = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
    };
    if text.split(',').all(ordered) {
        return Ok(text.to_owned());
    }
    Err("not a list; write numbers and ranges such as 0-3,7".into())
}

/// `--cgroup-conf=FILE=VALUE`.
pub(super) fn cgroup_file(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let named = |file: &str| {
        file.contains('.') && file.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
    };
    match text.split_once('=') {
        // A name of a file in the cgroup's own folder: no slash, no `..`.
        Some((file, value)) if named(file) && !file.starts_with('.') && !file.contains("..") => {
            request.limits.cgroup_files.push((file.to_owned(), value.to_owned()));
            Ok(())
        }
        _ => Err("write a file of the cgroup and its value, such as memory.high=1073741824".into()),
    }
}

/// ulimit(1)'s names and setrlimit(2)'s resources.
const RESOURCES: [(&str, Resource); 16] = [
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("locks", Resource::Locks),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

/// `--ulimit NAME=SOFT[:HARD]`; the last one for a resource wins.
pub(super) fn ulimit(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // podman's word for "leave b2c's own limits", which is what happens to all that are not named.
    if text == "host" {
        return Ok(());
    }
    let (name, limits) = text.split_once('=').ok_or("write NAME=SOFT[:HARD], such as nofile=1024:4096")?;
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("rlimit_").unwrap_or(&name);
    let (_, resource) = RESOURCES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or("no such limit; see setrlimit(2), such as nofile or memlock")?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let (soft, hard) = (rlimit(soft)?, rlimit(hard)?);
    if soft > hard {
        return Err("the soft limit is above the hard one".into());
    }
    let resource = *resource as u32;
    request.rlimits.retain(|known| known.resource != resource);
    request.rlimits.push(Rlimit { resource, soft, hard });
    Ok(())
}

fn rlimit(text: &str) -> Result<u64, Why> {
    match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        _ => text.parse().map_err(|_| "a limit is a whole number, or -1 for none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("512", Some(512)),
            ("512b", Some(512)),
            ("64k", Some(64 << 10)),
            ("64M", Some(64 << 20)),
            ("2g", Some(2 << 30)),
            ("2GB", Some(2 << 30)),
            ("1.5GiB", Some(3 << 29)),
            (".5k", Some(512)),
            ("8e", None),
            ("", None),
            ("g", None),
            (".", None),
            ("-1", None),
            ("1..5", None),
            ("99999999999999t", None),
        ] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        assert_eq!(size_or_unlimited("-1"), Ok(u64::MAX));
    }

    #[test]
    fn cpu_counts_and_lists() {
        assert_eq!(cpus("1.5"), Ok(1_500_000));
        assert_eq!(cpus("0.0000019"), Ok(1));
        assert!(cpus("two").is_err());
        for good in ["0", "0-3", "0-3,7,11-15"] {
            assert_eq!(cpu_list(good).as_deref(), Ok(good));
        }
        for bad in ["", "3-0", "a", "0,", "-1"] {
            assert!(cpu_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn process_counts() {
        assert_eq!(pids("100"), Ok(100));
        assert_eq!(pids("0"), Ok(u64::MAX));
        assert_eq!(pids("-1"), Ok(u64::MAX));
        assert!(pids("-2").is_err());
    }
}
