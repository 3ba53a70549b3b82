//! Swap: a file on a drive or a block device, made, switched on, and off again (mkswap(8), swapon(2)).

mod header;

use rustix::fs::{FallocateFlags, IFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The file on a drive. A fixed name, so that what a power cut left can be found.
const FILE: &str = "swapfile";
/// What is written at once where a file has to be filled.
const CHUNK: usize = 1 << 20;

/// Numbers of file systems (statfs(2), `f_type`) that cannot hold swap, and what they are on. Only to refuse before gigabytes are written to them.
const NOT_DRIVES: [(u32, &str); 8] = [
    (0x0102_1994, "memory"),
    (0x8584_58f6, "memory"),
    (0x0102_1997, "another machine (9p)"),
    (0x6573_5546, "another machine (FUSE, virtiofs)"),
    (0x6969, "another machine (NFS)"),
    (0xff53_4d42, "another machine (CIFS)"),
    (0xfe53_4d42, "another machine (SMB)"),
    (0x794c_7630, "an overlay"),
];

/// Swap that is on. Dropping it leaves it on.
#[derive(Debug)]
pub struct Swap {
    path: PathBuf,
    /// Made by us, to be removed again.
    is_file: bool,
}

/// Swap cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The drive is too small, or too full.
    #[error(
        "a swap file of {wanted} does not fit into {}, where {free} are free; ask for less", folder.display(),
        wanted = mebibytes(*needed), free = mebibytes(*free)
    )]
    NoSpace {
        /// Where it was to be.
        folder: PathBuf,
        /// Its size in bytes.
        needed: u64,
        /// In bytes.
        free: u64,
    },
    /// Nothing in that folder is on a drive of this machine.
    #[error(
        "{} is on {medium}, which cannot be swapped to; give the machine a drive for it (b2c.cache_device=), or name a device instead of a size",
        folder.display()
    )]
    NotADrive {
        /// Where it was to be.
        folder: PathBuf,
        /// Where that is instead.
        medium: &'static str,
    },
    /// Less than ten pages, or more pages than the header can count.
    #[error("{size} bytes are {} for swap", if *size < 1 << 20 { "too few" } else { "too many" })]
    Size {
        /// In bytes.
        size: u64,
    },
    /// The operating system says no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// swapon(2) says no.
    #[error("cannot swap to {}: {source}{}", path.display(), hint(*source))]
    On {
        /// The file or device.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
}

/// Makes a swap file of `size` bytes in `folder`, and switches it on. One that an earlier boot left is removed first.
///
/// # Errors
/// When it does not fit, or the file system cannot hold swap. Nothing is left behind then.
pub fn on_file(folder: &Path, size: u64) -> Result<Swap, Error> {
    check_drive(folder)?;
    remove_leftover(folder)?;
    let path = folder.join(FILE);
    let made = make_file(folder, &path, size).and_then(|file| on_made_file(&file, &path, size));
    if made.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&path);
    }
    made.map(|()| Swap { path, is_file: true })
}

/// Removes the swap file that a boot left in `folder` when its power was cut.
///
/// # Errors
/// When it cannot be removed; that it is not there is fine.
pub fn remove_leftover(folder: &Path) -> Result<(), Error> {
    let path = folder.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
        _ => Ok(()),
    }
}

/// Switches a block device on that holds swap space already.
///
/// # Errors
/// When the kernel refuses it.
pub fn on_device(path: &Path) -> Result<Swap, Error> {
    swap_on(path)?;
    Ok(Swap { path: path.to_owned(), is_file: false })
}

/// Makes swap space of a whole block device, whatever it held.
///
/// # Errors
/// When it cannot be written, or is too small or too large.
pub fn make_device(path: &Path) -> Result<(), Error> {
    let open = || File::options().read(true).write(true).open(path);
    let mut device = open().map_err(failed("open", path))?;
    let size = io::Seek::seek(&mut device, io::SeekFrom::End(0)).map_err(failed("measure", path))?;
    write_header(&device, path, size)
}

