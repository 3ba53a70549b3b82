//! Objects in a bucket of an S3 store (Amazon S3 API Reference, 2006-03-01), over the one HTTP client.
//!
//! Everything here retries what may pass (5xx, 429, cut connections) with growing pauses, bounds what a server may send, and checks that
//! what arrives is what was sent. Nothing here knows what the objects are for.

use net::http::Client;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::AtomicU64;

/// Where a store is, and who asks.
#[derive(Clone)]
pub struct Endpoint {
    /// `http://HOST[:PORT]` or `https://…`, without a path of its own.
    pub url: String,
    /// The access key ID; empty for anonymous access.
    pub access_key: String,
    /// The secret access key. Never printed.
    pub secret_key: String,
    /// For temporary credentials; empty if there is none.
    pub session_token: String,
}

/// One bucket; may be used from many threads at once.
pub struct Bucket {
    _private: (),
}

/// An object, as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored: nanoseconds since 1970-01-01T00:00:00Z.
    pub modified: i128,
}

/// What is known of one object when it is asked for by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored: nanoseconds since 1970-01-01T00:00:00Z (whole seconds).
    pub modified: i128,
    /// User metadata: names in lower case, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// To be replaced.
    #[error("not yet")]
    NotYet,
    /// The local file changed, was cut short, or vanished while it was sent: it has to be looked at again.
    #[error("the file changed while it was read")]
    SourceChanged,
}

impl Bucket {
    /// Nothing is asked yet. `sse_key`: SSE-C, every object is encrypted with it by the server.
    pub fn new(
        client: &Client,
        endpoint: &Endpoint,
        name: &str,
        sse_key: Option<[u8; 32]>,
    ) -> Result<Bucket, Error> {
        let _ = (client, endpoint, name, sse_key);
        Err(Error::NotYet)
    }

    /// All objects whose keys begin with `prefix`, sorted by the bytes of their keys, fetched by pages: memory does not grow with the count.
    pub fn list(&self, prefix: &str) -> Box<dyn Iterator<Item = Result<Object, Error>> + Send + '_> {
        let _ = prefix;
        Box::new(std::iter::empty())
    }

    /// `None`: there is no such object.
    pub fn head(&self, key: &str) -> Result<Option<Head>, Error> {
        let _ = key;
        Err(Error::NotYet)
    }

    /// Stores what `file` holds (by pread: its position does not matter), whole or not at all; large files in parts, several at once.
    /// Gives the ETag. `sent` counts bytes as they go; those of attempts in vain are taken back.
    pub fn put(
        &self,
        key: &str,
        file: &File,
        metadata: &BTreeMap<String, String>,
        sent: &AtomicU64,
    ) -> Result<String, Error> {
        let _ = (key, file, metadata, sent);
        Err(Error::NotYet)
    }

    /// Writes the object into `file` (by pwrite, from 0; nothing else is in it), several ranges of a large one at once, and checks what came.
    /// `None`: there is no such object any more.
    pub fn get(&self, key: &str, file: &File, received: &AtomicU64) -> Result<Option<Head>, Error> {
        let _ = (key, file, received);
        Err(Error::NotYet)
    }

    /// Removes objects, up to 1000 with one request; those that are not there count as removed. Gives those that could not be, and why.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, String)>, Error> {
        let _ = keys;
        Err(Error::NotYet)
    }
}
