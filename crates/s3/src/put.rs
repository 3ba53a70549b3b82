//! One file becomes one object: with one request, or in parts (multipart upload).

use crate::error::{Error, Fault};
use crate::exchange::Call;
use crate::payload::{Count, Meter, Metered, Payload, Version, explain_send};
use crate::{Bucket, answers, encode, parallel};
use md5::{Digest as _, Md5};
use net::http::{InTime, Method};
use net::patience::{Again, Cancel};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The largest object that goes with one request, and the size of a part. As minio's client has it.
pub(crate) const PART: u64 = 16 << 20;
/// An object has no more parts than that ("Amazon S3 multipart upload limits").
const MAX_PARTS: u64 = 10_000;
const MIB: u64 = 1 << 20;
/// How long a store may take to put parts together. Amazon's: "several minutes" ("CompleteMultipartUpload").
const LONGEST_COMPLETION: Duration = Duration::from_secs(15 * 60);

/// The size of all parts but the last one.
pub(crate) fn part_size(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS).next_multiple_of(MIB).max(PART)
}

/// A file on its way.
pub(crate) struct Upload<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    file: &'a File,
    metadata: &'a BTreeMap<String, String>,
    sent: &'a AtomicU64,
    /// What is counted there of stretches that have arrived.
    stored: AtomicU64,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(
        bucket: &'a Bucket,
        key: &'a str,
        file: &'a File,
        metadata: &'a BTreeMap<String, String>,
        sent: &'a AtomicU64,
    ) -> Upload<'a> {
        Upload { bucket, key, file, metadata, sent, stored: AtomicU64::new(0) }
    }

    pub(crate) fn run(&self) -> Result<String, Error> {
        let result = self.whole();
        if result.is_err() {
            self.sent.fetch_sub(self.stored.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        result
    }

    fn whole(&self) -> Result<String, Error> {
        let version = self.version()?;
        if version.size > PART {
            return self.parts(&version);
        }
        let cancel = Cancel::default();
        let etag = self.send(self.create(Method::Put), 0, version.size, &cancel)?;
        self.check_unchanged(&version)?;
        Ok(etag)
    }

    fn version(&self) -> Result<Version, Error> {
        Version::of(self.file).map_err(|source| Error::File { key: self.key.to_owned(), source })
    }

    fn check_unchanged(&self, before: &Version) -> Result<(), Error> {
        if self.version()? == *before { Ok(()) } else { Err(Error::SourceChanged) }
    }

    /// A request that begins an object.
    fn create(&self, method: Method) -> Call<'a> {
        let mut call = Call::new(method, Some(self.key)).with_sse();
        for (name, value) in self.metadata {
            call = call.header(format!("x-amz-meta-{name}"), value.as_str());
        }
        call
    }

    /// Stores a stretch of the file, and gives its ETag.
    fn send(&self, call: Call<'a>, offset: u64, length: u64, cancel: &Cancel) -> Result<String, Error> {
        let payload = Payload::stretch(self.file, offset, length, cancel);
        let call = call.payload(payload.map_err(|failure| failure.explain(self.key))?);
        let mut count = Count::new(self.sent);
        let etag = self.bucket.patiently(cancel, |patience| {
            let sent = self.bucket.try_document(&call, &mut count.attempt(patience));
            sent.map(|document| document.response_etag).map_err(|fault| {
                count.take_back();
                explain_send(fault, self.key, cancel)
            })
        })?;
        self.stored.fetch_add(count.counted(), Ordering::Relaxed);
        Ok(etag)
    }

    fn parts(&self, version: &Version) -> Result<String, Error> {
        let begin = self.create(Method::Post).query("uploads", "");
        let document = self.bucket.document(&begin)?;
        let id = answers::upload_id(&document.bytes)
            .map_err(|reason| self.bucket.protocol(Some(self.key), reason).error)?;
        let result = self.send_parts(version.size, &id).and_then(|etags| {
            self.check_unchanged(version)?;
            self.complete(&etags, &id)
        });
        if result.is_err() {
            self.abort(&id);
        }
        result
    }

    /// Gives the parts' ETags.
    fn send_parts(&self, size: u64, id: &str) -> Result<Vec<String>, Error> {
        let part_size = part_size(size);
        let count = size.div_ceil(part_size);
        let cancel = Cancel::default();
        let etags = Mutex::new(BTreeMap::new());
        parallel::each(count, &cancel, |number| {
            let offset = number * part_size;
            let call = Call::new(Method::Put, Some(self.key))
                .with_sse()
                .query("partNumber", (number + 1).to_string())
                .query("uploadId", id);
            let etag = self.send(call, offset, part_size.min(size - offset), &cancel)?;
            etags.lock().unwrap_or_else(PoisonError::into_inner).insert(number, etag);
            Ok(())
        })?;
        Ok(etags.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
    }

    fn complete(&self, etags: &[String], id: &str) -> Result<String, Error> {
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for (etag, number) in etags.iter().zip(1..) {
            let etag = crate::xml::escape(etag).unwrap_or_default();
            body += &format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
        }
        body += "</CompleteMultipartUpload>";
        let call = Call::new(Method::Post, Some(self.key))
            .query("uploadId", id)
            .header("content-type", "application/xml")
            .payload(Payload::bytes(body.into_bytes()));
        let (blanks, mut lost) = (AtomicU64::new(0), false);
        let mut count = Count::new(&blanks);
        let result = self.bucket.patiently(&Cancel::default(), |patience| {
            match self.try_complete(&call, &mut count.attempt(patience)) {
                // An answer was lost before: it may have been the one that said that all is done.
                Err(fault) if lost && fault.again == Again::Never => {
                    self.completed_before(etags)?.ok_or(fault)
                }
                result => {
                    lost |= result.is_err();
                    result
                }
            }
        });
        match result {
            Err(error @ Error::GaveUp { .. }) => self.completed_before(etags).ok().flatten().ok_or(error),
            result => result,
        }
    }

    /// While a store puts parts together, its answer is blanks, for minutes: it works as long as there are more of them.
    fn try_complete(&self, call: &Call<'_>, meter: &mut dyn Meter) -> Result<String, Fault> {
        let response = self.bucket.attempt(call, &mut ())?;
        meter.start();
        let body = Metered { reader: response.into_reader(), meter };
        let document = self.bucket.read_document(call, InTime::within(LONGEST_COMPLETION, body))?;
        answers::completed(&document).map_err(|reason| self.bucket.protocol(Some(self.key), reason))
    }

    /// The ETag of the object, if it is the one that these parts make.
    fn completed_before(&self, etags: &[String]) -> Result<Option<String>, Fault> {
        let stored = self.bucket.try_head(self.key)?.map(|head| head.etag);
        Ok(combined(etags).filter(|etag| stored.as_ref() == Some(etag)))
    }

    /// Parts that nobody will ever put together cost room.
    fn abort(&self, id: &str) {
        let call = Call::new(Method::Delete, Some(self.key)).query("uploadId", id);
        if let Err(fault) = self.bucket.try_document(&call, &mut ()) {
            log::debug!("parts of an upload are left over: {}", fault.error);
        }
    }
}

/// The ETag of an object in parts: the MD5 of the parts' MD5s, and their number. Every server does it like Amazon's.
pub(crate) fn combined(etags: &[String]) -> Option<String> {
    let mut md5 = Md5::new();
    for etag in etags {
        md5.update(encode::unhex(etag).filter(|bytes| bytes.len() == 16)?);
    }
    Some(format!("{}-{}", encode::hex(&md5.finalize()), etags.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_suffice() {
        const GIB: u64 = 1 << 30;
        for (size, expected) in
            [(PART + 1, PART), (100 * GIB, PART), (160 * GIB, 17 * MIB), (5 << 40, 525 * MIB)]
        {
            assert_eq!(part_size(size), expected, "{size}");
            assert!(size.div_ceil(expected) <= MAX_PARTS);
        }
    }

    #[test]
    fn parts_have_one_etag_together() {
        let etags =
            ["d41d8cd98f00b204e9800998ecf8427e".to_owned(), "0cc175b9c0f1b6a831c399e269772661".to_owned()];
        // printf '' | md5sum; printf a | md5sum; both as bytes | md5sum
        assert_eq!(combined(&etags).as_deref(), Some("68083ea43d0307eecfa2b4749f19df15-2"));
        assert_eq!(combined(&["x".into()]), None);
    }
}
