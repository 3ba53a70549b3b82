//! PAX extended headers (POSIX.1-2024, pax, "pax Extended Header").
//!
//! Stricter than common readers, which disagree on what they tolerate: records are taken by their length, not by line (values may
//! hold newlines, and a record must not be smuggled in a value), and nothing may be said twice.

use rustix::fs::Timespec;
use std::collections::BTreeMap;

/// What extended headers say about the entry that follows; `None` leaves the header's own value.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<Timespec>,
    /// By full name, such as `security.capability`.
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// How star, GNU tar and Go write extended attributes.
const XATTR: &[u8] = b"SCHILY.xattr.";

impl Pax {
    /// Reads the records of one extended header.
    pub(super) fn parse(mut data: &[u8]) -> Result<Pax, &'static str> {
        let mut pax = Pax::default();
        while !data.is_empty() {
            let (key, value, rest) = record(data).ok_or("a PAX record is damaged")?;
            pax.set(key, value)?;
            data = rest;
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if let Some(name) = key.strip_prefix(XATTR) {
            if name.is_empty() || name.contains(&0) {
                return Err("an extended attribute has no proper name");
            }
            return match self.xattrs.insert(name.to_vec(), value.to_vec()) {
                None => Ok(()),
                Some(_) => Err("an extended attribute is given twice"),
            };
        }
        // POSIX: an empty value means that the header's own one holds.
        let value = Some(value).filter(|v| !v.is_empty());
        match key {
            b"path" => set_once(&mut self.path, value.map(text).transpose()?),
            b"linkpath" => set_once(&mut self.link, value.map(text).transpose()?),
            b"size" => set_once(&mut self.size, value.map(decimal).transpose()?),
            b"uid" => set_once(&mut self.uid, value.map(decimal).transpose()?),
            b"gid" => set_once(&mut self.gid, value.map(decimal).transpose()?),
            b"mtime" => set_once(&mut self.mtime, value.map(time).transpose()?),
            key if key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize" => {
                Err("it is a sparse file, which image layers may not have")
            }
            // Names of owners, times of access, comments, makers' own.
            _ => Ok(()),
        }
    }
}

/// Key, value, and what comes after `"%d %s=%s\n"`.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().take(20).position(|&b| b == b' ')?;
    let length: usize = decimal(&data[..blank]).ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let body = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&b| b == b'=')?;
    let key = &body[..equals];
    (!key.is_empty() && !key.contains(&0)).then_some((key, &body[equals + 1..], rest))
}

fn set_once<T>(field: &mut Option<T>, value: Option<T>) -> Result<(), &'static str> {
    match (&field, value) {
        (Some(_), Some(_)) => Err("a PAX key is given twice"),
        (None, Some(value)) => {
            *field = Some(value);
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

fn text(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    if value.contains(&0) { Err("a PAX path holds a NUL") } else { Ok(value.to_vec()) }
}

/// Digits only: `parse` alone would take a plus sign.
fn decimal<T: std::str::FromStr>(value: &[u8]) -> Result<T, &'static str> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or("a PAX number is damaged or too large")
}

/// Seconds since 1970 as a decimal fraction; more digits than nanoseconds are cut off.
fn time(value: &[u8]) -> Result<Timespec, &'static str> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let dot = value.iter().position(|&b| b == b'.').unwrap_or(value.len());
    let seconds: i64 = decimal(&value[..dot])?;
    let fraction = value.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err("a PAX time is damaged");
    }
    let nanoseconds = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanoseconds = nanoseconds.fold(0i32, |value, digit| value * 10 + i32::from(digit - b'0'));
    Ok(match (negative, nanoseconds) {
        (false, nsec) => Timespec { tv_sec: seconds, tv_nsec: nsec.into() },
        (true, 0) => Timespec { tv_sec: -seconds, tv_nsec: 0 },
        (true, nsec) => Timespec { tv_sec: -seconds - 1, tv_nsec: (1_000_000_000 - nsec).into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(key: &str, value: &[u8]) -> Vec<u8> {
        let rest = key.len() + value.len() + 3;
        let length = (1..).map(|digits| rest + digits).find(|n| n.to_string().len() + rest == *n).unwrap();
        [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
    }

    /// A reader that splits at newlines sees the path `evil` here.
    #[test]
    fn a_record_is_not_smuggled_in_a_value() {
        let data = line("SCHILY.xattr.user.x", b"a\n13 path=evil\n");
        let pax = Pax::parse(&data).unwrap();
        assert_eq!(pax.path, None);
        assert_eq!(pax.xattrs[b"user.x".as_slice()], b"a\n13 path=evil\n");
    }

    #[test]
    fn times_have_fractions_and_signs() {
        for (text, sec, nsec) in [
            ("0", 0, 0),
            ("1700000000.5", 1_700_000_000, 500_000_000),
            ("1.0000000019", 1, 1),
            ("-1.5", -2, 500_000_000),
            ("-3", -3, 0),
            ("5000000000.", 5_000_000_000, 0),
        ] {
            assert_eq!(time(text.as_bytes()).unwrap(), Timespec { tv_sec: sec, tv_nsec: nsec }, "{text}");
        }
        for bad in ["", "-", ".5", "1.x", "1e5", "+1", "--1", "99999999999999999999"] {
            assert!(time(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for bad in [
            [line("path", b"a"), line("path", b"b")].concat(),
            [line("SCHILY.xattr.user.x", b"a"), line("SCHILY.xattr.user.x", b"b")].concat(),
            line("path", b"a\0b"),
            line("size", b"-1"),
            line("size", b"+1"),
            line("size", b"99999999999999999999"),
            line("uid", b"4294967296"),
            line("", b"x"),
            line("GNU.sparse.major", b"1"),
            line("SCHILY.xattr.", b"x"),
            b"13 path=evil".to_vec(),
            b"12 path=evil\n".to_vec(),
            b"14 path=evil\n".to_vec(),
            b"+13 path=evil\n".to_vec(),
            b"99999999999999999999 path=evil\n".to_vec(),
            b"3 =\n".to_vec(),
            b"\n".to_vec(),
        ] {
            assert!(Pax::parse(&bad).is_err(), "{}", String::from_utf8_lossy(&bad));
        }
        assert_eq!(Pax::parse(&line("path", b"")).unwrap(), Pax::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            let _ = Pax::parse(&data);
        }

        #[test]
        fn what_was_written_is_read(path in "[^\0]{1,300}", value: Vec<u8>, size: u64) {
            let data = [
                line("path", path.as_bytes()),
                line("comment", &value),
                line("SCHILY.xattr.user.x", &value),
                line("size", size.to_string().as_bytes()),
            ].concat();
            let pax = Pax::parse(&data).unwrap();
            prop_assert_eq!(pax.path, Some(path.into_bytes()));
            prop_assert_eq!(&pax.xattrs[b"user.x".as_slice()], &value);
            prop_assert_eq!(pax.size, Some(size));
        }
    }
}
