//! The container's pseudo-terminal.

use super::error::{During, Step, setup};
use super::mounts::{attach, clone_fd};
use super::root::{Links, Root, file_type, is_on};
use rustix::fs::{FileType, FsWord, OFlags, fchown, fstat, major, minor};
use rustix::process::Uid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// `DEVPTS_SUPER_MAGIC` (linux/magic.h).
const DEVPTS_MAGIC: FsWord = 0x1cd1;

/// Opens the container's end of the pseudo-terminal that `master` is the other end of, and does not make it anyone's controlling one.
///
/// While any descriptor of it is open, reading from the master does not fail with `EIO`. A container may well close the last one of
/// its own for a while: an init system hangs its console up (vhangup(2)) and opens it again.
///
/// It asks the master itself (`TIOCGPTPEER`, ioctl_tty(2)): the container can put anything at the name /dev/pts/N.
///
/// # Errors
/// Those of ioctl_tty(2): `EIO` for a terminal that is locked or gone, `ENOTTY` for a descriptor that is no master.
pub fn open_terminal(master: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    Ok(ioctl_tiocgptpeer(master, flags)?)
}

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
        let slave = open_terminal(&master).during(|| "terminal: open the container's end")?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_getfd, read, write};
    use rustix::pty::openpt;

    #[test]
    fn the_end_that_is_opened_is_the_masters_own() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        let end = open_terminal(&master).unwrap();
        assert!(fcntl_getfd(&end).unwrap().contains(FdFlags::CLOEXEC));
        write(&end, b"hello").unwrap();
        let mut heard = [0; 16];
        assert_eq!(read(&master, &mut heard).unwrap(), 5);
        assert_eq!(heard[..5], *b"hello");
        drop(end);
        assert_eq!(read(&master, &mut heard), Err(rustix::io::Errno::IO));
    }

    #[test]
    fn only_a_master_has_another_end() {
        let null = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        assert!(open_terminal(&null).is_err());
    }
}
