//! What is put is got, listed, looked at and deleted.

use super::store::{bucket, file, get, noise, put};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

#[test]
fn sizes_around_the_limits() {
    let bucket = bucket("sizes");
    const MIB: usize = 1 << 20;
    for size in [0, 1, 128 << 10, (128 << 10) + 1, MIB, 16 * MIB - 1, 16 * MIB, 16 * MIB + 1, 100 * MIB] {
        let content = noise(size, size as u64);
        let etag = put(&bucket, "object", &content);
        let (head, came) = get(&bucket, "object").unwrap();
        assert!(came == content, "{size}");
        assert_eq!(head.etag, etag, "{size}");
        assert_eq!(bucket.head("object").unwrap(), Some(head), "{size}");
    }
}

#[test]
fn names_of_all_kinds() {
    let bucket = bucket("names");
    let long = "long/".repeat(200) + "x";
    let mut names = [
        "a",
        "a b",
        "a+b",
        "a%20b",
        "a&b=c?d#e",
        "a/b/c",
        "ünï/日本",
        "a;b,c:d@e!f$g'h(i)j*k[l]",
        "~.-_",
        "a//b",
        "\"<>&'",
        "a\\b",
        "ends/",
        ".hidden",
        "tab\there",
        &long,
    ];
    for name in names {
        put(&bucket, name, name.as_bytes());
    }
    names.sort_unstable();
    let listed: Vec<_> = bucket.list("").map(|object| object.unwrap()).collect();
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), names);
    for object in &listed {
        assert_eq!(object.size, object.key.len() as u64);
        let (head, content) = get(&bucket, &object.key).unwrap();
        assert_eq!(content, object.key.as_bytes());
        assert_eq!(head.etag, object.etag);
        assert!((object.modified - head.modified).abs() < 1_000_000_000);
    }
    let names: Vec<String> = names.map(str::to_owned).into();
    assert_eq!(bucket.delete(&names).unwrap(), []);
    assert_eq!(bucket.list("").count(), 0);
}

#[test]
fn metadata_comes_back() {
    let bucket = bucket("metadata");
    let metadata: BTreeMap<String, String> = [
        ("mc-attrs", "atime:1700000000#123/gid:0/gname:root/mode:33188/mtime:1700000000#5/uid:0/uname:root"),
        ("other", "two  blanks, and = & signs"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let sent = AtomicU64::new(0);
    for content in [noise(10, 1), noise(17 << 20, 2)] {
        bucket.put("object", &file(&content), &metadata, &sent).unwrap();
        assert_eq!(bucket.head("object").unwrap().unwrap().metadata, metadata);
        assert_eq!(get(&bucket, "object").unwrap().0.metadata, metadata);
    }
}

#[test]
fn nothing_there() {
    let bucket = bucket("nothing");
    assert_eq!(bucket.head("object").unwrap(), None);
    assert_eq!(get(&bucket, "object"), None);
    assert_eq!(bucket.list("").count(), 0);
    assert_eq!(bucket.delete(&[]).unwrap(), []);
    assert_eq!(bucket.delete(&["object".into()]).unwrap(), []);
    assert_eq!(bucket.delete(&["object".into(), "other".into()]).unwrap(), []);
}
