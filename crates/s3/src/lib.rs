//! Objects in a bucket of an S3 store (Amazon S3 API Reference, 2006-03-01), over the one HTTP client.
//!
//! Everything here retries what may pass (5xx, 429, cut connections) with growing pauses, bounds what a server may send, and checks that
//! what arrives is what was sent. Nothing here knows what the objects are for.

mod address;
pub mod answers;
mod delete;
mod encode;
mod error;
mod exchange;
mod get;
mod list;
mod parallel;
mod payload;
mod put;
mod sign;
mod sse;
mod time;
mod write_out;
mod xml;

use net::http::Client;
use net::patience::{Cancel, Limits};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

pub use error::Error;

/// What Amazon's own first region is called, which other servers take for theirs if they have none.
const DEFAULT_REGION: &str = "us-east-1";

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
    client: Client,
    address: address::Address,
    keys: Endpoint,
    sse: Option<sse::Sse>,
    limits: Limits,
    /// As far as it is known.
    region: Mutex<String>,
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

impl Bucket {
    /// Nothing is asked yet. `sse_key`: SSE-C, every object is encrypted with it by the server.
    pub fn new(
        client: &Client,
        endpoint: &Endpoint,
        name: &str,
        sse_key: Option<[u8; 32]>,
    ) -> Result<Bucket, Error> {
        let address = address::Address::new(&endpoint.url, name)?;
        if sse_key.is_some() && !address.is_encrypted() {
            log::warn!(
                "{}: the encryption key goes over the network in the clear; use https",
                address.host()
            );
        }
        let region = address.region().unwrap_or(DEFAULT_REGION).to_owned();
        Ok(Bucket {
            client: client.clone(),
            address,
            keys: endpoint.clone(),
            sse: sse_key.as_ref().map(sse::Sse::new),
            limits: Limits::default(),
            region: Mutex::new(region),
        })
    }

    /// Gives up sooner or later than after the default limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Bucket {
        Bucket { limits, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.address.bucket()
    }

    /// All objects whose keys begin with `prefix`, sorted by the bytes of their keys, fetched by pages: memory does not grow with the count.
    /// After an error there is nothing more.
    pub fn list(&self, prefix: &str) -> Box<dyn Iterator<Item = Result<Object, Error>> + Send + '_> {
        Box::new(list::Objects::new(self, prefix))
    }

    /// `None`: there is no such object (or no such bucket: the answer does not tell).
    pub fn head(&self, key: &str) -> Result<Option<Head>, Error> {
        self.patiently(&Cancel::default(), |_| self.try_head(key))
    }

    /// Stores what `file` holds (by pread: its position does not matter), whole or not at all; large files in parts, several at once.
    /// Gives the ETag. `sent` counts bytes as they go; those of attempts in vain are taken back, and all of them after an error.
    ///
    /// [`Error::SourceChanged`] after a small file: what was stored may be a mixture of the old and the new.
    pub fn put(
        &self,
        key: &str,
        file: &File,
        metadata: &BTreeMap<String, String>,
        sent: &AtomicU64,
    ) -> Result<String, Error> {
        put::Upload::new(self, key, file, metadata, sent).run()
    }

    /// Writes the object into `file` (by pwrite, from 0; nothing else is in it), several ranges of a large one at once, and checks what came.
    /// `None`: there is no such object any more. `file` has to be open for reading, too.
    pub fn get(&self, key: &str, file: &File, received: &AtomicU64) -> Result<Option<Head>, Error> {
        get::Download { bucket: self, key, file, received }.run()
    }

    /// Removes objects, up to 1000 with one request; those that are not there count as removed. Gives those that could not be, and why.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, String)>, Error> {
        delete::delete(self, keys)
    }
}
