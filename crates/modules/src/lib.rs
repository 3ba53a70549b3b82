//! Kernel modules: names, aliases and files → loaded modules, with their dependencies and parameters.
//!
//! What kmod's `modprobe` does, from the files that depmod(8) leaves in `/lib/modules/<release>` (kmod's text indexes), and
//! from the modules
//! themselves where those files are missing. Built-in modules count as loaded. Nothing here knows why a module is wanted.

mod alias;
mod error;
mod hardware;
mod image;
mod insert;
mod modinfo;
mod params;
mod plan;
mod tree;
mod uevent;

pub use error::Error;
pub use insert::load_file;
pub use plan::Step;
pub use uevent::Uevents;

use alias::{Match, Wanted, fold};
use params::Params;
use plan::Planner;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};
use tree::Tree;

/// The modules of the running kernel. May be shared between threads; the kernel sorts out who loads a module first.
#[derive(Debug)]
pub struct Modules {
    found: RwLock<Found>,
    params: Params,
    sysfs: PathBuf,
    /// Device names that were dealt with.
    seen: Mutex<HashSet<String>>,
}

/// What there is to load.
#[derive(Debug)]
struct Found {
    trees: Vec<Tree>,
    /// Why a module that is not in `trees` is not to be had.
    missing: String,
}

impl Found {
    fn open(roots: &[&Path], release: &str) -> Result<Self, Error> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in roots.iter().filter_map(|root| root.join(release).canonicalize().ok()) {
            if folder.is_dir() && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let trees: Vec<_> = folders.into_iter().map(Tree::open).collect::<Result<_, _>>()?;
        let missing = explain_missing(roots, release, !trees.is_empty());
        Ok(Self { trees, missing })
    }

    fn is_builtin(&self, name: &str) -> bool {
        self.trees.iter().any(|tree| tree.is_builtin(name))
    }
}

impl Modules {
    /// Reads the indexes of `release` (as uname(2) gives it) under each of `roots`, such as `/lib/modules`. A root that is
    /// a link to another counts once; no tree at all is fine, since everything may be built in.
    ///
    /// # Errors
    /// When an index is there but cannot be read.
    pub fn open(roots: &[&Path], release: &str) -> Result<Self, Error> {
        let found = RwLock::new(Found::open(roots, release)?);
        Ok(Self { found, params: Params::default(), sysfs: "/sys".into(), seen: Mutex::default() })
    }

    /// With these parameters for modules that are loaded from now on: `(module, "param=value")` or `(module, "param")`, as
    /// `module.param=value` words of the kernel command line have them; `modprobe.blacklist=a,b` is one of them.
    #[must_use]
    pub fn with_params(self, params: &[(String, String)]) -> Self {
        Self { params: Params::new(params), ..self }
    }

