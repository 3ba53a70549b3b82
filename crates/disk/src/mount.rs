//! Mounting what can be a cache.

use crate::Error;
use crate::signature::{Family, Signature};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount};
use std::ffi::{CStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Access times are not worth a write, and change times can wait for the next one. All else is the kernel's default, for it is the
/// one that survives power cuts: ordered data, barriers. Freed blocks are told to the drive by FITRIM, not one by one (`discard`).
const FLAGS: MountFlags = MountFlags::NOATIME.union(MountFlags::LAZYTIME);

/// The mounts that this thread sees.
const MOUNTS: &str = "/proc/thread-self/mountinfo";

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
        Errno::ROFS | Errno::ACCESS => {
            "the device, or what is on it, can only be read by this kernel".to_owned()
        }
        errno if is_damage(errno) => {
            format!("{errno}; it is damaged, or has features that this kernel does not know")
        }
        errno => errno.to_string(),
    };
    Error::Mount { device: device.to_owned(), kind: kind.name, target: target.to_owned(), reason }
}

/// Writes back what is mounted on the folder `target`, and unmounts it, with all that is mounted below.
///
/// # Errors
/// When it is in use.
pub fn unmount(target: &Path) -> Result<(), Error> {
    let table = fs::read(MOUNTS).map_err(Error::io(format!("read {MOUNTS}")))?;
    let below = table.split(|&byte| byte == b'\n').rev().filter_map(mount_point);
    for folder in below.filter(|folder| folder.starts_with(target) && folder != target) {
        // Whatever keeps it mounted keeps `target` mounted too, and that is told.
        let _ = rustix::mount::unmount(&folder, UnmountFlags::NOFOLLOW);
    }
    if let Ok(root) = fs::File::open(target) {
        rustix::fs::syncfs(root).map_err(Error::io(format!("write {} back", target.display())))?;
    }
    let unmounted = rustix::mount::unmount(target, UnmountFlags::NOFOLLOW);
    unmounted.map_err(Error::io(format!("unmount {}", target.display())))
}

/// The fifth field of a line of mountinfo, in which blanks and the like are octal (proc_pid_mountinfo(5)).
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let mut field = line.split(|&byte| byte == b' ').nth(4)?;
    let mut path = Vec::with_capacity(field.len());
    while let [first, rest @ ..] = field {
        match (first, rest) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                path.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                field = after;
            }
            _ => {
                path.push(*first);
                field = rest;
            }
        }
    }
    Some(OsString::from_vec(path).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_with_blanks() {
        let line = br"36 35 98:0 /mnt1 /storage/a\040b\134c rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/storage/a b\c")));
        assert_eq!(mount_point(b""), None);
        assert_eq!(mount_point(br"1 2 3 4 /x\04 rw"), Some(PathBuf::from(r"/x\04")));
    }
}
