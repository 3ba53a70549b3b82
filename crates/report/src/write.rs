//! The document as text.

use crate::Document;
use std::fmt::Write as _;

/// What the line on a console begins with. CI systems find it by that.
pub const MARK: &str = "b2c-report: ";

/// One line of JSON, without a line end. All of it is ASCII, so that no console, serial line or log collector can spoil it.
pub fn to_json(document: &Document) -> String {
    // It fails for maps whose keys are no text, and for writers that fail: there are neither.
    let json = serde_json::to_string(document).unwrap_or_default();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => ascii.push(c),
            // Only texts hold others, and there they may be written so (RFC 8259 section 7). What is below a blank is written so already.
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Writing to a String cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }),
        }
    }
    ascii
}

/// The beginning of `text`, if it is longer than `most` bytes.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn a_document_is_one_line_of_ascii() {
        let text = "a\nb\r\u{1b}[0m\u{7f} é 🚀 \" \\ </script>";
        let errors = vec![Message { at_ms: 1, text: text.to_owned(), count: 1 }];
        let json = to_json(&Document { errors, ..Document::default() });
        assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{json}");
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["errors"][0]["text"], text);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("éé", 4), "éé");
        assert_eq!(cut("ééé", 3), "é…");
    }
}
