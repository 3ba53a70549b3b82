//! What can go wrong, in words that say what to do.

use crate::human;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there is no cache, or why something could not be done with a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system said no.
    #[error("could not {action}: {source}")]
    Io {
        /// What was tried, on what.
        action: String,
        /// Why.
        source: io::Error,
    },
    /// It did not appear in time.
    #[error(
        "there is no {}, also after {seconds} s; this machine has {there}: name one of these, or load the driver of what is missing (modules_load=)",
        device.display()
    )]
    NotThere {
        /// What was waited for.
        device: PathBuf,
        /// How long.
        seconds: u64,
        /// What is there instead.
        there: String,
    },
    /// No disk may be wiped.
    #[error("there is no partition labelled {label}, also after {seconds} s, and no disk that may be wiped for one: {refused}", label = crate::cache::LABEL)]
    NoDisk {
        /// How long a labelled partition was waited for.
        seconds: u64,
        /// Each disk, and why it is left alone.
        refused: String,
    },
    /// A file system on it is mounted, or something else holds it.
    #[error(
        "{} is in use: it, or a partition of it, is mounted, swapped to, or part of a volume group or RAID; choose another",
        device.display()
    )]
    InUse {
        /// The device.
        device: PathBuf,
    },
    /// Nothing can be written to it.
    #[error("{} can only be read; choose another, or take off its write protection", device.display())]
    ReadOnly {
        /// The device.
        device: PathBuf,
    },
    /// It is too small to hold a cache.
    #[error("{} is too small: it has {}, a cache needs {}", device.display(), human(*size), human(*minimum))]
    TooSmall {
        /// The device.
        device: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// What is needed, in bytes.
        minimum: u64,
    },
    /// The kernel does not make anything of the new partition table.
    #[error(
        "the kernel shows no partition on {} after a GPT was written to it; it needs CONFIG_EFI_PARTITION, and a disk that can have partitions",
        device.display()
    )]
    NoPartition {
        /// The disk.
        device: PathBuf,
    },
    /// mke2fs or e2fsck did not do its work.
    #[error("{program} failed on {}: {status}; the lines above say why", device.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// What it was to work on.
        device: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// What is on it cannot hold a cache.
    #[error(
        "{} holds {content}, which cannot be a cache: that takes ext4, xfs or btrfs; empty it (wipefs), or choose another",
        device.display()
    )]
    Unsuitable {
        /// The device.
        device: PathBuf,
        /// What is on it.
        content: String,
    },
    /// The kernel refuses to mount it.
    #[error("could not mount {} ({kind}) on {}: {reason}", device.display(), target.display())]
    Mount {
        /// The device.
        device: PathBuf,
        /// The file system's type.
        kind: &'static str,
        /// Where.
        target: PathBuf,
        /// The kernel's reason, and what to do.
        reason: String,
    },
}

impl Error {
    /// Wraps a failure with what was tried.
    pub(crate) fn io<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source: source.into() }
    }
}
