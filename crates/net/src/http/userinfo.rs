//! User and password of a URL. ureq sends them as they are written there.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::Uri;

/// The value of `Authorization` (RFC 7617 section 2), if the URL says who asks. What cannot stand in a URL is percent-encoded there (RFC 3986 section 2.1).
pub(super) fn authorization(url: &Uri) -> Option<String> {
    let (userinfo, _) = url.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let pair = [decoded(user), decoded(password)].join(&b':');
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// A `%` that begins no byte stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let encoded = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        let (byte, read) = encoded.map_or((*first, 1), |(high, low)| (high << 4 | low, 3));
        bytes.push(byte);
        rest = &rest[read..];
    }
    bytes
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_percent_encoded_is_sent_decoded() {
        for (url, pair) in [
            ("http://me:secret@host/", Some("me:secret")),
            ("http://me:p%40ss%2fw%3Ard@host/", Some("me:p@ss/w:rd")),
            ("http://m%65:a:b@host/", Some("me:a:b")),
            ("http://token@host/", Some("token:")),
            ("http://me:%C3%A9@host/", Some("me:é")),
            ("http://host/a@b", None),
        ] {
            let expected = pair.map(|pair| format!("Basic {}", BASE64_STANDARD.encode(pair)));
            assert_eq!(authorization(&url.parse().unwrap()), expected, "{url}");
        }
        for (text, bytes) in [("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%%41", "%A"), ("", "")] {
            assert_eq!(decoded(text), bytes.as_bytes(), "{text}");
        }
    }
}
