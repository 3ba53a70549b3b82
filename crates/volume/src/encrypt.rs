//! Encrypted volumes: which are, with which key, and how others become so.

use crate::{Error, REMOVING, Volumes, copy_up, fscrypt};
use fscrypt::{Identifier, Policy};
use rustix::{
    fs::{
        AtFlags, CWD, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags, openat, renameat_with, statx,
    },
    io::Errno,
};
use std::{
    fs,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A key that the volumes' file system has. Dropping it takes the key away: what it encrypts is unreadable then, names included.
#[derive(Debug)]
pub struct Key {
    file_system: OwnedFd,
    identifier: Identifier,
}

impl Volumes {
    /// Makes sure that the volume is encrypted with `key`, and can be used. One that holds unencrypted data is wiped; one that has another
    /// key too, if `reset` says so.
    ///
    /// # Errors
    /// When the key is the wrong one, or the kernel, the file system or the key is not up to it, or what would be wiped is nowhere else. Nothing is wiped then.
    pub fn encrypt(&self, name: &str, key: &[u8], reset: bool) -> Result<Key, Error> {
        let path = self.make(name)?;
        let folder = openat(CWD, &path, FOLDER, Mode::empty()).map_err(Error::io("open", &path))?;
        if attributes(&path)?.contains(StatxAttributes::MOUNT_ROOT) {
            return Err(Error::EncryptMountPoint);
        }
        let failed = |errno| refusal(errno, &path, key.len());
        let identifier = fscrypt::add_key(folder.as_fd(), key).map_err(failed)?;
        let root = openat(CWD, &self.root, FOLDER, Mode::empty()).map_err(Error::io("open", &self.root))?;
        let added = Key { file_system: root, identifier };
        let policy = fscrypt::policy(folder.as_fd()).map_err(failed)?;
        match policy {
            Policy::Key(identifier) if identifier == added.identifier => {
                try_out(&folder).map_err(failed)?;
                return Ok(added);
            }
            Policy::None if copy_up::is_empty(&folder).map_err(Error::io("read", &path))? => {}
            _ if self.is_kept(name) => {
                return Err(Error::Unpushed { destinations: self.unpushed(name)?.join(" and ") });
            }
            Policy::None => log::warn!("The volume {name} is not encrypted yet: wiping what it holds"),
            _ if reset => log::warn!("The volume {name} is encrypted with another key: wiping what it holds"),
            _ => return Err(Error::WrongKey),
        }
        drop(folder);
        self.replace(name, &path, |fresh| {
            fscrypt::set_policy(fresh.as_fd(), &added.identifier)?;
            try_out(fresh)
        })
        .map_err(|failure| match failure {
            Failure::Kernel(errno) => refusal(errno, &path, key.len()),
            Failure::Ours(error) => error,
        })?;
        Ok(added)
    }

    /// Puts a new folder, empty but prepared, in place of a volume's content, all at once, and removes what was there.
    fn replace(
        &self,
        name: &str,
        path: &Path,
        prepare: impl FnOnce(&OwnedFd) -> Result<(), Errno>,
    ) -> Result<(), Failure> {
        // A power cut leaves either the new one or the old one under a name of what is being removed.
        let aside = self.aside(name);
        crate::remove_all(&aside)?;
        fs::DirBuilder::new().mode(0o755).create(&aside).map_err(Error::io("make the folder", &aside))?;
        let fresh = openat(CWD, &aside, FOLDER, Mode::empty()).map_err(Error::io("open", &aside))?;
        let prepared = prepare(&fresh);
        drop(fresh);
        if prepared.is_ok() {
            renameat_with(CWD, &aside, CWD, path, RenameFlags::EXCHANGE).map_err(Error::io("wipe", path))?;
        }
        crate::remove_all(&aside)?;
        prepared.map_err(Failure::Kernel)
    }

    /// Where something of that volume is put to be removed. Volumes' names are ASCII; which of two long ones it is does not matter.
    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.root.join(format!("{REMOVING}{}", &name[..name.len().min(200)]))
    }
}

/// What went wrong when a folder was replaced.
enum Failure {
    /// It could not be prepared.
    Kernel(Errno),
    Ours(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// Makes a file that has no name: the kernel looks for its ciphers, and at the key's length, only when it needs them.
fn try_out(folder: &OwnedFd) -> Result<(), Errno> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(folder, ".", flags, Mode::RUSR | Mode::WUSR).map(drop)
}

/// Whether what is in a folder takes a key to be read.
pub(crate) fn is_encrypted(folder: &Path) -> Result<bool, Error> {
    Ok(attributes(folder)?.contains(StatxAttributes::ENCRYPTED))
}

/// Whether it takes a key that the kernel has not.
pub(crate) fn is_locked(path: &Path) -> Result<bool, Error> {
    if !is_encrypted(path)? {
        return Ok(false);
    }
    let folder = openat(CWD, path, FOLDER, Mode::empty()).map_err(Error::io("open", path))?;
    Ok(try_out(&folder) == Err(Errno::NOKEY))
}

fn attributes(path: &Path) -> Result<StatxAttributes, Error> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let about = statx(CWD, path, flags, StatxFlags::BASIC_STATS).map_err(Error::io("read", path))?;
    Ok(about.stx_attributes)
}

/// The kernel's answer in words.
fn refusal(errno: Errno, path: &Path, length: usize) -> Error {
    match errno {
        Errno::NOTTY | Errno::OPNOTSUPP => Error::NoEncryption,
        Errno::NOPKG => Error::NoCipher,
        Errno::NOKEY => Error::ShortKey { length },
        errno => Error::io("encrypt", path)(errno),
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        match fscrypt::remove_key(self.file_system.as_fd(), &self.identifier) {
            Ok(true) => {}
            Ok(false) => log::warn!(
                "Something in an encrypted volume is still open, and stays readable until it is unmounted"
            ),
            Err(errno) => {
                log::warn!("The key of an encrypted volume cannot be taken from the kernel: {errno}");
            }
        }
    }
}
