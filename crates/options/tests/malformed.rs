//! Every option has values that it cannot use. Each gives one line, which shows the place and says what to write instead, and leaves the rest as it is.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::table::{self, OptionSpec};
use options::{Options, Severity, parse};

/// What runs when an option has a value that it cannot use. Nothing, where running without it would be worse.
type Runs = bool;
const NOTHING: Runs = false;
const THE_REST: Runs = true;

/// One malformed value for each option; tests/messages/values.rs has more of them, with their lines.
const MALFORMED: &[(&str, &str, Runs)] = &[
    ("b2c.run", "\"img 'a\"", NOTHING),
    ("b2c.run_post", "\"img ${A-b}\"", NOTHING),
    ("b2c.run_service", "\"img 'a\"", NOTHING),
    ("b2c.cache_device", "a/b", THE_REST),
    ("b2c.swap", "8x", THE_REST),
    ("b2c.ntp_peer", "http://x", THE_REST),
    ("b2c.iface", "a/b", THE_REST),
    ("b2c.hostname", "\"a b\"", THE_REST),
    ("b2c.extra_args_url", "ci-gateway/args", NOTHING),
    ("b2c.minio", "job,h,a,b", THE_REST),
    ("b2c.volume", "a/b", NOTHING),
    ("b2c.filesystem", "fs,type=nfs", THE_REST),
    ("b2c.nbd", "/dev/sda,host=h,port=1", THE_REST),
    ("b2c.storage", "additionalimagestores", THE_REST),
    ("b2c.proxy", "https=h:3128", THE_REST),
    ("b2c.insmods", "../b.ko", THE_REST),
    ("b2c.modules", "ftp://h/a", NOTHING),
    ("b2c.keymap", "/x", THE_REST),
    ("b2c.poweroff_delay", "soon", THE_REST),
    ("b2c.shutdown_cmd", "\"echo 'x\"", THE_REST),
    ("b2c.reboot_cmd", ";", THE_REST),
    ("b2c.ca", "ftp://x", THE_REST),
    ("b2c.registry_mirror", "docker.io", THE_REST),
    ("b2c.login", "docker.io,me", THE_REST),
    ("b2c.watchdog", "soon", THE_REST),
    ("b2c.timeout", "soon", THE_REST),
    ("b2c.report", "serial", THE_REST),
];

/// Options that take anything: words of the kernel, and a switch.
const EASY: [&str; 3] = ["ip", "modules_load", "b2c.pipefail"];

/// The options that can be wrong, each with its row.
fn rows() -> impl Iterator<Item = (&'static OptionSpec, &'static str, Runs)> {
    table::all().filter(|spec| !EASY.contains(&spec.name)).map(|spec| {
        let row = MALFORMED.iter().find(|(name, ..)| *name == spec.name);
        let (_, value, runs) =
            row.unwrap_or_else(|| panic!("{} has no malformed value in this test", spec.name));
        (spec, *value, *runs)
    })
}

/// One line about this option, and nothing of it taken over.
#[track_caller]
fn assert_refused(spec: &OptionSpec, text: &str, runs: Runs) {
    let parsed = parse(&[text]);
    let [line] = &parsed.diagnostics[..] else { panic!("{text}: {:?}", parsed.diagnostics) };
    assert_eq!(line.severity, Severity::Error, "{text}: {line}");
    let shown = line.to_string();
    assert!(shown.starts_with(spec.name) && !shown.contains('\n'), "{text}: {shown}");
    assert!(shown.contains("; ") || shown.contains(" from "), "{text}: no cure in {shown}");
    assert!(!text[line.span.clone()].is_empty(), "{text}: {shown} has no place");
    assert_eq!(parsed.options, Options::default(), "{text}");
    assert_eq!(parsed.is_fatal(), !runs, "{text}");
}

#[test]
fn a_value_that_cannot_be_used() {
    for (spec, value, runs) in rows() {
        assert_refused(spec, &format!("{}={value}", spec.name), runs);
    }
}

#[test]
fn no_value_where_one_is_needed() {
    for (spec, _, runs) in rows() {
        assert_refused(spec, spec.name, runs);
        assert_refused(spec, &format!("{}=", spec.name), runs);
    }
}
