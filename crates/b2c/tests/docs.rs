//! The pages that are made from tables must be what the tables say. `UPDATE_DOCS=1 cargo test -p b2c --test docs` writes them again.
#![cfg(feature = "check")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

fn assert_current(page: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert!(
        found == expected,
        "docs/{page} is stale: run UPDATE_DOCS=1 cargo test -p b2c --test docs; first difference: {differing:?}"
    );
}

#[test]
fn options_page_is_current() {
    assert_current("options.md", &options::docs::page());
}

#[test]
fn run_flags_page_is_current() {
    assert_current("run-flags.md", &container::flags::docs());
}

#[test]
fn every_option_has_its_section_and_an_example_that_parses() {
    let page = options::docs::page();
    for spec in options::table::all() {
        assert!(page.contains(&format!("\n### {}\n", spec.name)), "{}", spec.name);
        assert!(!spec.help.is_empty() && !spec.doc.is_empty(), "{}", spec.name);
        // What an example refers to stands elsewhere on a real command line.
        let given = "b2c.minio=job,http://h,a,b b2c.filesystem=shared,src=/dev/sda1";
        let parsed = options::parse(&[spec.example, given]);
        assert_eq!(parsed.diagnostics, [], "{}", spec.example);
        let changed =
            format!("{:?}", parsed.options) != format!("{:?}", options::parse(&["", given]).options);
        assert!(changed || spec.name == "b2c.filesystem", "{} does nothing", spec.example);
    }
}
