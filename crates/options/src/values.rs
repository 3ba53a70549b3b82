//! What values are made of: numbers, sizes, addresses, names. Each takes a part of a value and says what is wrong with it.

use crate::diagnostic::Problem;
use crate::located::Slice;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) type Result<'a, T> = std::result::Result<T, Problem<'a>>;

/// `key`, `key=value` or the name in front: one comma-separated piece.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) whole: Slice<'a>,
    pub(crate) key: Slice<'a>,
    /// `None` without `=`.
    pub(crate) value: Option<Slice<'a>>,
}

impl<'a> Piece<'a> {
    /// `None` if there is nothing in it.
    pub(crate) fn of(whole: Slice<'a>) -> Option<Self> {
        let (key, value) = whole.split_once('=').map_or((whole, None), |(key, value)| (key, Some(value)));
        (!whole.is_empty()).then_some(Piece { whole, key, value })
    }

    /// The value, which has to be there.
    pub(crate) fn needed(&self) -> Result<'a, Slice<'a>> {
        self.value.filter(|value| !value.is_empty()).ok_or_else(|| {
            Problem::new(self.whole, "needs a value").help(format!("write {}=…", self.key.text()))
        })
    }
}

/// The pieces between commas; empty ones are skipped.
pub(crate) fn pieces<'a>(list: Slice<'a>) -> impl Iterator<Item = Piece<'a>> {
    list.split(',').filter_map(Piece::of)
}

/// The part before the first comma, and what follows it.
pub(crate) fn head<'a>(list: Slice<'a>) -> (Slice<'a>, Slice<'a>) {
    let end = list.text().len();
    list.split_once(',').unwrap_or((list, list.part(end..end)))
}

/// Not empty texts between `separator`s.
pub(crate) fn texts(list: Slice<'_>, separator: char) -> Vec<String> {
    list.split(separator).filter(|part| !part.is_empty()).map(owned).collect()
}

/// A copy of the text.
pub(crate) fn owned(part: Slice<'_>) -> String {
    part.text().to_owned()
}

/// A whole number. Signs are not taken.
pub(crate) fn number(part: Slice<'_>, allowed: RangeInclusive<u64>) -> Result<'_, u64> {
    let digits = part.text().bytes().all(|byte| byte.is_ascii_digit());
    part.text().parse().ok().filter(|number| digits && allowed.contains(number)).ok_or_else(|| {
        Problem::new(part, format!("is not a whole number from {} to {}", allowed.start(), allowed.end()))
    })
}

/// A time: digits and one of s, m, h, d, w; more than nothing.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let seconds = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    };
    let count = digits(&text[..text.len() - 1])?;
    count.checked_mul(seconds).filter(|&seconds| seconds > 0).map(Duration::from_secs)
}

