//! What the tests of changing folders share: what is in one, and somebody who changes it.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod churn;
pub mod cuts;
pub mod volume;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is in a folder, by paths relative to it.
pub type Tree = BTreeMap<PathBuf, Item>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Takes what is at `path` below `root`, and all below it, into `tree`, in place of what was there.
pub fn look(root: &Path, path: &Path, tree: &mut Tree) {
    tree.retain(|known, _| !known.starts_with(path));
    add(root, path, tree);
}

pub fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    add(root, Path::new(""), &mut tree);
    tree
}

/// What vanishes meanwhile is not there.
fn add(root: &Path, path: &Path, tree: &mut Tree) {
    let full = root.join(path);
    let Ok(metadata) = full.symlink_metadata() else { return };
    if metadata.is_symlink() {
        let Ok(target) = fs::read_link(full) else { return };
        tree.insert(path.to_owned(), Item::Link(target));
    } else if metadata.is_file() {
        let Ok(content) = fs::read(full) else { return };
        tree.insert(path.to_owned(), Item::File(content));
    } else {
        if path != Path::new("") {
            tree.insert(path.to_owned(), Item::Folder);
        }
        let Ok(entries) = fs::read_dir(full) else { return };
        for entry in entries.flatten() {
            add(root, &path.join(entry.file_name()), tree);
        }
    }
}

/// Fails with what differs, not with two whole trees.
pub fn assert_same(left: &Tree, right: &Tree, what: &str) {
    let differs = |(path, item): &(&PathBuf, &Item), other: &Tree| other.get(*path) != Some(item);
    let only = |one: &Tree, other: &Tree| -> Vec<PathBuf> {
        one.iter().filter(|entry| differs(entry, other)).map(|(path, _)| path.clone()).collect()
    };
    let (left, right) = (only(left, right), only(right, left));
    assert!(left.is_empty() && right.is_empty(), "{what}: {left:?} is not {right:?}");
}
