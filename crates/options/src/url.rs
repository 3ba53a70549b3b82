//! What of a URL is a secret, and where one ends that stands in a list.
//!
//! Nobody knows where the parts of a broken URL end (a password may hold `/`, `?`, `#` or `,` that should have been percent-encoded): in doubt, too much is hidden.

use crate::diagnostic::Report;
use crate::located::Slice;
use std::ops::Range;

/// From now on nothing shows who asks, and the query, which may be a token or a signature.
pub(crate) fn hide(url: Slice<'_>, report: &mut Report) {
    for secret in secrets(url.text()) {
        report.keep_secret(url.part(secret));
    }
}

/// A URL as it may be shown: `https://***@host/path?***`.
pub fn shown_url(url: &str) -> String {
    let (mut shown, mut end) = (String::new(), 0);
    for secret in secrets(url).into_iter().filter(|secret| !secret.is_empty()) {
        shown.push_str(&url[end..secret.start]);
        shown.push_str("***");
        end = secret.end;
    }
    shown + &url[end..]
}

/// A list's first part, which is a URL, and what follows the comma behind it. A password may hold commas.
pub(crate) fn head(list: Slice<'_>) -> (Slice<'_>, Slice<'_>) {
    let text = list.text();
    let from = text.rfind('@').unwrap_or(0);
    match text[from..].find(',') {
        Some(at) => (list.part(0..from + at), list.part(from + at + 1..text.len())),
        None => (list, list.part(text.len()..text.len())),
    }
}

/// User and password, and the query; in order, perhaps empty.
fn secrets(url: &str) -> [Range<usize>; 2] {
    let start = url.find("://").map_or(0, |at| at + 3);
    let host = url.rfind('@').filter(|&at| at > start).unwrap_or(start);
    let query = url[start..].find('?').map_or(url.len(), |at| start + at + 1);
    if query <= host { [start..url.len(), url.len()..url.len()] } else { [start..host, query..url.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_url_is_shown_with_its_secrets() {
        for (url, expected) in [
            ("https://host:80/path", "https://host:80/path"),
            ("https://me:secret@host:80/path", "https://***@host:80/path"),
            ("https://secret@host/path", "https://***@host/path"),
            ("https://me:p@secret@host/path", "https://***@host/path"),
            ("https://me:/secret@host/path", "https://***@host/path"),
            ("https://me:1/secret@host/path", "https://***@host/path"),
            ("https://me:#secret@host/path", "https://***@host/path"),
            ("https://me:,secret@host/path", "https://***@host/path"),
            ("https://me:?secret@host/path", "https://***"),
            ("https://host/path?token=secret", "https://host/path?***"),
            ("https://me:secret@host/path?token=secret", "https://***@host/path?***"),
            ("https://host/path?mail=secret@host", "https://***"),
            ("https://host/path?", "https://host/path?"),
            ("https://@host/?é", "https://@host/?***"),
            ("me:secret@host", "***@host"),
            ("", ""),
        ] {
            assert_eq!(shown_url(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_shown(url: String, marks in "[@?,:/é]{0,12}") {
            let _ = (shown_url(&url), shown_url(&format!("{marks}{url}")), shown_url(&format!("http://{marks}")));
        }
    }
}
