//! Percent-encoding as signatures want it (AWS, "Create a canonical request": `UriEncode`), and hexadecimal.

use std::fmt::Write as _;

/// All but `A-Z a-z 0-9 - . _ ~` becomes `%XX`.
pub(crate) fn query(text: &str) -> String {
    encode(text, "-._~")
}

/// The same, but slashes stay.
pub(crate) fn path(text: &str) -> String {
    encode(text, "-._~/")
}

fn encode(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Cannot fail: it is a string.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The reverse, for keys in listings, where a blank may be a plus sign. `None`: it is not encoded like that, or no UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                bytes.push(hex_digit(digits[0])? << 4 | hex_digit(digits[1])?);
                rest = tail;
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// Lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Cannot fail: it is a string.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The reverse.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(hex_digit(*pair.first()?)? << 4 | hex_digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_encoded() {
        assert_eq!(path("a b/c+d%e&f=ü~._-"), "a%20b/c%2Bd%25e%26f%3D%C3%BC~._-");
        assert_eq!(query("a/b c"), "a%2Fb%20c");
        assert_eq!(decode("a+b%2Bc%20%C3%BC").as_deref(), Some("a b+c ü"));
        for bad in ["%", "%2", "%2g", "%+1", "%FF"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        assert_eq!((unhex("0"), unhex("0g")), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text: String) {
            prop_assert_eq!(decode(&query(&text)), Some(text.clone()));
            prop_assert_eq!(decode(&path(&text)), Some(text));
        }
    }
}
