//! All that is in the folder, in the order of its keys, so that it can be compared with a listing without holding either: only the names of
//! the folders that are being read are in memory.

use crate::folder::{Folder, kind, kind_of, stat_at};
use crate::report::Report;
use crate::{key, temporary};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Statx, StatxFlags, openat, statx};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A link to one, which stands for it.
    FileBehindLink,
    /// A link that is mirrored as such.
    Link,
    /// A folder with nothing in it.
    EmptyFolder,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Relative to the mirror's root; ends in `/` for a folder.
    pub(crate) key: String,
    /// The same place on this machine.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) stat: Statx,
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) report: &'a Report,
    /// Links are links, and empty folders count.
    pub(crate) preserve: bool,
    /// The longest key below the prefix.
    pub(crate) max_key: usize,
}

impl<'a> View<'a> {
    /// What there is under one path. A folder gives none, nor does what takes no part.
    pub(crate) fn entry(&self, key: String, path: PathBuf, stat: Statx) -> Option<Entry> {
        match kind(&stat) {
            FileType::RegularFile => Some(Entry { key, path, kind: Kind::File, stat }),
            FileType::Symlink if self.preserve => Some(Entry { key, path, kind: Kind::Link, stat }),
            FileType::Symlink => match self.folder.stat_through_links(&path) {
                Some(stat) => Some(Entry { key, path, kind: Kind::FileBehindLink, stat }),
                None => {
                    self.report.links.add(path, "");
                    None
                }
            },
            FileType::Directory => None,
            _ => {
                self.report.special.add(path, "");
                None
            }
        }
    }

    /// All that is below a folder, whose key is empty or ends in `/`.
    pub(crate) fn walk(self, key: String, path: PathBuf) -> Walk<'a> {
        let mut walk = Walk { view: self, root: path.clone(), levels: Vec::new(), empty: None };
        match self.folder.open_folder(&path) {
            Ok(folder) => walk.enter(folder, key, path),
            Err(errno) => walk.fail(path, errno),
        }
        walk
    }
}

/// A folder that is being read.
#[derive(Debug)]
struct Level {
    folder: OwnedFd,
    key: String,
    path: PathBuf,
    /// Still to come: parts of keys, with a `/` behind those of folders.
    parts: std::vec::IntoIter<Box<str>>,
}

/// A list of open folders instead of recursion: the depth is the container's, the stack is ours.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    view: View<'a>,
    root: PathBuf,
    levels: Vec<Level>,
    /// It comes before all that is behind it.
    empty: Option<Entry>,
}

impl Iterator for Walk<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(folder) = self.empty.take() {
                return Some(folder);
            }
            let level = self.levels.last_mut()?;
            let Some(part) = level.parts.next() else {
                self.levels.pop();
                continue;
            };
            // Parts come from names.
            let Ok(name) = key::to_path(&part) else { continue };
            let (key, path) = (format!("{}{part}", level.key), level.path.join(&name));
            match stat_at(level.folder.as_fd(), &name) {
                Ok(stat) => {
                    if let Some(entry) = self.look(&name, key, path, stat) {
                        return Some(entry);
                    }
                }
                Err(Errno::NOENT) => {}
                Err(errno) => self.fail(path, errno),
            }
        }
    }
}