impl Swap {
    /// The file or device.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Switches it off, and removes the file. What was swapped out comes back into memory first, which takes its time.
    ///
    /// # Errors
    /// When there is not enough memory for that; the file then stays until the next boot removes it.
    pub fn off(self) -> Result<(), Error> {
        let path = c_path(&self.path)?;
        // SAFETY: the pointer is to a NUL-terminated string that outlives the call, and the kernel only reads it.
        if unsafe { libc::swapoff(path.as_ptr()) } != 0 {
            return Err(failed("switch off", &self.path)(io::Error::last_os_error()));
        }
        if self.is_file {
            fs::remove_file(&self.path).map_err(failed("remove", &self.path))?;
        }
        Ok(())
    }
}

fn check_drive(folder: &Path) -> Result<(), Error> {
    let found = rustix::fs::statfs(folder).map_err(|errno| failed("look at", folder)(errno.into()))?;
    #[allow(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "32 bits, in a word that some machines extend by its sign"
    )]
    let number = found.f_type as u32;
    match NOT_DRIVES.iter().find(|(known, _)| *known == number) {
        Some((_, medium)) => Err(Error::NotADrive { folder: folder.to_owned(), medium }),
        None => Ok(()),
    }
}

/// An empty file, if there is room for a full one.
fn make_file(folder: &Path, path: &Path, size: u64) -> Result<File, Error> {
    let space = rustix::fs::statvfs(folder).map_err(|errno| failed("measure", folder)(errno.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < size {
        return Err(Error::NoSpace { folder: folder.to_owned(), needed: size, free });
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| failed("create", path)(errno.into()))?;
    let file = File::from(file);
    // btrfs swaps only to files that it does not copy on write; others do not know the flag.
    if let Ok(flags) = rustix::fs::ioctl_getflags(&file) {
        let _ = rustix::fs::ioctl_setflags(&file, flags | IFlags::NOCOW);
    }
    Ok(file)
}

/// With fallocate(2) a file is made at once, and ext4, xfs and btrfs swap to such files. Others want every block to be written.
fn on_made_file(file: &File, path: &Path, size: u64) -> Result<(), Error> {
    let allocated = rustix::fs::fallocate(file.as_fd(), FallocateFlags::empty(), 0, size).is_ok();
    if allocated {
        write_header(file, path, size)?;
        match swap_on(path) {
            Err(Error::On { source: Errno::INVAL, .. }) => {}
            done => return done,
        }
    }
    fill(file, size).map_err(failed("fill", path))?;
    write_header(file, path, size)?;
    swap_on(path)
}

fn fill(mut file: &File, size: u64) -> io::Result<()> {
    io::Seek::rewind(&mut file)?;
    let zeros = vec![0; CHUNK];
    let mut left = size;
    while left > 0 {
        let count = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        file.write_all(&zeros[..count])?;
        left -= count as u64;
    }
    Ok(())
}

fn write_header(file: &File, path: &Path, size: u64) -> Result<(), Error> {
    let page = header::page(size, rustix::param::page_size()).ok_or(Error::Size { size })?;
    file.write_all_at(&page, 0).and_then(|()| file.sync_all()).map_err(failed("write", path))
}

fn swap_on(path: &Path) -> Result<(), Error> {
    let name = c_path(path)?;
    // SAFETY: the pointer is to a NUL-terminated string that outlives the call, and the kernel only reads it.
    if unsafe { libc::swapon(name.as_ptr(), 0) } == 0 {
        return Ok(());
    }
    Err(Error::On { path: path.to_owned(), source: crate::last_errno() })
}

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| failed("name", path)(error.into()))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::INVAL => {
            "; this kind of file system or device cannot hold it, or it was made for another kind of machine"
        }
        Errno::BUSY => "; something else uses it, or it is on already",
        Errno::NOSYS => "; the kernel was built without swap",
        _ => "",
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
