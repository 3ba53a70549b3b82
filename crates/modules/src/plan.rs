//! In which order a module and what it depends on are loaded.

use crate::{Error, tree::Tree};
use std::{collections::HashSet, path::PathBuf};

/// Real chains are less than ten deep.
const MAX_DEPTH: usize = 64;

/// One module file to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The module, `-` folded to `_`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// `false` for soft dependencies: the module that was asked for does without them.
    pub required: bool,
}

/// Walks the dependencies of one module, what has to come first first.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    tree: &'a Tree,
    seen: HashSet<String>,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    /// The steps for `name`, which `tree` has.
    pub(crate) fn plan(tree: &'a Tree, name: &str) -> Result<Vec<Step>, Error> {
        let mut planner = Self { tree, seen: HashSet::new(), steps: Vec::new() };
        planner.visit(name, true, 0)?;
        Ok(planner.steps)
    }

    /// The order is kmod's: hard dependencies, soft ones, the module, what it wants afterwards. Divergence from kmod: all
    /// `softdep` lines of a module count, not
    /// only the first.
    fn visit(&mut self, name: &str, required: bool, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { name: name.to_owned(), limit: MAX_DEPTH });
        }
        if !self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        // Built in, or missing: then the kernel says which symbol it misses.
        let Some(path) = self.tree.path(name) else { return Ok(()) };
        let dependencies = self.tree.dependencies(name)?;
        for hard in &dependencies.hard {
            self.visit(hard, required, depth + 1)?;
        }
        self.visit_soft(&dependencies.soft.pre, depth)?;
        self.steps.push(Step { name: name.to_owned(), path, required });
        self.visit_soft(&dependencies.soft.post, depth)
    }

    fn visit_soft(&mut self, names: &[String], depth: usize) -> Result<(), Error> {
        for name in self.tree.resolve(names)? {
            self.visit(&name, false, depth + 1)?;
        }
        Ok(())
    }
}
