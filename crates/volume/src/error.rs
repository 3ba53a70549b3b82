//! What can go wrong, in words that say what to do.

use std::{io, path::PathBuf};

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a name podman would take either.
    #[error(
        "volume name {name:?}: it must begin with a letter or digit, go on with letters, digits, '_', '.' and '-', and be at most {limit} long; choose another"
    )]
    Name {
        /// As it was asked for.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// It would be wiped.
    #[error(
        "it holds what has still to be pushed to {destinations}, and would have to be wiped to be encrypted; boot once without fscrypt_key to push it"
    )]
    Unpushed {
        /// Where to.
        destinations: String,
    },
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image that nobody made by accident.
    #[error(
        "cannot copy {} of the image into the volume: folders are nested more than {limit} deep; mount the volume elsewhere, or fill it first",
        path.display()
    )]
    TooDeep {
        /// Below the volume's destination.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// It was torn, or somebody else wrote it.
    #[error("{} is not understood; the volume never expires; remove the file, or the volume", path.display())]
    Note {
        /// The note about a volume's expiration.
        path: PathBuf,
    },
    /// Removing would go on in what is mounted.
    #[error("{} is in use: something is mounted there; unmount it first", path.display())]
    Mounted {
        /// Below the volume's own folder, or that folder.
        path: PathBuf,
    },
    /// Its key is not known.
    #[error(
        "the volume {name} is encrypted, and its key is not given; write b2c.volume={name},fscrypt_key=BASE64"
    )]
    Locked {
        /// The volume.
        name: String,
    },
    /// A key, but another.
    #[error(
        "fscrypt_key is wrong: the volume is encrypted with another key; give that one, or fscrypt_reset_key to wipe the volume"
    )]
    WrongKey,
    /// AES-256 wants 32 bytes; kernels before 5.16 want 64.
    #[error(
        "fscrypt_key is too short for this kernel: it has {length} bytes; give 64 (or 32, since Linux 5.16)"
    )]
    ShortKey {
        /// In bytes.
        length: usize,
    },
    /// tmpfs, xfs, a share; or a kernel without.
    #[error(
        "fscrypt_key: what the volume is on cannot encrypt; that takes a kernel with CONFIG_FS_ENCRYPTION, and a cache drive with ext4 or f2fs and its feature `encrypt` (tune2fs -O encrypt DEVICE)"
    )]
    NoEncryption,
    /// `ENOPKG`.
    #[error(
        "fscrypt_key: this kernel has no AES-256-XTS or AES-256-CTS; append its modules xts and cts to the initramfs"
    )]
    NoCipher,
    /// Kernels refuse to encrypt a file system's topmost folder.
    #[error(
        "fscrypt_key: the topmost folder of a file system cannot be encrypted; leave out filesystem=, and name the file system by b2c.cache_device"
    )]
    EncryptMountPoint,
}

impl Error {
    /// Wraps a failure with what was tried on which path.
    pub(crate) fn io<E: Into<io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: source.into() }
    }
}