/// A number of digits only.
pub(crate) fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Bytes: a number and perhaps one of K, M, G, T, which are powers of 1024.
pub(crate) fn size(part: Slice<'_>) -> Result<'_, u64> {
    let text = part.text();
    let shift = match text.bytes().last().map(|unit| unit.to_ascii_uppercase()) {
        Some(b'K') => 10,
        Some(b'M') => 20,
        Some(b'G') => 30,
        Some(b'T') => 40,
        _ => 0,
    };
    let digits = if shift == 0 { text } else { &text[..text.len() - 1] };
    let count = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    count.and_then(|count| count.checked_mul(1 << shift)).filter(|&bytes| bytes > 0).ok_or_else(|| {
        Problem::new(part, "is not a size").help("write a number and K, M, G or T, such as 8G")
    })
}

/// An IPv4 or IPv6 address.
pub(crate) fn ip(part: Slice<'_>) -> Result<'_, IpAddr> {
    part.text().parse().map_err(|_| Problem::new(part, "is not an IP address"))
}

/// `ADDRESS/PREFIX`.
pub(crate) fn ip_prefix(part: Slice<'_>) -> Result<'_, (IpAddr, u8)> {
    let Some((address, prefix)) = part.split_once('/') else {
        ip(part)?;
        return Err(Problem::new(part, "lacks its prefix length").help(format!("write {}/24", part.text())));
    };
    let address = ip(address)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = number(prefix, 0..=longest)?;
    Ok((address, u8::try_from(prefix).unwrap_or(u8::MAX)))
}

/// A host name or an IP address, without a port.
pub(crate) fn host(part: Slice<'_>) -> Result<'_, String> {
    let text = part.text();
    let name = text.len() <= 253
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !text.is_empty() && (name || text.parse::<IpAddr>().is_ok()) {
        Ok(owned(part))
    } else {
        Err(Problem::new(part, "is not a host name or an IP address")
            .help("write one alone, such as ci-gateway or 10.42.0.1"))
    }
}

/// `HOST[:PORT]` of a registry.
pub(crate) fn registry(part: Slice<'_>) -> Result<'_, String> {
    if !is_registry(part.text()) {
        return Err(Problem::new(part, "is not a registry").help("write HOST[:PORT], without http://"));
    }
    Ok(owned(part))
}

/// `HOST`, `ADDRESS` or `[ADDRESS]`, perhaps with a port.
pub(crate) fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && matches!(port.parse::<u16>(), Ok(1..));
    let is_name = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.len() <= 253 && host.split('.').all(is_name),
    };
    is_host && port.is_none_or(is_port)
}

/// An `http://` or `https://` URL with a host. What follows the host is not looked at.
pub(crate) fn url(part: Slice<'_>) -> Result<'_, String> {
    let text = part.text();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let visible = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match rest {
        Some(rest) if visible && !rest.is_empty() && !rest.starts_with(['/', '?', '#']) => Ok(owned(part)),
        _ => Err(Problem::new(part, "is not a URL").help("write http://HOST/… or https://HOST/…")),
    }
}

/// A short name: letters, digits, `_`, `.` and `-`, the first a letter or a digit; podman's rule for volumes.
pub(crate) fn name<'a>(part: Slice<'a>) -> Result<'a, String> {
    let text = part.text();
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if inner && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 255 {
        Ok(owned(part))
    } else {
        Err(Problem::new(part, "is not a name")
            .help("use letters, digits, _ . - and start with a letter or a digit"))
    }
}

/// A block device, by its path.
pub(crate) fn device(part: Slice<'_>) -> Result<'_, PathBuf> {
    let inside = part.text().strip_prefix("/dev/").filter(|inside| !inside.contains(char::is_control));
    match inside.filter(|inside| !inside.split('/').any(|name| matches!(name, "" | "." | ".."))) {
        Some(_) => Ok(PathBuf::from(part.text())),
        None => Err(Problem::new(part, "is not a device").help("write its path, such as /dev/sda1")),
    }
}

/// Standard base64 (RFC 4648 section 4); padding may be missing.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
        bits &= (1 << held) - 1;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::located::Located;
    use proptest::prelude::*;

    fn located(text: &str) -> Located {
        let mut located = Located::starting_at(0);
        text.char_indices().for_each(|(at, c)| located.push(c, at));
        located
    }

    /// What `parse` makes of each text; `None` where it complains.
    fn all<T>(parse: impl Fn(Slice<'_>) -> Result<'_, T>, texts: &[&str]) -> Vec<Option<T>> {
        texts.iter().map(|text| parse(located(text).as_slice()).ok()).collect()
    }

    #[test]
    fn sizes() {
        let good = all(size, &["8g", "16G", "512M", "4096", "1k", "1T"]);
        assert_eq!(good, [8 << 30, 16 << 30, 512 << 20, 4096, 1024, 1_u64 << 40].map(Some));
        let bad = all(size, &["", "G", "0", "+1G", "-1", "1.5G", "8GB", "16777216T", "é"]);
        assert_eq!(bad, [None; 9]);
    }

    #[test]
    fn addresses() {
        let good = all(ip_prefix, &["10.0.0.1/24", "fd00::1/64"]);
        assert_eq!(good, [Some(([10, 0, 0, 1].into(), 24)), Some(("fd00::1".parse().unwrap(), 64))]);
        assert_eq!(
            all(ip_prefix, &["10.0.0.1", "10.0.0.1/33", "10.0.0.300/24", "10.0.0.1/", "fd00::1/129", "/8"]),
            [None; 6]
        );
    }

    #[test]
    fn hosts_and_urls() {
        assert!(
            all(host, &["ci-gateway", "10.42.0.1", "fd00::1", "pool.ntp.org"]).iter().all(Option::is_some)
        );
        assert!(all(host, &["", "a b", "http://a", "a:123", "-x", "a/b"]).iter().all(Option::is_none));
        assert!(all(url, &["http://h", "https://h:1/a?b=c,d"]).iter().all(Option::is_some));
        assert!(
            all(url, &["", "h", "ftp://h", "http://", "http:///x", "http://a b"]).iter().all(Option::is_none)
        );
    }

    #[test]
    fn base64_is_rfc_4648() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(base64("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        for text in ["A", "A===", "Zm=v", "Zm9v\n", "-_-_"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_a_problem(text in "(?s).{0,24}|[0-9a-fkKgG:./@=,-]{0,24}") {
            let text = located(&text);
            let part = text.as_slice();
            let _ = (size(part).is_ok(), ip_prefix(part).is_ok(), host(part).is_ok(), url(part).is_ok());
            let _ = (name(part).is_ok(), device(part).is_ok(), base64(part.text()));
        }
    }
}
