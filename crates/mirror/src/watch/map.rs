//! Which watch is for which folder.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A tree: the parent of each folder but the root is in it, and all lead to the root.
#[derive(Debug, Default)]
pub(super) struct Map {
    root: Option<i32>,
    /// Parent and name.
    places: HashMap<i32, (i32, OsString)>,
    /// The same, the other way round.
    watches: BTreeMap<(i32, OsString), i32>,
}

impl Map {
    pub(super) fn insert_root(&mut self, watch: i32) {
        self.root = Some(watch);
    }

    /// `watch` is not in it, and nothing is at that name. `false`: the parent is not in it.
    pub(super) fn insert(&mut self, watch: i32, parent: i32, name: &OsStr) -> bool {
        if !self.is_root(parent) && !self.has(parent) {
            return false;
        }
        self.places.insert(watch, (parent, name.to_owned()));
        self.watches.insert((parent, name.to_owned()), watch);
        true
    }

    /// Takes it out with all below, and gives them all.
    pub(super) fn remove(&mut self, watch: i32) -> Vec<i32> {
        if let Some(place) = self.places.remove(&watch) {
            self.watches.remove(&place);
        }
        let mut removed = vec![watch];
        let mut done = 0;
        while let Some(&parent) = removed.get(done) {
            let below = (parent, OsString::new())..(parent.saturating_add(1), OsString::new());
            let children: Vec<_> =
                self.watches.range(below).map(|(place, child)| (place.clone(), *child)).collect();
            for (place, child) in children {
                self.watches.remove(&place);
                self.places.remove(&child);
                removed.push(child);
            }
            done += 1;
        }
        removed
    }

    pub(super) fn at(&self, parent: i32, name: &OsStr) -> Option<i32> {
        self.watches.get(&(parent, name.to_owned())).copied()
    }

    /// The root is not meant.
    pub(super) fn has(&self, watch: i32) -> bool {
        self.places.contains_key(&watch)
    }

    pub(super) fn is_root(&self, watch: i32) -> bool {
        self.root == Some(watch)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Relative to the root.
    pub(super) fn path(&self, watch: i32) -> Option<PathBuf> {
        let mut names = Vec::new();
        let mut at = watch;
        while !self.is_root(at) {
            let (parent, name) = self.places.get(&at)?;
            names.push(name);
            at = *parent;
        }
        Some(names.into_iter().rev().collect())
    }
}
