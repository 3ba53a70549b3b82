//! Volumes and their mirrors.

use crate::support::{assert_default_after, assert_fine, assert_line, lines};
use options::{CacheDevice, Fatal, parse};

const GIVEN: &str = " b2c.minio=gw,http://h,a,b";

#[test]
fn unknown_words_of_a_volume_are_b2c_warnings() {
    let text = format!("b2c.volume=job,mirorr=x,mirror=gw/b,pull_on=pipeline_start|pipeline_strat{GIVEN}");
    assert_eq!(
        lines(&[&text]),
        [
            "warning: B2C_WARNING: b2c.volume: unknown key `mirorr` is ignored; the closest known one is mirror | mirorr",
            "warning: B2C_WARNING: b2c.volume: unknown condition `pipeline_strat` is ignored; the closest known one is pipeline_start | pipeline_strat",
        ]
    );
    let parsed = parse(&[&text]);
    assert!(parsed.options.volume[0].pull_on.pipeline_start && !parsed.is_fatal());
}

#[test]
fn changes_covers_the_other_conditions() {
    let text = format!("b2c.volume=job,push_to=gw/b,push_on=changes|pipeline_end{GIVEN}");
    assert_eq!(
        lines(&[&text]),
        [
            "warning: B2C_WARNING: b2c.volume: `changes|pipeline_end` holds more than changes; changes covers the others, which are ignored | changes|pipeline_end"
        ]
    );
    let volume = &parse(&[&text]).options.volume[0];
    assert!(volume.push_on.changes && !volume.push_on.pipeline_end && volume.pull_from.is_none());
}

#[test]
fn volumes_that_cannot_be_set_up_keep_everything_from_running() {
    for (text, line) in [
        (
            "b2c.volume=job,expiration=tomorrow",
            "error: Unknown value for expiration: tomorrow; b2c.volume takes never, pipeline_end, a duration such as 12h or a date such as 2027-01-31 | tomorrow",
        ),
        ("b2c.volume=", "error: b2c.volume needs a value; write b2c.volume=NAME[,KEY[=VALUE]]… | b2c.volume"),
        (
            "b2c.volume=a/b",
            "error: b2c.volume: `a/b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a/b",
        ),
        ("b2c.volume=a,mirror", "error: b2c.volume: `mirror` needs a value; write mirror=… | mirror"),
        (
            "b2c.volume=a,mirror=gw",
            "error: b2c.volume: `gw` is not ALIAS/BUCKET[/path]; write the alias of a b2c.minio and a bucket | gw",
        ),
        (
            "b2c.volume=a,fscrypt_key=",
            "error: b2c.volume: `fscrypt_key=` needs a value; write fscrypt_key=… | fscrypt_key=",
        ),
        (
            "b2c.volume=a,fscrypt_key=c2hvcnQ=",
            "error: b2c.volume: `***` is not an fscrypt_key; give 16 to 64 bytes as base64: head -c 64 /dev/urandom | base64 -w0 | c2hvcnQ=",
        ),
        (
            "b2c.volume=a,encrypt_key=short",
            "error: b2c.volume: `***` is not an encrypt_key; give 32 characters, or 32 bytes as base64 | short",
        ),
    ] {
        assert_line(text, line);
        assert_eq!(assert_default_after(text).fatal.unwrap().failed_by(), "Volume setup", "{text}");
    }
}

#[test]
fn names_for_each_other_have_to_be_given() {
    for (text, line, fatal) in [
        (
            "b2c.volume=a,mirror=gw/b,pull_on=changes",
            "error: b2c.volume: there is no b2c.minio named `gw`; add b2c.minio=gw,… or mend the name | gw",
            true,
        ),
        (
            "b2c.volume=a,filesystem=fs",
            "error: b2c.volume: there is no b2c.filesystem named `fs`; add b2c.filesystem=fs,… or mend the name | fs",
            true,
        ),
        (
            "b2c.cache_device=atuo",
            "error: b2c.cache_device: there is no b2c.filesystem named `atuo`; add b2c.filesystem=atuo,… or mend the name | atuo",
            false,
        ),
    ] {
        assert_line(text, line);
        assert_eq!(parse(&[text]).is_fatal(), fatal, "{text}");
    }
    let options = assert_fine("b2c.cache_device=fs b2c.filesystem=fs,src=/dev/sda1");
    assert_eq!(options.cache.device, CacheDevice::Filesystem("fs".to_owned()));
}

#[test]
fn the_top_of_a_file_system_cannot_be_encrypted() {
    let text =
        "b2c.filesystem=fs,src=/dev/sda1 b2c.volume=v,fscrypt_key=QUJDREVGR0hJSktMTU5PUA==,filesystem=fs";
    assert_line(
        text,
        "error: b2c.volume: `v` has both filesystem and fscrypt_key; the topmost folder of a file system cannot be encrypted; name the file system by b2c.cache_device instead | v",
    );
    assert_eq!(parse(&[text]).fatal, Some(Fatal::VolumeSetup));
}

#[test]
fn mirrors_that_are_never_made_warn() {
    for (keys, line) in [
        ("mirror=gw/b", "`v` is never mirrored; say when: pull_on=pipeline_start, push_on=changes"),
        ("pull_from=gw/b", "`v` is never pulled; say when: pull_on=pipeline_start, push_on=changes"),
        ("push_to=gw/b", "`v` is never pushed; say when: pull_on=pipeline_start, push_on=changes"),
        (
            "push_to=gw/b,push_on=changes,pull_on=changes",
            "`v` has nothing to be pulled from; say where: mirror=ALIAS/BUCKET",
        ),
        ("push_on=changes", "`v` has nowhere to be pushed to; say where: mirror=ALIAS/BUCKET"),
    ] {
        let text = format!("b2c.volume=v,{keys}{GIVEN}");
        let expected = format!("warning: B2C_WARNING: b2c.volume: {line} | v,{keys}");
        assert_eq!(lines(&[&text]), [expected]);
    }
    for keys in ["mirror=gw/b,pull_on=changes", "push_to=gw/b,push_on=changes"] {
        assert_fine(&format!("b2c.volume=v,{keys}{GIVEN}"));
    }
}

#[test]
fn empty_exclude_is_ignored() {
    let options = assert_fine("b2c.volume=a,exclude=,exclude=*.tmp,exclude");
    assert_eq!(options.volume[0].exclude, ["*.tmp"]);
}
