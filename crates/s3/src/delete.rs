//! Removes objects, many with one request (DeleteObjects) where the store can do that.

use crate::answers::{self, NotDeleted};
use crate::error::Error;
use crate::exchange::Call;
use crate::payload::Payload;
use crate::{Bucket, xml};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};
use net::http::Method;

/// Keys in one request ("DeleteObjects").
const MOST: usize = 1000;

/// Keys that are still there, and why.
pub(crate) type Left = Vec<(String, String)>;

pub(crate) fn delete(bucket: &Bucket, keys: &[String]) -> Result<Left, Error> {
    let mut left = Vec::new();
    for keys in keys.chunks(MOST) {
        match keys {
            [key] => left.extend(delete_one(bucket, key)?),
            keys => delete_many(bucket, keys, &mut left)?,
        }
    }
    Ok(left)
}

fn delete_many(bucket: &Bucket, keys: &[String], left: &mut Left) -> Result<(), Error> {
    let (mut body, mut alone) = (String::from("<Delete><Quiet>true</Quiet>"), Vec::new());
    for key in keys {
        match xml::escape(key) {
            Some(key) => body += &format!("<Object><Key>{key}</Key></Object>"),
            None => alone.push(key),
        }
    }
    body += "</Delete>";
    let call = Call::new(Method::Post, None)
        .query("delete", "")
        .header("content-type", "application/xml")
        .header("content-md5", BASE64_STANDARD.encode(Md5::digest(&body)))
        .payload(Payload::bytes(body.into_bytes()));
    if alone.len() < keys.len() {
        match bucket.document(&call) {
            Ok(document) => {
                let found = answers::not_deleted(&document.bytes)
                    .map_err(|reason| bucket.protocol(None, reason).error)?;
                left.extend(
                    found.into_iter().filter(|it| it.code != "NoSuchKey").map(|it| explain(bucket, it)),
                );
            }
            // It can delete, but not many at once.
            Err(e) if e.refusal().is_some_and(|it| matches!(it.status, 405 | 501)) => {
                alone = keys.iter().collect();
            }
            Err(error) => return Err(error),
        }
    }
    for key in alone {
        left.extend(delete_one(bucket, key)?);
    }
    Ok(())
}

fn explain(bucket: &Bucket, it: NotDeleted) -> (String, String) {
    let (code, message) = (bucket.words(&it.code), bucket.words(&it.message));
    (it.key, if message.is_empty() { code } else { format!("{code} ({message})") })
}

/// A refusal of this one object is a result; one of all objects is a failure.
fn delete_one(bucket: &Bucket, key: &str) -> Result<Option<(String, String)>, Error> {
    match bucket.document(&Call::new(Method::Delete, Some(key))) {
        Err(Error::Refused(it)) if it.status == 403 && it.code == "AccessDenied" => {
            let left = NotDeleted { key: key.to_owned(), code: it.code, message: it.message };
            Ok(Some(explain(bucket, left)))
        }
        Err(error) if !error.is_no_object() => Err(error),
        _ => Ok(None),
    }
}
