//! One module tree, `/lib/modules/<release>`, as depmod(8) left it, or without depmod's files as the modules themselves tell.

use crate::{
    Error, alias,
    alias::{Match, Wanted},
    image,
    insert::name_of,
    modinfo,
};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufReader, Read},
    ops::Range,
    path::{Path, PathBuf},
};

/// Larger than any kernel's index by a factor of ten.
const MAX_INDEX: u64 = 16 << 20;
/// How many files are looked at where modules.dep is missing; a distribution's kernel has some 4,000 modules.
const MAX_FILES: usize = 20_000;
/// How many modules are unpacked to read their aliases where modules.alias is missing.
const MAX_SCANNED: usize = 512;

/// The modules of one kernel release under one root.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: PathBuf,
    /// modules.dep. Where there is none, the same with lines without `:`, whose dependencies are read when they are needed.
    text: String,
    /// Module → its line in `text`.
    lines: HashMap<String, Range<usize>>,
    soft: HashMap<String, SoftDependencies>,
    builtin: HashSet<String>,
}

/// What has to be loaded with a module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependencies {
    /// Needed.
    pub(crate) hard: Vec<String>,
    /// Wanted before or after it, if they can be had.
    pub(crate) soft: SoftDependencies,
}

/// `softdep` lines (modprobe.d(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SoftDependencies {
    pub(crate) pre: Vec<String>,
    pub(crate) post: Vec<String>,
}

impl Tree {
    /// Reads the indexes of `folder`, which must be there. Each of them may be missing.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, Error> {
        let text = match read_index(&folder.join("modules.dep"))? {
            Some(text) => text,
            None => list_modules(&folder)?,
        };
        let lines = index_lines(&text);
        let soft = read_index(&folder.join("modules.softdep"))?.unwrap_or_default();
        let builtin = read_index(&folder.join("modules.builtin"))?.unwrap_or_default();
        Ok(Self {
            folder,
            lines,
            text,
            soft: parse_softdep(&soft),
            builtin: builtin.lines().map(|line| name_of(Path::new(line))).collect(),
        })
    }

    pub(crate) fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(name)
    }

    /// The module's file, if this tree has it.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let line = self.text.get(self.lines.get(name)?.clone())?;
        let (file, _) = line.split_once(':').unwrap_or((line, ""));
        Some(self.folder.join(file))
    }

    /// What has to be loaded with a module of this tree.
    pub(crate) fn dependencies(&self, name: &str) -> Result<Dependencies, Error> {
        let line = self.lines.get(name).and_then(|range| self.text.get(range.clone())).unwrap_or_default();
        let Some((_, dependencies)) = line.split_once(':') else {
            return read_dependencies(&self.folder.join(line));
        };
        // depmod puts what has to come first last.
        let hard = dependencies.split_ascii_whitespace().rev().map(|file| name_of(Path::new(file))).collect();
        Ok(Dependencies { hard, soft: self.soft.get(name).cloned().unwrap_or_default() })
    }

    /// The modules that names stand for: `crc32c` may be an alias of several. Unknown ones stand for none.
    pub(crate) fn resolve(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let is_known = |name: &String| self.lines.contains_key(name) || self.builtin.contains(name);
        let (mut modules, aliases): (Vec<_>, Vec<_>) = names.iter().cloned().partition(is_known);
        if !aliases.is_empty() {
            let mut matched = Vec::new();
            self.collect_matches(&Wanted::new(aliases), &mut matched)?;
            modules.extend(matched.into_iter().map(|found| found.module));
        }
        Ok(modules)
    }

    /// Collects the modules whose aliases match.
    pub(crate) fn collect_matches(&self, wanted: &Wanted, matched: &mut Vec<Match>) -> Result<(), Error> {
        let path = self.folder.join("modules.alias");
        match File::open(&path) {
            Ok(file) => wanted
                .collect(&mut BufReader::with_capacity(64 << 10, file), matched)
                .map_err(Error::read(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.collect_from_modules(wanted, matched)
            }
            Err(error) => Err(Error::read(path)(error)),
        }
    }

    /// Without modules.alias every module has to be unpacked: bearable for a handful, and only said to be impossible for a
    /// whole distribution.
    fn collect_from_modules(&self, wanted: &Wanted, matched: &mut Vec<Match>) -> Result<(), Error> {
        if self.lines.is_empty() {
            return Ok(());
        }
        if self.lines.len() > MAX_SCANNED {
            log::warn!(
                "{} has no modules.alias and more than {MAX_SCANNED} modules: none is loaded for the hardware; run depmod before packing it, or name modules in modules_load=",
                self.folder.display()
            );
            return Ok(());
        }
        let mut names: Vec<_> = self.lines.keys().collect();
        names.sort_unstable();
        for name in names {
            let Some(path) = self.path(name) else { continue };
            let lines: String = modinfo::values(&read_image(&path)?, "alias")
                .map(|pattern| format!("alias {pattern} {name}\n"))
                .collect();
            wanted.collect(&mut lines.as_bytes(), matched).map_err(Error::read(path))?;
        }
        Ok(())
    }
}

