//! Sources of modules.

use crate::support::{assert_default_after, assert_fine, assert_line, lines};
use options::{Fatal, Fetched, ModuleSource};

#[test]
fn modules_that_cannot_be_understood_keep_everything_from_running() {
    for (text, line) in [
        (
            "b2c.modules=ftp://h/a",
            "error: b2c.modules: `ftp://h/a` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/a",
        ),
        (
            "b2c.modules=http://h/a,sha256=abc",
            "error: b2c.modules: `abc` is not a SHA-256: that has 64 hex digits; write what sha256sum prints | abc",
        ),
        (
            "b2c.modules=h/a,sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
            "error: b2c.modules: `sha256=0123456789abcdef0123456789abcdef0123456789abcdef012345…` is for archives; write h/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef | sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
        ),
        (
            "b2c.modules=h/a,tls-verify=no",
            "error: b2c.modules: `no` is not true or false; write tls-verify=false | no",
        ),
        (
            "b2c.modules=h/a,tls_verify=false",
            "error: b2c.modules: `tls_verify=false` is not known; the closest known key is tls-verify | tls_verify=false",
        ),
        (
            "b2c.modules=,tls-verify=false",
            "error: b2c.modules: `,tls-verify=false` names nothing to fetch; begin with a URL or an image | ,tls-verify=false",
        ),
    ] {
        assert_line(text, line);
        assert_eq!(assert_default_after(text).fatal, Some(Fatal::ModuleSetup), "{text}");
    }
    let many = "b2c.modules=img ".repeat(17);
    assert_eq!(
        lines(&[&many]),
        ["error: b2c.modules: `img` is one too many: 16 are possible; put several into one image | img"]
    );
}

#[test]
fn sources_of_modules() {
    let digits = "0123456789abcdef".repeat(4);
    let options = assert_fine(&format!(
        "b2c.modules=http://h/a.cpio,sha256={digits} b2c.modules=docker://h:1/a:1,tls-verify=false b2c.modules=alpine"
    ));
    let archive = Fetched::Archive { url: "http://h/a.cpio".into(), sha256: Some(digits) };
    let image = |name: &str| Fetched::Image(name.into());
    let expected = [(archive, true), (image("docker://h:1/a:1"), false), (image("alpine"), true)];
    assert_eq!(options.modules, expected.map(|(what, tls_verify)| ModuleSource { what, tls_verify }));
}
