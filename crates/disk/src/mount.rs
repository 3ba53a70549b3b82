//! Mounting what can be a cache.

use crate::Error;
use crate::signature::{Family, Signature};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use std::ffi::CStr;
use std::path::Path;

/// Access times are not worth a write, and change times can wait for the next one. All else is the kernel's default, for it is the
/// one that survives power cuts: ordered data, barriers. Freed blocks are told to the drive by FITRIM, not one by one (`discard`).
const FLAGS: MountFlags = MountFlags::NOATIME.union(MountFlags::LAZYTIME);

/// Nothing more is written to an ext4 that turns out to be broken: the next boot repairs it.
const EXT_OPTIONS: &CStr = c"errors=remount-ro";

/// How a device is mounted.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// As mount(2) takes it.
    pub(crate) name: &'static str,
    options: &'static CStr,
}

impl Kind {
    /// For what was found on a device; `None` for what cannot be a cache.
    pub(crate) fn of(signature: &Signature) -> Option<Self> {
        match signature.family {
            // The driver of ext4 mounts all three, and is the only one that every kernel has.
            Family::Ext(_) => Some(Self { name: "ext4", options: EXT_OPTIONS }),
            Family::Linux => Some(Self { name: signature.name, options: c"" }),
            _ => None,
        }
    }
}

/// Mounts `device` on the folder `target`. The kernel's own answer stays an `Errno`, for who may try to mend it.
pub(crate) fn try_mount(device: &Path, kind: Kind, target: &Path) -> Result<(), Errno> {
    mount(device, target, kind.name, FLAGS, kind.options)
}

/// Whether a refusal means that the file system is damaged, and not that the kernel, or the machine, cannot have it.
pub(crate) fn is_damage(errno: Errno) -> bool {
    // EUCLEAN and EBADMSG are the kernel's EFSCORRUPTED and EFSBADCRC; a superblock that makes no sense is EINVAL.
    matches!(errno, Errno::UCLEAN | Errno::BADMSG | Errno::INVAL | Errno::IO)
}

/// The refusal in words.
pub(crate) fn refused(errno: Errno, device: &Path, kind: Kind, target: &Path) -> Error {
    let reason = match errno {
        Errno::NODEV => "this kernel has no driver for it; append one to the initramfs".to_owned(),
        Errno::BUSY => "it is in use".to_owned(),
        Errno::ROFS | Errno::ACCESS => "the device can only be read".to_owned(),
        errno if is_damage(errno) => {
            format!("{errno}; it is damaged, or has features that this kernel does not know")
        }
        errno => errno.to_string(),
    };
    Error::Mount { device: device.to_owned(), kind: kind.name, target: target.to_owned(), reason }
}
