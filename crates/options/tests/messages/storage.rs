//! The cache drive, and names of options for each other.

use crate::support::{assert_fine, assert_line, lines};
use options::{Budget, Cache, CacheDevice, Fatal, parse};

#[test]
fn what_follows_the_cache_device() {
    let cache = |text: &str| assert_fine(text).cache;
    let plain = Cache { device: CacheDevice::Auto, ..Cache::default() };
    assert_eq!(cache("b2c.cache_device=auto"), plain);
    assert_eq!(cache("b2c.cache_device=auto,"), plain);
    assert_eq!(
        cache("b2c.cache_device=/dev/sda,fstrim,budget=80%,required"),
        Cache {
            device: CacheDevice::Device("/dev/sda".into()),
            required: true,
            budget: Some(Budget::Percent(80)),
            fstrim: true
        }
    );
    assert_eq!(cache("b2c.cache_device=reset,budget=20G").budget, Some(Budget::Bytes(20 << 30)));
    assert_line(
        "b2c.cache_device=auto,requierd",
        "warning: b2c.cache_device: `requierd` is not known and ignored; the closest known word is required | requierd",
    );
    assert_line(
        "b2c.cache_device=none,required",
        "warning: b2c.cache_device: `required` has no meaning without a cache; name a device instead of none | required",
    );
    assert!(!parse(&["b2c.cache_device=none,required"]).options.cache.required);
}

/// Whoever cannot do without a cache must not be given memory because of a misspelling.
#[test]
fn a_required_cache_that_is_not_understood_is_fatal() {
    for value in ["/dev/../x,required", "a/b,required", "atuo,required", "auto,budget=1x,required"] {
        assert_eq!(parse(&[&format!("b2c.cache_device={value}")]).fatal, Some(Fatal::Cache), "{value}");
    }
    for value in ["auto,required", "/dev/../x", "none,required"] {
        assert_eq!(parse(&[&format!("b2c.cache_device={value}")]).fatal, None, "{value}");
    }
}

/// Fuzzing found a newline in a help text.
#[test]
fn names_that_are_missing_forge_no_lines() {
    let parsed = parse(&["\"b2c.volume=a,mirror=g\nw/b\" \"b2c.cache_device=/dev/a\x1b[2J\""]);
    let lines: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.ends_with(r"add b2c.minio=g\nw,… or mend the name")), "{lines:?}");
    let device = r"b2c.cache_device: `/dev/a\u{1b}[2J` is not a device; write its path, such as /dev/sda1";
    assert!(lines.iter().any(|line| line == device), "{lines:?}");
}

#[test]
fn names_may_come_with_the_extra_arguments() {
    let first = "b2c.extra_args_url=http://h b2c.volume=a,mirror=gw/b,pull_on=changes";
    assert_fine(first);
    assert_eq!(lines(&[first, "b2c.minio=gw,http://h,a,b"]), [""; 0]);
    assert_eq!(lines(&[first, ""]).len(), 1);
}
