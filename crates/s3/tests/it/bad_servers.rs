//! Listings that no store should give.

use super::script::{serve, text};
use super::store::open;
use s3::{Error, Object};

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
