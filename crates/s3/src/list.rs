//! Listings, page by page (ListObjectsV2).

use crate::answers::{self, Page};
use crate::error::{Error, Fault};
use crate::exchange::Call;
use crate::{Bucket, Object};
use net::http::Method;
use net::patience::Cancel;
use std::vec;

/// Pages without objects in a row. Amazon may give some; a server that gives no other is not asked for ever.
const MAX_EMPTY_PAGES: u32 = 100;

/// All objects below a prefix; a page is fetched when the one before is used up.
pub(crate) struct Objects<'a> {
    bucket: &'a Bucket,
    prefix: String,
    page: vec::IntoIter<Object>,
    next: Next,
    last_key: Option<String>,
}

enum Next {
    First,
    Token(String),
    /// All is told, or it failed.
    Over,
}

impl<'a> Objects<'a> {
    pub(crate) fn new(bucket: &'a Bucket, prefix: &str) -> Objects<'a> {
        let page = Vec::new().into_iter();
        Objects { bucket, prefix: prefix.to_owned(), page, next: Next::First, last_key: None }
    }

    /// The next page with something in it, or the end.
    fn turn(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_EMPTY_PAGES {
            let token = match std::mem::replace(&mut self.next, Next::Over) {
                Next::First => None,
                Next::Token(token) => Some(token),
                Next::Over => return Ok(()),
            };
            let page = self.fetch(token.as_deref())?;
            self.check(&page, token.as_deref())?;
            self.next = page.next.map_or(Next::Over, Next::Token);
            if !page.objects.is_empty() {
                self.page = page.objects.into_iter();
                return Ok(());
            }
        }
        Err(self.broken("it gives one empty page after another").error)
    }

    fn fetch(&self, token: Option<&str>) -> Result<Page, Error> {
        let mut call = Call::new(Method::Get, None)
            .query("list-type", "2")
            .query("max-keys", "1000")
            .query("encoding-type", "url")
            .query("prefix", self.prefix.as_str());
        if let Some(token) = token {
            call = call.query("continuation-token", token);
        }
        self.bucket.patiently(&Cancel::default(), |_| {
            let document = self.bucket.try_document(&call, &mut ())?;
            answers::list(&document.bytes).map_err(|reason| self.broken(reason))
        })
    }

    /// Each key comes after the one before, and begins with the prefix: who merges two listings relies on it.
    fn check(&mut self, page: &Page, token: Option<&str>) -> Result<(), Error> {
        for object in &page.objects {
            if self.last_key.as_ref().is_some_and(|last| object.key.as_bytes() <= last.as_bytes()) {
                return Err(self.broken("its keys are not in order").error);
            }
            if !object.key.starts_with(&self.prefix) {
                return Err(self.broken("it has a key that was not asked for").error);
            }
            self.last_key = Some(object.key.clone());
        }
        if token.is_some() && page.next.as_deref() == token {
            return Err(self.broken("it gives the same page again").error);
        }
        Ok(())
    }

    fn broken(&self, reason: &str) -> Fault {
        self.bucket.protocol(None, format!("the listing cannot be right: {reason}"))
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<Object, Error>;

    fn next(&mut self) -> Option<Result<Object, Error>> {
        if let Some(object) = self.page.next() {
            return Some(Ok(object));
        }
        match self.turn() {
            Ok(()) => self.page.next().map(Ok),
            Err(error) => {
                self.next = Next::Over;
                Some(Err(error))
            }
        }
    }
}
