//! Listings that no store should give.

use super::script::{serve, text};
use super::store::{file, noise, open};
use s3::{Error, Object};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

/// Lists a bucket of a server that gives these pages, the last of them for ever.
fn list(pages: &[String]) -> Vec<Result<Object, Error>> {
    let url = serve(pages.iter().map(|page| text(200, "", page)).collect());
    open(&url, "bkt").list("a").collect()
}

fn page(keys: &[&str], next: Option<&str>) -> String {
    let contents = keys.iter().map(|key| {
        format!("<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>")
    });
    let next = next.map(|token| {
        format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
    });
    format!(
        "<ListBucketResult>{}{}</ListBucketResult>",
        contents.collect::<String>(),
        next.unwrap_or_default()
    )
}

/// The objects that came first, and then one error.
fn assert_refused(pages: &[String], objects: usize, reason: &str) {
    let mut listed = list(pages);
    let error = listed.pop().unwrap().unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
    assert!(listed.len() == objects && listed.iter().all(Result::is_ok), "{listed:?}");
}

#[test]
fn proper_pages() {
    let listed = list(&[page(&["a1"], Some("x")), page(&[], Some("y")), page(&["a2"], None)]);
    assert_eq!(listed.into_iter().map(|it| it.unwrap().key).collect::<Vec<_>>(), ["a1", "a2"]);
}

#[test]
fn keys_that_go_backwards() {
    assert_refused(&[page(&["a2", "a1"], None)], 0, "not in order");
    assert_refused(&[page(&["a2"], Some("x")), page(&["a2"], None)], 1, "not in order");
}

#[test]
fn keys_that_were_not_asked_for() {
    assert_refused(&[page(&["b"], None)], 0, "not asked for");
}

#[test]
fn pages_without_end() {
    assert_refused(&[page(&["a1"], Some("x")), page(&[], Some("x"))], 1, "the same page");
    let pages: Vec<_> = (0..200).map(|token| page(&[], Some(&token.to_string()))).collect();
    assert_refused(&pages, 0, "empty page");
}

#[test]
fn a_page_that_is_too_long() {
    assert_refused(&[page(&["a"], None) + &" ".repeat(9 << 20)], 0, "too long");
}

/// Puts an object of two parts. The server gives these answers when they are to be put together, and to whatever comes after that.
fn complete(answers: impl IntoIterator<Item = String>) -> Result<String, Error> {
    let begun = "<InitiateMultipartUploadResult><UploadId>x</UploadId></InitiateMultipartUploadResult>";
    let part = text(200, "ETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\n", "");
    let before = [text(200, "", begun), part.clone(), part];
    let bucket = open(&serve(before.into_iter().chain(answers).collect()), "bkt");
    bucket.put("object", &file(&noise(17 << 20, 1)), &BTreeMap::new(), &AtomicU64::new(0))
}

fn completed() -> String {
    let document = "<?xml version=\"1.0\"?>   \n  <CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>";
    text(200, "", document)
}

fn late_refusal(code: &str) -> String {
    text(200, "", &format!("   <Error><Code>{code}</Code></Error>"))
}

#[test]
fn a_refusal_that_begins_as_a_success() {
    assert_eq!(complete([late_refusal("InternalError"), completed()]).unwrap(), "x-2");
    let error = complete([late_refusal("InvalidPart"), completed()]).unwrap_err();
    assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("InvalidPart"), "{error}");
}

/// The upload is over, and the answer that said so was lost.
#[test]
fn a_lost_completion_whose_upload_is_refused_afterwards() {
    let stored = |sum: &str| {
        let headers = format!("ETag: \"{sum}-2\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
        text(200, &headers, "")
    };
    let complete = |stored| complete([text(500, "", ""), late_refusal("NoSuchUpload"), stored]);
    // printf '' | md5sum, twice, as bytes | md5sum
    let ours = "5873dd45edd01f09c1ef2e7819369e8e";
    assert_eq!(complete(stored(ours)).unwrap(), format!("{ours}-2"));
    let error = complete(stored("0cc175b9c0f1b6a831c399e269772661")).unwrap_err();
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
}
