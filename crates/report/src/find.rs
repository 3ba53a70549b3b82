//! Where the document is: alone in a file, or in a line of a console's log.

use crate::{Document, MARK, SCHEMA};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the text itself is one nor is there a line with one.
    #[error(
        "it is no report, and has no line that begins with \"b2c-report: \": was the machine booted with b2c.report=…?"
    )]
    None,
    /// Something begins as one does.
    #[error("the report is damaged: {0}")]
    Damaged(serde_json::Error),
    /// Made by another version.
    #[error(
        "the report has schema {0}, and schema {SCHEMA} is understood here: use the b2c of that machine's initramfs"
    )]
    Schema(u64),
}

/// The document that `text` is, or the last one in the log that it is: a container may have printed anything before.
pub fn find(text: &str) -> Result<Document, Error> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('{') {
        return read(text);
    }
    let json = text.lines().rev().find_map(|line| line.split_once(MARK).map(|(_, json)| json.trim()));
    read(json.ok_or(Error::None)?)
}

fn read(json: &str) -> Result<Document, Error> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(Error::Damaged)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema != u64::from(SCHEMA) => Err(Error::Schema(schema)),
        _ => serde_json::from_value(value).map_err(Error::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_json;

    fn document(status: u8) -> String {
        to_json(&Document { schema: SCHEMA, status, ..Document::default() })
    }

    #[test]
    fn the_last_marked_line_of_a_log_counts() {
        let log = format!(
            "2026-01-01T00:00:00Z [1.00]: x\r\nb2c-report: {{\"forged\r\nb2c-report: {}\r\nout 12: b2c-report: {}\r\n[2.00]: bye\r\n",
            document(1),
            document(2)
        );
        assert_eq!(find(&log).unwrap().status, 2);
        assert_eq!(find(&format!("\n {}\n", document(3))).unwrap().status, 3);
    }

    #[test]
    fn what_is_no_report_says_so() {
        let said = |text: &str| find(text).unwrap_err().to_string();
        assert!(said("[1.00]: x\n").contains("b2c.report"), "{}", said(""));
        assert!(said("b2c-report: {\"schema\":1,\"sta").starts_with("the report is damaged: "));
        assert!(said("{\"schema\":2}").starts_with("the report has schema 2"));
        assert!(said("{}").contains("missing field"));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let json = document(4).replacen('{', "{\"new\":[1,{}],", 1);
        assert_eq!(find(&json).unwrap().status, 4);
    }
}
