//! The 512-byte header of a tar entry (POSIX.1-2024, pax, "ustar Interchange Format"; GNU tar's variant).

/// Everything in an archive is a multiple of this long, in bytes.
pub(super) const BLOCK: usize = 512;

/// A header whose checksum is right.
pub(super) struct Header([u8; BLOCK]);

impl Header {
    /// Checks the sum over all bytes, in which the sum's own field counts as blanks.
    pub(super) fn new(block: [u8; BLOCK]) -> Result<Header, &'static str> {
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, &byte)| if (148..156).contains(&at) { u32::from(b' ') } else { u32::from(byte) })
            .sum();
        match number(&block[148..156]) {
            Some(said) if said == i64::from(sum) => Ok(Header(block)),
            _ => Err("a header's checksum is wrong"),
        }
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    pub(super) fn mode(&self) -> Option<i64> {
        number(&self.0[100..108])
    }

    pub(super) fn uid(&self) -> Option<i64> {
        number(&self.0[108..116])
    }

    pub(super) fn gid(&self) -> Option<i64> {
        number(&self.0[116..124])
    }

    pub(super) fn size(&self) -> Option<i64> {
        number(&self.0[124..136])
    }

    pub(super) fn mtime(&self) -> Option<i64> {
        number(&self.0[136..148])
    }

    /// Major and minor number; the fields mean that in these two formats only.
    pub(super) fn device(&self) -> Option<(i64, i64)> {
        (self.is_ustar() || self.is_gnu()).then_some(())?;
        Some((number(&self.0[329..337])?, number(&self.0[337..345])?))
    }

    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        // GNU keeps times and the like where ustar has the prefix.
        let prefix = if self.is_ustar() { text(&self.0[345..500]) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    fn is_ustar(&self) -> bool {
        &self.0[257..265] == b"ustar\x0000"
    }

    fn is_gnu(&self) -> bool {
        &self.0[257..265] == b"ustar  \0"
    }
}

/// Up to the first NUL, or the whole field.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    &field[..end]
}

/// Octal digits between blanks or NULs, or GNU's base 256 if the first bit is set. An empty field is 0.
fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        return base256(field);
    }
    let blank = |b: &u8| *b == b' ' || *b == 0;
    let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(blank).unwrap_or(digits.len());
    // Digits after a blank: one reader would stop, another go on.
    if !digits[end..].iter().all(blank) {
        return None;
    }
    digits[..end].iter().try_fold(0i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Big-endian two's complement; the first bit only marks the format, the second is the sign.
fn base256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let start: i64 = if negative { -1 } else { 0 };
    std::iter::once(&first)
        .chain(&field[1..])
        .try_fold(start, |value, &byte| value.checked_mul(256)?.checked_add(i64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"77777777"), Some(0o77_777_777));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\x01"), Some((2 << 32) + 1));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xfe"), Some(-2));
    }

    #[test]
    fn numbers_that_two_readers_would_read_differently_are_refused() {
        for bad in
            [b"644 1\0\0\0".as_slice(), b"-1\0", b"+1\0", b"8\0", b"0x1\0", b"\xc0\0\0\0\0\0\0\0\0\0\0\0"]
        {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    proptest! {
        #[test]
        fn base_256_agrees_with_the_tar_crate(value in 0u64..=i64::MAX as u64) {
            let mut header = tar::Header::new_gnu();
            header.set_size(value);
            header.set_cksum();
            let ours = Header::new(*header.as_bytes()).ok().and_then(|h| h.size());
            prop_assert_eq!(ours, i64::try_from(value).ok());
        }
    }
}
