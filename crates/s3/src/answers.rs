//! The documents that S3 answers with (Amazon S3 API Reference, 2006-03-01).

use crate::Object;
use crate::encode::decode;
use crate::{time, xml};

/// The largest of them, a page of 1000 keys of 1024 bytes that are all encoded, has some three megabytes.
pub(crate) const MAX_DOCUMENT: u64 = 8 << 20;
/// Longer than what any server gives.
const MAX_TOKEN: usize = 16 << 10;
/// Of a server's words in a message of ours.
const MAX_SHOWN: usize = 200;

/// A page of a listing.
#[derive(Debug, Default)]
pub struct Page {
    /// As they came, but decoded.
    pub objects: Vec<Object>,
    /// What to ask the next page with.
    pub next: Option<String>,
}

/// `<Error>`: why a request was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// For example `NoSuchKey`; printable.
    pub code: String,
    /// In words; printable.
    pub message: String,
    /// The region that the bucket is in.
    pub region: String,
}

/// Part of `<DeleteResult>`: an object that could not be deleted.
#[derive(Debug, Default)]
pub struct NotDeleted {
    /// Its key.
    pub key: String,
    /// For example `AccessDenied`; printable.
    pub code: String,
    /// In words; printable.
    pub message: String,
}

/// `<ListBucketResult>` of ListObjectsV2.
pub fn list(document: &[u8]) -> Result<Page, &'static str> {
    let mut page = Page::default();
    let mut object = Draft::default();
    let (mut truncated, mut encoded) = (false, false);
    xml::read(document, |names, text| {
        match names {
            ["ListBucketResult", "Contents", field] => object.set(field, text)?,
            ["ListBucketResult", "Contents"] => page.objects.push(std::mem::take(&mut object).finish()?),
            ["ListBucketResult", "IsTruncated"] => truncated = text.trim() == "true",
            ["ListBucketResult", "EncodingType"] => encoded = text.trim() == "url",
            ["ListBucketResult", "NextContinuationToken"] if text.len() > MAX_TOKEN => {
                return Err("its continuation token is too long");
            }
            ["ListBucketResult", "NextContinuationToken"] => page.next = Some(text.to_owned()),
            ["ListBucketResult", ..] => {}
            _ => return Err("it is no ListBucketResult"),
        }
        Ok(())
    })?;
    if encoded {
        for object in &mut page.objects {
            object.key = decode(&object.key).ok_or("a key is not encoded properly")?;
        }
    }
    match (truncated, &page.next) {
        (true, None) => Err("it goes on, but does not say where"),
        (true, Some(_)) => Ok(page),
        (false, _) => Ok(Page { next: None, ..page }),
    }
}

/// An object while its fields come in.
#[derive(Default)]
struct Draft {
    key: Option<String>,
    size: Option<u64>,
    etag: String,
    modified: Option<i128>,
}

impl Draft {
    fn set(&mut self, field: &str, text: &str) -> Result<(), &'static str> {
        match field {
            "Key" => self.key = Some(text.to_owned()),
            "Size" => self.size = Some(text.trim().parse().map_err(|_| "a size is no number")?),
            "ETag" => self.etag = etag(text),
            "LastModified" => {
                self.modified = Some(time::parse_iso(text.trim()).ok_or("a time is no time")?);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Object, &'static str> {
        Ok(Object {
            key: self.key.ok_or("an object has no key")?,
            size: self.size.ok_or("an object has no size")?,
            etag: self.etag,
            modified: self.modified.ok_or("an object has no time")?,
        })
    }
}

/// `<Error>`; `None` if it is another document.
pub fn refusal(document: &[u8]) -> Option<Refusal> {
    let mut refusal = Refusal::default();
    xml::read(document, |names, text| {
        match names {
            ["Error", "Code"] => refusal.code = printable(text),
            ["Error", "Message"] => refusal.message = printable(text),
            ["Error", "Region"] => refusal.region = shown(text),
            ["Error", ..] => {}
            _ => return Err("it is no Error"),
        }
        Ok(())
    })
    .ok()?;
    Some(refusal)
}

/// `<DeleteResult>` of a quiet DeleteObjects.
pub fn not_deleted(document: &[u8]) -> Result<Vec<NotDeleted>, &'static str> {
    let mut found = Vec::new();
    let mut one = NotDeleted::default();
    xml::read(document, |names, text| {
        match names {
            ["DeleteResult", "Error", "Key"] => one.key = text.to_owned(),
            ["DeleteResult", "Error", "Code"] => one.code = printable(text),
            ["DeleteResult", "Error", "Message"] => one.message = printable(text),
            ["DeleteResult", "Error"] => found.push(std::mem::take(&mut one)),
            ["DeleteResult", ..] => {}
            _ => return Err("it is no DeleteResult"),
        }
        Ok(())
    })?;
    Ok(found)
}

