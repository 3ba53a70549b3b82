//! `b2c report`, as a person at a desk meets it.
#![cfg(feature = "report")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/report/document");
const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/report/log");

fn report(arguments: &[&str], input: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_b2c")).arg("report").args(arguments).stdin(input).output().unwrap()
}

#[track_caller]
fn drawn(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_report_becomes_a_picture() {
    let picture = drawn(&report(&[REPORT], Stdio::null()));
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    for text in
        [">Status 5, failed by: ", ">kernel<", ">step busybox<", ">job pulled<", "&lt;script&gt; (2 times)<"]
    {
        assert!(picture.contains(text), "{text}: {picture}");
    }
}

#[test]
fn the_log_of_a_console_will_do_from_anywhere_to_anywhere() {
    let from_file = drawn(&report(&[LOG], Stdio::null()));
    assert!(from_file.contains(">Status 0<"), "{from_file}");
    let log = File::open(LOG).unwrap();
    assert_eq!(drawn(&report(&["-"], log.into())), from_file);
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("boot.svg");
    assert_eq!(drawn(&report(&[LOG, "-o", picture.to_str().unwrap()], Stdio::null())), "");
    assert_eq!(fs::read_to_string(picture).unwrap(), from_file);
}

#[test]
fn what_cannot_be_drawn_says_why() {
    for (arguments, why) in [
        (&["/no/such/file"][..], "b2c report: /no/such/file: No such file"),
        (&["/dev/null"][..], "b2c report: /dev/null: it is no report, and has no line"),
        (&[][..], "b2c report: no file"),
        (&["a", "b"][..], "b2c report: unexpected argument"),
    ] {
        let output = report(arguments, Stdio::null());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.starts_with(why) && errors.lines().count() == 1, "{errors}");
    }
}
