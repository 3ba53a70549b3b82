//! The container's pseudo-terminal.

use super::error::{During, Step, setup};
use super::mounts::{attach, clone_fd};
use super::root::{Links, Root, file_type, is_on};
use rustix::fs::{FileType, FsWord, OFlags, fchown, fstat, major, minor};
use rustix::process::Uid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use std::os::fd::OwnedFd;
use std::path::Path;

/// `DEVPTS_SUPER_MAGIC` (linux/magic.h).
const DEVPTS_MAGIC: FsWord = 0x1cd1;

/// The two ends.
pub(super) struct Terminal {
    /// For who talks to the container.
    pub(super) master: OwnedFd,
    /// For the container.
    pub(super) slave: OwnedFd,
}

impl Terminal {
    /// Allocates one in the container's own devpts, so that the container can name it.
    pub(super) fn open(root: &Root) -> Step<Self> {
        let what = || "terminal: /dev/pts/ptmx of the container";
        let master = root
            .open(Path::new("/dev/pts/ptmx"), OFlags::RDWR | OFlags::NOCTTY, Links::Refuse)
            .during(what)?;
        // Anything can have that name: it has to be the multiplexer of a real devpts (CVE-2025-52565).
        let device = fstat(&master).during(what)?.st_rdev;
        if !is_on(&master, DEVPTS_MAGIC) || (major(device), minor(device)) != (5, 2) {
            return Err(setup(format_args!("{}: not a devpts", what())));
        }
        unlockpt(&master).during(|| "terminal: unlock")?;
        // By the master's descriptor, not by the name that /dev/pts/N may have by then.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let slave = ioctl_tiocgptpeer(&master, flags).during(|| "terminal: open the container's end")?;
        Ok(Self { master, slave })
    }

    /// Makes it the container's /dev/console, and the user's own.
    pub(super) fn install(&self, root: &Root, owner: Uid) -> Step<()> {
        // The group stays that of the devpts mount: `tty`, as grantpt(3) has it.
        fchown(&self.slave, Some(owner), None).during(|| "terminal: owner")?;
        // Made with our own /dev. A /dev that the user bound here is the machine's: nothing is made in that.
        let Some(place) = root.find(Path::new("/dev/console"))? else { return Ok(()) };
        let status = fstat(&place).during(|| "/dev/console")?;
        if !matches!(file_type(&status), FileType::RegularFile | FileType::CharacterDevice) {
            return Err(setup("/dev/console of the container: neither a file nor a device"));
        }
        let copy = clone_fd(&self.slave).during(|| "terminal: copy")?;
        attach(copy, place).during(|| "terminal: mount on /dev/console")
    }
}
