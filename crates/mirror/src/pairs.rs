//! Both sides, side by side: two streams in the order of their keys become one.

use crate::walk::Entry;
use crate::{Error, glob::Globs};
use s3::Object;
use std::cmp::Ordering;
use std::iter::Peekable;

/// What there is for one key, relative to the mirror's root, on one side or on both.
#[derive(Debug)]
pub(crate) enum Pair {
    Local(Entry),
    Object(Object),
    Both(Entry, Object),
}

/// Joins them; both have to be sorted. Ends behind the first error.
pub(crate) struct Pairs<L: Iterator<Item = Entry>, O: Iterator<Item = Result<Object, Error>>> {
    local: Peekable<L>,
    objects: Peekable<O>,
}

impl<L: Iterator<Item = Entry>, O: Iterator<Item = Result<Object, Error>>> Pairs<L, O> {
    pub(crate) fn new(local: L, objects: O) -> Self {
        Pairs { local: local.peekable(), objects: objects.peekable() }
    }
}

impl<L: Iterator<Item = Entry>, O: Iterator<Item = Result<Object, Error>>> Iterator for Pairs<L, O> {
    type Item = Result<Pair, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.local.peek(), self.objects.peek()) {
            (None, None) => return None,
            (Some(local), Some(Ok(object))) => local.key.as_bytes().cmp(object.key.as_bytes()),
            (Some(_), None) => Ordering::Less,
            (_, Some(_)) => Ordering::Greater,
        };
        match order {
            Ordering::Less => self.local.next().map(|local| Ok(Pair::Local(local))),
            Ordering::Greater => self.objects.next().map(|object| object.map(Pair::Object)),
            Ordering::Equal => {
                let (local, object) = (self.local.next()?, self.objects.next()?);
                Some(object.map(|object| Pair::Both(local, object)))
            }
        }
    }
}

/// The objects of a listing that take part, with their keys relative to `prefix`. That they come in order is checked, for what lacks is
/// deleted.
pub(crate) fn objects<'a>(
    listing: impl Iterator<Item = Result<Object, s3::Error>> + 'a,
    prefix: &'a str,
    exclude: &'a Globs,
) -> impl Iterator<Item = Result<Object, Error>> + 'a {
    let mut previous = String::new();
    let in_order = move |object: Result<Object, s3::Error>| {
        let mut object = object?;
        // The prefix itself is the root's marker.
        if object.key == prefix {
            object.key.clear();
            return Ok(object);
        }
        match object.key.strip_prefix(prefix) {
            Some(key) if key.as_bytes() > previous.as_bytes() => {
                key.clone_into(&mut previous);
                object.key.clone_from(&previous);
                Ok(object)
            }
            _ => Err(Error::Unsorted { key: object.key, previous: format!("{prefix}{previous}") }),
        }
    };
    let takes_part = |object: &Object| !object.key.is_empty() && !exclude.is_match(&object.key);
    listing.map(in_order).filter(move |object| object.as_ref().map_or(true, takes_part))
}

/// In a bucket, there can be an object `a` and an object `a/b`; in a folder, `a` is either a file or a folder. Which comes first in the
/// order of keys, the file, wins.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<String>);

impl Files {
    /// Whether one of the keys so far has to be a folder for this one. Only those are held that begin this one: all keys between `a` and
    /// `a/b` begin with `a`.
    pub(crate) fn block(&mut self, key: &str) -> bool {
        while self.0.last().is_some_and(|file| !key.starts_with(file.as_str())) {
            self.0.pop();
        }
        let is_below =
            |file: &String| key.strip_prefix(file.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if self.0.iter().any(is_below) {
            return true;
        }
        if !key.ends_with('/') {
            self.0.push(key.to_owned());
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> Object {
        Object { key: key.to_owned(), size: 0, etag: String::new(), modified: 0 }
    }

    #[test]
    fn a_list_out_of_order_is_an_error() {
        let globs = Globs::new(&["*.tmp"]);
        let list = |keys: &[&str]| -> Vec<_> {
            let listing: Vec<_> = keys.iter().map(|key| Ok(object(key))).collect();
            objects(listing.into_iter(), "p/", &globs).map(|object| object.map(|object| object.key)).collect()
        };
        let keys: Vec<_> = list(&["p/", "p/a", "p/b.tmp", "p/b/c"]).into_iter().map(Result::unwrap).collect();
        assert_eq!(keys, ["a", "b/c"]);
        for wrong in [["p/b", "p/a"], ["p/a", "p/a"], ["p/a", "q/b"]] {
            assert!(list(&wrong).iter().any(Result::is_err), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_wins_over_a_folder() {
        let mut files = Files::default();
        let keys = ["a", "a!b", "a!b/c", "a-", "a/b", "a/b/c", "ab", "b/", "b/c"];
        let blocked: Vec<_> = keys.into_iter().filter(|key| files.block(key)).collect();
        assert_eq!(blocked, ["a!b/c", "a/b", "a/b/c"]);
    }
}
