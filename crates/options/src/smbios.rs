//! Extra arguments in a machine's firmware: the OEM strings of its SMBIOS table that begin with `b2c.args=`.
//!
//! The table is a list of structures (DMTF DSP0134 3.7, section 6.1): a type, the length of the formatted area, a handle, that area, and then the strings that it
//! refers to, each ended by a NUL, all of them by one more.

/// How a string of ours begins.
pub const MARK: &str = "b2c.args=";

/// "OEM Strings" (section 7.12).
const OEM_STRINGS: u8 = 11;
/// "End-of-Table" (section 7.45).
const END: u8 = 127;
/// Type, length and handle.
const HEADER: usize = 4;

/// The table cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The byte where the structure begins that is none.
    pub at: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the structure at byte {} {}", self.at, self.reason)
    }
}

impl std::error::Error for Malformed {}

/// What follows `b2c.args=` in the strings of a table, in their order. A table that holds none is never malformed: firmware is often wrong, and then it is nobody's business.
pub fn args(table: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    if !table.windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes()) {
        return Ok(Vec::new());
    }
    let (mut found, mut at) = (Vec::new(), 0);
    while at < table.len() {
        let structure = structure(&table[at..]).map_err(|reason| Malformed { at, reason })?;
        if structure.kind == END {
            break;
        }
        if structure.kind == OEM_STRINGS {
            let strings = structure.strings.split(|&byte| byte == 0);
            found.extend(strings.filter_map(|string| string.strip_prefix(MARK.as_bytes())));
        }
        at += structure.length;
    }
    Ok(found)
}

struct Structure<'a> {
    kind: u8,
    /// With the NULs between them.
    strings: &'a [u8],
    /// Up to the next one.
    length: usize,
}

fn structure(table: &[u8]) -> Result<Structure<'_>, &'static str> {
    let [kind, formatted, _, _, ..] = *table else { return Err("is cut off in its header") };
    let formatted = usize::from(formatted);
    if formatted < HEADER {
        return Err("is shorter than its header");
    }
    let behind = table.get(formatted..).ok_or("is longer than the table")?;
    let end = behind.windows(2).position(|bytes| bytes == [0, 0]).ok_or("has strings without an end")?;
    Ok(Structure { kind, strings: &behind[..end], length: formatted + end + 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A structure with an empty formatted area.
    fn with(kind: u8, strings: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, 5, 0, 0, u8::try_from(strings.len()).unwrap()];
        for string in strings {
            bytes.extend(string.bytes().chain([0]));
        }
        if strings.is_empty() {
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    fn texts(table: &[u8]) -> Result<Vec<String>, String> {
        let args = args(table).map_err(|malformed| malformed.to_string())?;
        Ok(args.into_iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    #[test]
    fn strings_of_ours_add_up_in_order() {
        let table = [
            with(1, &["QEMU", "b2c.args=not here"]),
            with(OEM_STRINGS, &["b2c.args=b2c.run=a", "other", "b2c.args="]),
            with(2, &[]),
            with(OEM_STRINGS, &["b2c.args=b2c.pipefail"]),
            with(END, &[]),
            with(OEM_STRINGS, &["b2c.args=behind the end"]),
        ]
        .concat();
        assert_eq!(texts(&table).unwrap(), ["b2c.run=a", "", "b2c.pipefail"]);
        assert_eq!(texts(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_malformed_table_is_refused_if_it_concerns_us() {
        let good = with(OEM_STRINGS, &["b2c.args=x"]);
        for (bad, reason) in [
            ([&good[..], &[1, 2]].concat(), "the structure at byte 17 is cut off in its header"),
            (
                [&good[..], &[1, 3, 0, 0, 0, 0]].concat(),
                "the structure at byte 17 is shorter than its header",
            ),
            ([&good[..], &[1, 9, 0, 0, 0]].concat(), "the structure at byte 17 is longer than the table"),
            (good[..good.len() - 1].to_vec(), "the structure at byte 0 has strings without an end"),
        ] {
            assert_eq!(texts(&bad).unwrap_err(), reason);
        }
        assert_eq!(texts(&[1, 2]).unwrap(), [""; 0], "nobody put anything there");
    }

    proptest! {
        #[test]
        fn any_table_is_read_or_refused(bytes: Vec<u8>, at in 0usize..40) {
            let at = at.min(bytes.len());
            let marked = [&bytes[..at], b"\x0b\x05\0\0\x01b2c.args=x\0\0", &bytes[at..]].concat();
            let _ = args(&marked);
        }
    }
}
