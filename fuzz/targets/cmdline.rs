//! The kernel command line and extra arguments, separated by the first NUL: every text is read, and what is said about it can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ops::Range;

fuzz_target!(|text: &str| {
    let texts: Vec<&str> = text.splitn(2, '\0').collect();
    let parsed = options::parse(&texts);
    for diagnostic in &parsed.diagnostics {
        check_span(&texts, diagnostic.text, &diagnostic.span);
        assert_printable(&diagnostic.to_string());
    }
    for (text, span) in &parsed.secrets {
        check_span(&texts, *text, span);
        assert!(parsed.masked(*text, texts[*text]).contains("***"));
    }
    let options = &parsed.options;
    let lookup = |name: &str| Some(name.repeat(2));
    for line in options.run.iter().chain(&options.run_post).chain(&options.run_service) {
        check_span(&texts, line.source, &line.span);
        for word in line.expand(&lookup) {
            check_span(&texts, line.source, &word.span);
        }
    }
    for commands in [&options.shutdown_cmd, &options.reboot_cmd] {
        assert!(commands.expand(&lookup).iter().all(|command| !command.is_empty()));
    }
});

/// A caret is drawn under it.
fn check_span(texts: &[&str], text: usize, span: &Range<usize>) {
    assert!(texts[text].get(span.clone()).is_some(), "{span:?} is no part of text {text}");
}

/// A text from outside must not forge lines on the console.
fn assert_printable(line: &str) {
    assert!(!line.contains(char::is_control), "{line:?}");
}
