//! What holds for any text.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::parse;
use proptest::prelude::*;

/// Texts that are mostly options, with values that are mostly wrong.
fn text() -> impl Strategy<Value = String> {
    let names: Vec<String> = options::table::all().map(|spec| format!("{}=", spec.name)).collect();
    let examples: Vec<String> = options::table::all().map(|spec| spec.example.to_owned()).collect();
    let piece = prop_oneof![
        3 => prop::sample::select(names),
        1 => prop::sample::select(examples),
        3 => "(?s)[a-z0-9,=|/:.'\"\\\\ ${}\n#é-]{0,12}",
        1 => "(?s).{0,12}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_and_complaints_have_their_place(first in text(), second in text()) {
        let texts = [first.as_str(), second.as_str()];
        let parsed = parse(&texts);
        for diagnostic in &parsed.diagnostics {
            prop_assert!(texts[diagnostic.text].get(diagnostic.span.clone()).is_some(), "{:?}", diagnostic);
            prop_assert!(!diagnostic.to_string().contains(char::is_control), "{:?}", diagnostic);
        }
        for (text, span) in &parsed.secrets {
            prop_assert!(texts[*text].get(span.clone()).is_some());
        }
        for (index, text) in texts.iter().enumerate() {
            let hidden = parsed.secrets.iter().any(|(of, _)| *of == index);
            prop_assert!(hidden || parsed.masked(index, text) == *text);
        }
        let options = &parsed.options;
        for line in options.run.iter().chain(&options.run_post).chain(&options.run_service) {
            prop_assert!(texts[line.source].get(line.span.clone()).is_some());
            for word in line.expand(&|name| Some(format!("{name} x"))) {
                prop_assert!(texts[line.source].get(word.span.clone()).is_some_and(|text| !text.is_empty()));
            }
        }
        let errors = parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == options::Severity::Error);
        prop_assert!(!parsed.is_fatal() || errors || parsed.diagnostics.len() > 100, "what is fatal is said");
        let _ = options.shutdown_cmd.expand(&|_| None);
    }

    #[test]
    fn extra_arguments_are_read_as_if_they_followed(first in "b2c\\.run=[a-z]{1,4}( b2c\\.pipefail)?", second in text()) {
        prop_assume!(!second.contains(['#', '"']) && !second.contains("b2c.extra_args_url"));
        let apart = parse(&[&first, &second]).options;
        let together = parse(&[&format!("{first} {second}")]).options;
        let texts = |options: &options::Options| options.run.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        prop_assert_eq!(texts(&apart), texts(&together));
        prop_assert_eq!(format!("{:?}", apart.volume), format!("{:?}", together.volume));
        prop_assert_eq!(apart.shutdown_cmd.expand(&|_| None), together.shutdown_cmd.expand(&|_| None));
    }
}
