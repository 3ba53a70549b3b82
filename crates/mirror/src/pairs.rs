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

/// The objects of a listing that take part, with their keys relative to `prefix`; that they come in order is checked by the listing. The
/// prefix itself is the root's marker, and tells nothing.
pub(crate) fn objects<'a>(
    listing: impl Iterator<Item = Result<Object, s3::Error>> + 'a,
    prefix: &'a str,
    exclude: &'a Globs,
) -> impl Iterator<Item = Result<Object, Error>> + 'a {
    listing.filter_map(move |object| match object {
        Err(error) => Some(Err(error.into())),
        Ok(mut object) => {
            object.key.drain(..prefix.len().min(object.key.len()));
            let takes_part = !object.key.is_empty() && !exclude.is_match(&object.key);
            takes_part.then_some(Ok(object))
        }
    })
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

    #[test]
    fn a_file_wins_over_a_folder() {
        let mut files = Files::default();
        let keys = ["a", "a!b", "a!b/c", "a-", "a/b", "a/b/c", "ab", "b/", "b/c"];
        let blocked: Vec<_> = keys.into_iter().filter(|key| files.block(key)).collect();
        assert_eq!(blocked, ["a!b/c", "a/b", "a/b/c"]);
    }
}