/// A whole index file; `None` where there is none.
fn read_index(path: &Path) -> Result<Option<String>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::read(path)(error)),
    };
    let mut text = String::new();
    let read = file.take(MAX_INDEX + 1).read_to_string(&mut text).map_err(Error::read(path))?;
    if read as u64 > MAX_INDEX {
        let too_large = io::Error::other(format!("it is larger than {} MiB", MAX_INDEX >> 20));
        return Err(Error::read(path)(too_large));
    }
    Ok(Some(text))
}

fn index_lines(text: &str) -> HashMap<String, Range<usize>> {
    let mut start = 0;
    let mut lines = HashMap::new();
    for line in text.split('\n') {
        let (file, _) = line.split_once(':').unwrap_or((line, ""));
        if !file.is_empty() {
            lines.insert(name_of(Path::new(file)), start..start + line.len());
        }
        start += line.len() + 1;
    }
    lines
}

/// `softdep NAME pre: A B post: C`.
fn parse_softdep(text: &str) -> HashMap<String, SoftDependencies> {
    let mut soft: HashMap<String, SoftDependencies> = HashMap::new();
    for rest in text.lines().filter_map(|line| line.strip_prefix("softdep ")) {
        let rest = rest.trim_start();
        let (name, list) = rest.split_once(' ').unwrap_or((rest, ""));
        soft.entry(alias::fold(name)).or_default().add(list);
    }
    soft
}

impl SoftDependencies {
    /// `pre: A B post: C`.
    fn add(&mut self, list: &str) {
        let mut target = None;
        for word in list.split_ascii_whitespace() {
            match (word, &mut target) {
                ("pre:", _) => target = Some(false),
                ("post:", _) => target = Some(true),
                (name, Some(false)) => self.pre.push(alias::fold(name)),
                (name, Some(true)) => self.post.push(alias::fold(name)),
                (_, None) => {}
            }
        }
    }
}

fn read_image(path: &Path) -> Result<Vec<u8>, Error> {
    File::open(path).and_then(|mut file| image::read(&mut file)).map_err(Error::read(path))
}

/// `depends=` and `softdep=` of a module's own file.
fn read_dependencies(path: &Path) -> Result<Dependencies, Error> {
    let image = read_image(path)?;
    let mut found = Dependencies::default();
    for list in modinfo::values(&image, "depends") {
        found.hard.extend(list.split(',').filter(|name| !name.is_empty()).map(alias::fold));
    }
    for list in modinfo::values(&image, "softdep") {
        found.soft.add(list);
    }
    Ok(found)
}

/// Paths of all module files, one a line, relative to `folder`: what modules.dep would begin its lines with.
fn list_modules(folder: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let mut files = 0;
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let path = folder.join(&below);
        for entry in fs::read_dir(&path).map_err(Error::read(&path))? {
            let entry = entry.map_err(Error::read(&path))?;
            files += 1;
            if files > MAX_FILES {
                log::warn!(
                    "{} has no modules.dep and too many files to look at: run depmod before packing it",
                    folder.display()
                );
                return Ok(text);
            }
            let relative = below.join(entry.file_name());
            // Links to folders (`build`, `source`) lead out of the tree.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(relative);
            } else if let Some(file) = relative.to_str().filter(|file| is_module_file(file)) {
                text.push_str(file);
                text.push('\n');
            }
        }
    }
    if !text.is_empty() {
        log::warn!(
            "{} has no modules.dep: the modules themselves are read to find out what they need, which is slow; run depmod before packing them",
            folder.display()
        );
    }
    Ok(text)
}

fn is_module_file(file: &str) -> bool {
    let plain = file.strip_suffix(".xz").or(file.strip_suffix(".gz")).or(file.strip_suffix(".zst"));
    // A line of modules.dep has no room for these.
    plain.unwrap_or(file).ends_with(".ko") && !file.contains([':', '\n'])
}