/// `<InitiateMultipartUploadResult>`: the upload's ID.
pub fn upload_id(document: &[u8]) -> Result<String, &'static str> {
    let mut id = String::new();
    xml::read(document, |names, text| {
        match names {
            ["InitiateMultipartUploadResult", "UploadId"] => id = text.to_owned(),
            ["InitiateMultipartUploadResult", ..] => {}
            _ => return Err("it is no InitiateMultipartUploadResult"),
        }
        Ok(())
    })?;
    match id.len() {
        0 => Err("it has no UploadId"),
        1..=MAX_TOKEN => Ok(id),
        _ => Err("its UploadId is too long"),
    }
}

/// `<CompleteMultipartUploadResult>`: the object's ETag.
pub fn completed(document: &[u8]) -> Result<String, &'static str> {
    let mut found = String::new();
    xml::read(document, |names, text| {
        match names {
            ["CompleteMultipartUploadResult", "ETag"] => found = etag(text),
            ["CompleteMultipartUploadResult", ..] => {}
            _ => return Err("it is no CompleteMultipartUploadResult"),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Without its quotes.
pub(crate) fn etag(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

/// As it may stand in a line for people.
pub(crate) fn shown(text: &str) -> String {
    printable(text).chars().take(MAX_SHOWN).collect()
}

/// In full, so that what is to be hidden in it can be found.
fn printable(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(inner: &str) -> Result<Page, &'static str> {
        list(format!("<ListBucketResult xmlns='x'>{inner}</ListBucketResult>").as_bytes())
    }

    fn contents(key: &str, size: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>\
             <ETag>&quot;abc&quot;</ETag><Size>{size}</Size><Owner><ID>x</ID></Owner></Contents>"
        )
    }

    #[test]
    fn a_page_is_read() {
        let text = contents("a+b%2Bc", "5")
            + "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><EncodingType>url</EncodingType>";
        let page = page(&text).unwrap();
        let modified = 1_255_369_830_000_000_000;
        let object = Object { key: "a b+c".into(), size: 5, etag: "abc".into(), modified };
        assert_eq!((page.objects, page.next.as_deref()), (vec![object], Some("t")));
    }

    #[test]
    fn bad_pages_are_refused() {
        for bad in [
            contents("a", "-1"),
            contents("a", "99999999999999999999"),
            contents("%zz", "1") + "<EncodingType>url</EncodingType>",
            "<Contents><Key>a</Key></Contents>".into(),
            "<IsTruncated>true</IsTruncated>".into(),
        ] {
            assert!(page(&bad).is_err(), "{bad}");
        }
        assert!(list(b"<html></html>").is_err());
    }

    #[test]
    fn refusals_are_printable() {
        let found =
            refusal(b"<Error><Code>A\x1b[31m</Code><Message>no\r\nway</Message><Region>r</Region></Error>")
                .unwrap();
        assert_eq!((&*found.code, &*found.message, &*found.region), ("A[31m", "noway", "r"));
        assert_eq!(refusal(b"<html/>"), None);
    }
}
