//! Host and domain names that come from the network. They are written to files that others read.

/// Names longer than this are none (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
/// One part of a name (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// What Linux takes (sethostname(2)).
const MAX_HOST_NAME: usize = 64;
/// As many as resolvers look at (resolv.conf(5): six, later more), and more than any network has.
const MAX_LIST: usize = 32;

/// What a name may have in place of its end: a pointer to an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pointers {
    Followed,
    Refused,
}

/// Names one after the other, without pointers (RFC 8106 §5.2, RFC 8415 §10); the rest may be zeros. What follows a malformed one is left
/// out with it.
pub(crate) fn dns_names(bytes: &[u8]) -> Vec<String> {
    let mut at = 0;
    let names = std::iter::from_fn(|| {
        let (name, next) = dns_name(bytes, at, Pointers::Refused)?;
        at = next;
        Some(name)
    });
    names.take(MAX_LIST).collect()
}

/// The name that begins at `at`, and where the next one begins (RFC 1035 §4.1.4).
pub(crate) fn dns_name(bytes: &[u8], mut at: usize, pointers: Pointers) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut next = None;
    loop {
        match usize::from(*bytes.get(at)?) {
            0 => {
                name.pop();
                return is_name(&name).then(|| (name, next.unwrap_or(at + 1)));
            }
            length @ 1..=63 => {
                name.push_str(std::str::from_utf8(bytes.get(at + 1..at + 1 + length)?).ok()?);
                name.push('.');
                at += 1 + length;
            }
            high @ 0xc0..=0xff if pointers == Pointers::Followed => {
                let target = (high & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                next.get_or_insert(at + 2);
                // Pointers lead backwards only and names have a bound, so that the walk ends.
                if target >= at {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
        if name.len() > MAX_NAME + 1 {
            return None;
        }
    }
}

/// RFC 1123 §2.1: labels of letters, digits and inner hyphens. Not `localhost`, as every machine calls itself: it would no longer be found at
/// its loopback address.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_local = name.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case("localhost"));
    name.len() <= MAX_HOST_NAME && !is_local && name.split('.').all(is_label)
}

/// Letters, digits and what else is found in the names of domains. Nothing that could end a line or a word.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_are() {
        let longest = format!("{}.a", "a".repeat(62));
        for name in ["dut-1", "DUT", "3com", "dut-1.lab.example", &longest] {
            assert!(is_host_name(name), "{name}");
        }
        let too_long = format!("{longest}b");
        let label = "a".repeat(64);
        for name in [
            "",
            "-dut",
            "dut-",
            "d_t",
            "a..b",
            ".a",
            "a b",
            "d\nt",
            "dút",
            &too_long,
            &label,
            "localhost",
            "LocalHost.lan",
        ] {
            assert!(!is_host_name(name), "{name}");
        }
    }

    #[test]
    fn names_one_after_the_other() {
        let names = dns_names(b"\x03lan\x07example\0\x01b\0\0\0\0");
        assert_eq!(names, ["lan.example", "b"]);
        assert_eq!(dns_names(b"\x01a\0\xc0\x00"), ["a"], "pointers are not followed");
        assert_eq!(dns_names(b"\x01a\0\x05b\n"), ["a"]);
        assert!(dns_names(b"\x03a\nb\0").is_empty());
        assert!(dns_names(&[0; 1000]).is_empty());
        assert_eq!(dns_names(&b"\x01a\0".repeat(100)).len(), MAX_LIST);
    }
}
