//! Writes cpio archives in the `newc` format, the only one the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! The same entries always give the same bytes: times are 0, owners are root, inode numbers count up from 1.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// One member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is unpacked, relative to the root: `dev/console`.
    pub path: PathBuf,
    /// Permission bits (`0o755`).
    pub permissions: u32,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Entry`] is, with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file and its contents.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(PathBuf),
    /// A character device.
    CharDevice {
        /// Device number, upper part.
        major: u32,
        /// Device number, lower part.
        minor: u32,
    },
}

// File type bits of st_mode (inode(7)).
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFLNK: u32 = 0o120_000;
const S_IFCHR: u32 = 0o020_000;

impl Entry {
    /// A regular file.
    pub fn file(path: impl Into<PathBuf>, permissions: u32, contents: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), permissions, kind: Kind::File(contents.into()) }
    }

    /// A directory that everybody may enter.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), permissions: 0o755, kind: Kind::Directory }
    }

    /// The bytes that follow the name.
    fn data(&self) -> &[u8] {
        match &self.kind {
            Kind::File(contents) => contents,
            Kind::Symlink(target) => target.as_os_str().as_bytes(),
            Kind::Directory | Kind::CharDevice { .. } => &[],
        }
    }

    fn mode(&self) -> u32 {
        let file_type = match self.kind {
            Kind::File(_) => S_IFREG,
            Kind::Directory => S_IFDIR,
            Kind::Symlink(_) => S_IFLNK,
            Kind::CharDevice { .. } => S_IFCHR,
        };
        file_type | self.permissions
    }
}

/// Writes `entries` and the trailer as one archive, padded to a multiple of 4 bytes so that another archive may follow.
///
/// Parents must come before their children: the kernel makes no directory that is not listed.
pub fn write(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    for (entry, inode) in entries.iter().zip(1..) {
        write_member(out, entry, inode)?;
    }
    // The trailer's mode and links are what GNU cpio and the kernel's own gen_init_cpio write.
    write_header(out, &Header { links: 1, ..Header::default() }, b"TRAILER!!!")
}

/// Adds the directories above every path that `entries` does not list itself, and puts all in an order the kernel can unpack.
///
/// Of two entries with the same path, the later one stays.
pub fn with_parents(entries: Vec<Entry>) -> Vec<Entry> {
    let mut sorted = std::collections::BTreeMap::new();
    for entry in &entries {
        for parent in entry.path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            sorted.insert(parent.to_path_buf(), Entry::directory(parent));
        }
    }
    sorted.extend(entries.into_iter().map(|entry| (entry.path.clone(), entry)));
    sorted.into_values().collect()
}

/// Everything below `folder`, sorted by path. Sockets, pipes and block devices have no place in an initramfs and are refused.
pub fn read_folder(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        for item in fs::read_dir(folder.join(&relative))? {
            let item = item?;
            let path = relative.join(item.file_name());
            let entry = read_entry(&item.path(), path)?;
            if entry.kind == Kind::Directory {
                waiting.push(entry.path.clone());
            }
            entries.push(entry);
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn read_entry(source: &Path, path: PathBuf) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(source)?;
    let file_type = metadata.file_type();
    let kind = if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_symlink() {
        Kind::Symlink(fs::read_link(source)?)
    } else if file_type.is_file() {
        Kind::File(fs::read(source)?)
    } else if file_type.is_char_device() {
        let device = metadata.rdev();
        Kind::CharDevice { major: rustix::fs::major(device), minor: rustix::fs::minor(device) }
    } else {
        let message =
            format!("{} is neither a file, a directory, a link nor a character device", source.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    Ok(Entry { path, permissions: metadata.permissions().mode() & 0o7777, kind })
}

/// The numbers of a member's header that are not always 0.
#[derive(Default)]
struct Header {
    inode: u32,
    mode: u32,
    links: u32,
    size: u32,
    major: u32,
    minor: u32,
}

fn write_member(out: &mut impl Write, entry: &Entry, inode: u32) -> io::Result<()> {
    let data = entry.data();
    let size = u32::try_from(data.len()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{}: a cpio member ends at 4 GiB", entry.path.display()),
        )
    })?;
    let (major, minor) = match entry.kind {
        Kind::CharDevice { major, minor } => (major, minor),
        _ => (0, 0),
    };
    let links = if entry.kind == Kind::Directory { 2 } else { 1 };
    let header = Header { inode, mode: entry.mode(), links, size, major, minor };
    write_header(out, &header, entry.path.as_os_str().as_bytes())?;
    out.write_all(data)?;
    write_padding(out, data.len())
}

fn write_header(out: &mut impl Write, header: &Header, name: &[u8]) -> io::Result<()> {
    let Header { inode, mode, links, size, major, minor } = header;
    // uid, gid, mtime, the device it was on and the checksum are 0.
    let head = format!(
        "070701{inode:08x}{mode:08x}{0:08x}{0:08x}{links:08x}{0:08x}{size:08x}{0:08x}{0:08x}{major:08x}{minor:08x}{1:08x}{0:08x}",
        0,
        name.len() + 1
    );
    out.write_all(head.as_bytes())?;
    out.write_all(name)?;
    out.write_all(&[0])?;
    write_padding(out, head.len() + name.len() + 1)
}

/// Headers and data each start at a multiple of 4.
fn write_padding(out: &mut impl Write, written: usize) -> io::Result<()> {
    out.write_all(&[0; 3][..written.next_multiple_of(4) - written])
}
