//! Small texts beside a volume's content, in its own folder.

use crate::Error;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

/// A longer one is not ours.
const MAX: u64 = 4096;

/// Reads the one called `name`; `None`: there is none.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    let path = folder.join(name);
    match read_text(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(Error::io("read", &path)),
    }
}

/// A container that sees the cache can put anything there: a link, a pipe, a file without an end.
fn read_text(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = String::new();
    if file.take(MAX + 1).read_to_string(&mut text)? as u64 > MAX {
        return Err(io::Error::other(format!("it has more than {MAX} bytes")));
    }
    Ok(text)
}

/// Writes the one called `name`, whole or not at all; it is there after a power cut.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let (path, staging) = (folder.join(name), folder.join(format!(".{name}.part")));
    let write = || {
        remove_file(&staging)?;
        let mut file = File::create_new(&staging)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&staging, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(Error::io("write", &path))
}

/// Removes it, if it is there.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<(), Error> {
    let path = folder.join(name);
    remove_file(&path).map_err(Error::io("remove", &path))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
