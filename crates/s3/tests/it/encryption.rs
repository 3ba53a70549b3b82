//! Encryption by the store with a key of ours.

use super::script::{serve, text};
use super::store::{LIMITS, client, content, endpoint, file, garage, get, noise, open, put};
use s3::Bucket;
use std::sync::atomic::AtomicU64;

#[test]
fn only_the_right_key_opens_an_object() {
    garage().create_bucket("encrypted");
    let bucket = |key| {
        let endpoint = endpoint(&garage().endpoint());
        Bucket::new(&client(), &endpoint, "encrypted", key).unwrap().with_limits(LIMITS)
    };
    let (right, wrong, none) = (bucket(Some([1; 32])), bucket(Some([2; 32])), bucket(None));
    for size in [0, 10, 17 << 20] {
        let expected = noise(size, 3);
        put(&right, "object", &expected);
        let came = file(b"");
        let head = right.get("object", &came, &AtomicU64::new(0)).unwrap().unwrap();
        assert!(content(&came) == expected, "{size}");
        assert_eq!(right.head("object").unwrap(), Some(head));
        for bucket in [&wrong, &none] {
            let error = bucket.get("object", &file(b""), &AtomicU64::new(0)).unwrap_err().to_string();
            assert!(error.contains("encrypted/object"), "{error}");
            assert!(bucket.head("object").is_err());
        }
    }
}

/// Its ETag has 32 hexadecimal digits, but is no MD5.
#[test]
fn an_object_that_the_store_encrypts_with_kms_is_no_broken_one() {
    let get_with = |encryption: &str| {
        let headers = format!(
            "ETag: \"0123456789abcdef0123456789abcdef\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             x-amz-server-side-encryption: {encryption}\r\n"
        );
        open(&serve(vec![text(200, &headers, "content")]), "bkt")
    };
    for kind in ["aws:kms", "aws:kms:dsse"] {
        assert_eq!(get(&get_with(kind), "object").unwrap().1, b"content");
    }
    let error = get_with("AES256").get("object", &file(b""), &AtomicU64::new(0)).unwrap_err();
    assert!(error.to_string().contains("MD5"), "{error}");
}
