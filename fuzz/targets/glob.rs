//! A glob and a path, separated by the first NUL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mirror::glob::Globs;

fuzz_target!(|text: &str| {
    let (glob, path) = text.split_once('\0').unwrap_or((text, ""));
    let is_match = |glob: &str, path: &str| Globs::new(&[glob]).is_match(path);
    let matches = is_match(glob, path);
    if glob.is_empty() {
        assert!(!matches);
    } else if !glob.contains(['*', '?']) {
        assert_eq!(matches, glob == path);
    }
    // What fits still does when something is put before or behind both.
    assert_eq!(is_match(&format!("x{glob}y"), &format!("x{path}y")), matches || glob == path);
    assert!(!matches || is_match(&format!("*{glob}*"), &format!("x{path}y")));
});
