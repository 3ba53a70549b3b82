//! What every test does with a text.

use options::{Options, Parsed, Severity, parse};

/// `error: …` or `warning: …`, the underlined text behind it.
pub fn lines(texts: &[&str]) -> Vec<String> {
    let parsed = parse(texts);
    let line = |diagnostic: &options::Diagnostic| {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = format!("{severity}: {diagnostic} | {}", &texts[diagnostic.text][diagnostic.span.clone()]);
        assert!(!diagnostic.to_string().contains('\n'), "{line}");
        line
    };
    parsed.diagnostics.iter().map(line).collect()
}

#[track_caller]
pub fn assert_line(text: &str, expected: &str) {
    assert_eq!(lines(&[text]), [expected], "{text}");
}

#[track_caller]
pub fn assert_fine(text: &str) -> Options {
    assert_eq!(lines(&[text]), [""; 0], "{text}");
    parse(&[text]).options
}

/// All but one field as by default would not be noticed: the whole has to be as it was.
#[track_caller]
pub fn assert_default_after(text: &str) -> Parsed {
    let parsed = parse(&[text]);
    assert_eq!(parsed.options, Options::default(), "{text}");
    parsed
}
