//! Encryption by the store with a key of ours (Amazon S3 User Guide, "SSE-C").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
const KEY: &str = "x-amz-server-side-encryption-customer-key";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";

/// The three headers that hold the key. There is no `Debug`: the second one is secret.
pub(crate) struct Sse([(&'static str, String); 3]);

impl Sse {
    pub(crate) fn new(key: &[u8; 32]) -> Sse {
        Sse([
            (ALGORITHM, "AES256".into()),
            (KEY, BASE64_STANDARD.encode(key)),
            (KEY_MD5, BASE64_STANDARD.encode(Md5::digest(key))),
        ])
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().map(|(name, value)| (*name, value.clone()))
    }
}