impl Walk<'_> {
    fn look(&mut self, name: &Path, key: String, path: PathBuf, stat: Statx) -> Option<Entry> {
        let is_folder = kind(&stat) == FileType::Directory;
        if is_folder != key.ends_with('/') {
            self.changed(path);
            return None;
        }
        if key.len() > self.view.max_key {
            self.view.report.refused.add(path, "its key would have more than 1024 bytes");
            return None;
        }
        if !is_folder {
            return self.view.entry(key, path, stat);
        }
        if self.levels.len() >= key::MAX_DEPTH {
            self.view.report.refused.add(path, "too many folders");
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.levels.last()?.folder, name, flags, Mode::empty()) {
            Ok(folder) => self.enter(folder, key, path),
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => self.changed(path),
            Err(errno) => self.fail(path, errno),
        }
        None
    }

    fn enter(&mut self, folder: OwnedFd, key: String, path: PathBuf) {
        let parts = match read(&folder) {
            Ok(parts) => parts,
            Err(errno) => return self.fail(path, errno),
        };
        if parts.is_empty() && self.view.preserve && !key.is_empty() {
            match statx(&folder, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS) {
                Ok(stat) => self.empty = Some(Entry { key, path, kind: Kind::EmptyFolder, stat }),
                Err(errno) => self.fail(path, errno),
            }
        } else {
            self.levels.push(Level { folder, key, path, parts: parts.into_iter() });
        }
    }

    /// A file became a folder, or the other way round, after its place in the order was chosen.
    fn changed(&self, path: PathBuf) {
        self.view.report.incomplete();
        self.view.report.again(path);
        // What lacks is only known when all was seen.
        self.view.report.again(self.root.clone());
    }

    fn fail(&self, path: PathBuf, errno: Errno) {
        self.view.report.incomplete();
        self.view.report.fail(path, errno);
    }
}

/// The names in a folder, as parts of keys, sorted. What was left behind by a power cut is removed.
fn read(folder: &OwnedFd) -> Result<Vec<Box<str>>, Errno> {
    let mut parts = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if temporary::is_one(name.to_bytes()) {
            temporary::clean(folder.as_fd(), name);
            continue;
        }
        let slash = if kind_of(folder.as_fd(), &entry) == Ok(FileType::Directory) { "/" } else { "" };
        parts.push((key::of_name(name.to_bytes()) + slash).into_boxed_str());
    }
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn keys(root: &Path, preserve: bool) -> (Vec<String>, Report) {
        let folder = Folder::new(fs::File::open(root).unwrap().into());
        let report = Report::default();
        let view = View { folder: &folder, report: &report, preserve, max_key: key::MAX_KEY };
        let keys = view.walk(String::new(), PathBuf::new()).map(|entry| entry.key).collect();
        (keys, report)
    }

    #[test]
    fn links_lead_nowhere_outside() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "").unwrap();
        fs::create_dir_all(root.path().join("folder/empty")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let link = |target: &Path, name| symlink(target, root.path().join(name)).unwrap();
        link(outside.path(), "folder/out");
        link(&outside.path().join("secret"), "secret");
        link(&Path::new("../..").join(outside.path().join("secret").strip_prefix("/").unwrap()), "up");
        link(Path::new("../file"), "folder/inside");
        link(Path::new("folder"), "loop");
        link(Path::new("missing"), "dangling");
        link(Path::new("/proc/self/fd/0"), "magic");
        assert_eq!(keys(root.path(), false).0, ["file", "folder/inside"]);
        let all = [
            "dangling",
            "file",
            "folder/empty/",
            "folder/inside",
            "folder/out",
            "loop",
            "magic",
            "secret",
            "up",
        ];
        assert_eq!(keys(root.path(), true).0, all);
    }

    #[test]
    fn what_was_left_behind_is_removed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("folder")).unwrap();
        let left = root.path().join("folder/.b2c-mirror-0123456789abcdef-0");
        fs::write(&left, "half").unwrap();
        assert_eq!(keys(root.path(), false).0, [""; 0]);
        assert!(!left.exists());
    }

    #[test]
    fn deep_folders_are_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("d/".repeat(400))).unwrap();
        fs::write(root.path().join("d/".repeat(key::MAX_DEPTH - 1) + "f"), "").unwrap();
        fs::write(root.path().join("d/".repeat(key::MAX_DEPTH) + "f"), "").unwrap();
        let (keys, _) = keys(root.path(), true);
        assert_eq!(keys, ["d/".repeat(key::MAX_DEPTH - 1) + "f"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn keys_come_in_the_order_of_their_bytes(paths in proptest::collection::vec("[a!/\u{EF80}\u{1F600}-]{1,8}", 1..20)) {
            let root = tempfile::tempdir().unwrap();
            for path in paths {
                let path = root.path().join(path.trim_matches('/'));
                let _ = fs::create_dir_all(path.parent().unwrap());
                let _ = fs::write(path, "");
            }
            let (keys, _) = keys(root.path(), true);
            prop_assert!(keys.is_sorted(), "{keys:?}");
        }
    }
}