    /// Reads the indexes again, when there are more modules than there were. Devices that were dealt with get another chance.
    ///
    /// # Errors
    /// As [`Self::open`]; then nothing has changed.
    pub fn reopen(&self, roots: &[&Path], release: &str) -> Result<(), Error> {
        let found = Found::open(roots, release)?;
        // What a thread left behind that died while it held a lock is whole: both are replaced.
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = found;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Loads a module by its name, or by an alias such as `fs-overlay`, with dependencies, soft dependencies and
    /// parameters. `-` and `_` are one. Built in or loaded already is fine.
    ///
    /// # Errors
    /// When there is no such module, or the kernel refuses it or one that it needs.
    pub fn load(&self, name: &str) -> Result<(), Error> {
        if self.is_present(&fold(name)) {
            return Ok(());
        }
        let names = self.resolve(name)?;
        names.iter().try_for_each(|module| self.load_module(module).map(|_| ()))
    }

    /// Loads what modules.alias names for a device (its modalias), except what is blacklisted. A module that fails is a
    /// warning, an unknown alias is silent.
    /// Gives the number of modules that are loaded for it now.
    ///
    /// # Errors
    /// When modules.alias cannot be read.
    pub fn load_alias(&self, alias: &str) -> Result<usize, Error> {
        let names = self.find_alias(alias)?;
        Ok(names.iter().filter_map(|module| self.load_for_device(module)).count())
    }

    /// Names of the modules that modules.alias names for `alias`, without blacklisted ones.
    ///
    /// # Errors
    /// When modules.alias cannot be read.
    pub fn find_alias(&self, alias: &str) -> Result<Vec<String>, Error> {
        Ok(self.find(&Wanted::new([alias]))?.into_iter().map(|found| found.module).collect())
    }

    /// The files that [`Self::load`] would hand to the kernel for the module `name`, in order; none for a built-in one.
    ///
    /// # Errors
    /// When there is no such module, or its dependencies make no sense.
    pub fn plan(&self, name: &str) -> Result<Vec<Step>, Error> {
        let name = fold(name);
        let found = self.found();
        match found.trees.iter().find(|tree| tree.path(&name).is_some()) {
            Some(tree) => Planner::plan(tree, &name),
            None if found.is_builtin(&name) => Ok(Vec::new()),
            None => Err(Error::NotFound { name, searched: found.missing.clone() }),
        }
    }

    /// The modules that a name or an alias stands for.
    fn resolve(&self, name: &str) -> Result<Vec<String>, Error> {
        let folded = fold(name);
        let found = self.found();
        if found.is_builtin(&folded) || found.trees.iter().any(|tree| tree.path(&folded).is_some()) {
            return Ok(vec![folded]);
        }
        drop(found);
        let names = self.find_alias(name)?;
        if names.is_empty() {
            return Err(Error::NotFound { name: name.to_owned(), searched: self.found().missing.clone() });
        }
        Ok(names)
    }

    /// What matches, in the order of the devices, each module once, without blacklisted ones.
    fn find(&self, wanted: &Wanted) -> Result<Vec<Match>, Error> {
        let mut matched = Vec::new();
        for tree in &self.found().trees {
            tree.collect_matches(wanted, &mut matched)?;
        }
        matched.sort_unstable();
        let mut names = HashSet::new();
        matched
            .retain(|found| !self.params.is_blacklisted(&found.module) && names.insert(found.module.clone()));
        Ok(matched)
    }

    /// Loads one module by its own name. `false`: there was nothing to do.
    fn load_module(&self, name: &str) -> Result<bool, Error> {
        let mut loaded = false;
        for step in self.plan(name)? {
            if self.is_present(&step.name) {
                continue;
            }
            match insert::insert(&step.name, &step.path, self.params.of(&step.name)) {
                Ok(new) => loaded |= new,
                Err(error) if step.required => return Err(error),
                Err(error) => log::debug!("{error}"),
            }
        }
        Ok(loaded)
    }

    /// As [`Self::load_module`], for a device that can also do without: `None` is a failure that was told to the log.
    fn load_for_device(&self, name: &str) -> Option<bool> {
        match self.load_module(name) {
            Ok(loaded) => return Some(loaded),
            // The aliases of many drivers (`acpi_cpufreq`, `kvm_intel`) cover more machines than they drive.
            Err(Error::Refused { errno, .. }) if errno == rustix::io::Errno::NODEV.raw_os_error() => {}
            Err(error) => log::warn!("{error}"),
        }
        None
    }

    fn found(&self) -> RwLockReadGuard<'_, Found> {
        self.found.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Built in, or loaded and through with its initialisation, as far as sysfs knows: built-in modules without parameters
    /// have no folder there.
    fn is_present(&self, name: &str) -> bool {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return false;
        }
        let folder = self.sysfs.join("module").join(name);
        match fs::read_to_string(folder.join("initstate")) {
            Ok(state) => state.trim_end() == "live",
            Err(_) => folder.is_dir(),
        }
    }
}

/// The second half of [`Error::NotFound`]. The usual mistake is a kernel that was updated without its modules.
fn explain_missing(roots: &[&Path], release: &str, have_tree: bool) -> String {
    let places: Vec<_> = roots.iter().map(|root| root.join(release).display().to_string()).collect();
    let places = places.join(" or ");
    if have_tree {
        return format!("not in {places} either; add it and what it needs to the initramfs");
    }
    let mut others: Vec<_> = roots
        .iter()
        .filter_map(|root| fs::read_dir(root).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .take(8)
        .collect();
    others.sort_unstable();
    others.dedup();
    if others.is_empty() {
        format!("there is no {places}; append a cpio archive with the kernel's modules to the initramfs")
    } else {
        format!(
            "the initramfs has modules only for {}, while this kernel is {release}; use the modules that came with this kernel",
            others.join(", ")
        )
    }
}
