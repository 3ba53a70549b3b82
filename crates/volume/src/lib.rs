//! Named volumes and their life.
//!
//! A volume is a folder, `ROOT/NAME/_data`, as in podman's store. [`Volumes`] makes, encrypts, lists and removes them; [`copy_up`] gives
//! a new one the content that the image has at its destination; [`give`] makes it a user's.

mod copy;
mod copy_up;
mod encrypt;
mod error;
mod expiration;
mod fscrypt;
mod life;
mod metadata;
mod note;
mod owner;
mod unpushed;

pub use copy_up::copy_up;
pub use encrypt::Key;
pub use error::Error;
pub use expiration::{Expiration, now};
pub use life::Over;
pub use owner::give;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// Where a volume's content is, below its own folder; what is beside it is about the volume.
const DATA: &str = "_data";
/// Begins the names of folders that are being removed. No volume's name begins so.
const REMOVING: &str = ".removing.";
/// What is mounted, as this thread sees it.
const MOUNTS: &str = "/proc/thread-self/mountinfo";
/// The longest file name.
const MAX_NAME: usize = 255;

/// The volumes below one folder, such as `/storage/volumes`.
#[derive(Debug)]
pub struct Volumes {
    root: PathBuf,
    /// Those that must not go, although that could perhaps not be written down.
    kept: Mutex<BTreeSet<String>>,
}

impl Volumes {
    /// Makes `root` if it is not there, and ends removals that a power cut interrupted.
    ///
    /// # Errors
    /// When `root` cannot be made or read.
    pub fn open(root: &Path) -> Result<Self, Error> {
        make_folders(root, 0o711)?;
        let volumes = Self { root: root.to_owned(), kept: Mutex::default() };
        for name in volumes.entries()?.iter().filter(|name| name.starts_with(REMOVING)) {
            let path = root.join(name);
            fs::remove_dir_all(&path).map_err(Error::io("remove", path))?;
        }
        Ok(volumes)
    }

    /// The data folder of the volume, which is made if it is not there, and then never expires. It belongs to root, with mode 0755, until
    /// [`copy_up`] or a container says otherwise.
    ///
    /// # Errors
    /// When `name` is no volume name, or the folder cannot be made, or it is encrypted and so for those who have its key.
    pub fn ensure(&self, name: &str) -> Result<PathBuf, Error> {
        let data = self.make(name)?;
        if encrypt::is_encrypted(&data)? {
            return Err(Error::Locked { name: name.to_owned() });
        }
        Ok(data)
    }

    fn make(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder(name)?;
        make_folders(&folder, 0o755)?;
        let data = folder.join(DATA);
        make_folders(&data, 0o755)?;
        Ok(data)
    }

    /// Removes the volume with all it holds. `false`: there was none. After a power cut it is either still whole or gone.
    ///
    /// # Errors
    /// When `name` is no volume name, or something in the volume cannot be removed, such as a mount point.
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        let folder = self.folder(name)?;
        refuse_mounts(&folder)?;
        let removing = self.aside(name);
        // What an earlier attempt left that failed half-way.
        remove_all(&removing)?;
        match fs::rename(&folder, &removing) {
            Ok(()) => remove_all(&removing).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", folder)(error)),
        }
    }

    /// The names of all volumes, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = self.entries()?;
        names.retain(|name| is_valid_name(name) && self.root.join(name).join(DATA).is_dir());
        names.sort_unstable();
        Ok(names)
    }

    fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        if is_valid_name(name) {
            Ok(self.root.join(name))
        } else {
            Err(Error::Name { name: name.to_owned(), limit: MAX_NAME })
        }
    }

    /// Names in the root that are text; others are not ours.
    fn entries(&self) -> Result<Vec<String>, Error> {
        fs::read_dir(&self.root)
            .and_then(|entries| {
                entries
                    .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
                    .collect()
            })
            .map_err(Error::io("read", &self.root))
    }
}

/// podman's grammar, `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
fn is_valid_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Makes a folder and those above it. A link in its place is refused: a container that sees the cache could point it anywhere.
fn make_folders(path: &Path, mode: u32) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.and_then(|()| fs::symlink_metadata(path))
        .and_then(|meta| if meta.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) })
        .map_err(Error::io("make the folder", path))
}

/// Removing a folder would go on in what is mounted below it.
fn refuse_mounts(folder: &Path) -> Result<(), Error> {
    let table = fs::read(MOUNTS).map_err(Error::io("read", MOUNTS))?;
    // The fifth field (proc_pid_mountinfo(5)); volumes' names hold nothing that would be escaped there.
    let targets =
        table.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b' ').nth(4));
    for target in targets.map(|target| Path::new(OsStr::from_bytes(target))) {
        if target.starts_with(folder) {
            return Err(Error::Mounted { path: target.to_owned() });
        }
    }
    Ok(())
}

fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
