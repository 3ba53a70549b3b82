//! Image layers: tar archives made in memory.

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// How a layer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// A layer that grows by one entry a call. Paths are relative: `etc/hostname`.
#[derive(Clone, Debug)]
pub struct Layer {
    tar: Vec<u8>,
    pub(crate) compression: Compression,
}

impl Layer {
    /// Empty; travels as gzip unless told otherwise.
    pub fn new() -> Self {
        Self::from_tar(Vec::new())
    }

    /// These bytes as they are, however wrong: a tar archive, or what a hostile registry says is one.
    pub fn from_tar(tar: Vec<u8>) -> Self {
        Self { tar, compression: Compression::Gzip }
    }

    /// Everything in `folder`, links as links, with modes and times.
    pub fn from_folder(folder: &Path) -> Self {
        let mut builder = Builder::new(Vec::new());
        builder.follow_symlinks(false);
        builder.append_dir_all("", folder).unwrap();
        // Two zero blocks end an archive (tar(5)); ours is ended when it is sealed.
        let mut tar = builder.into_inner().unwrap();
        tar.truncate(tar.len() - 1024);
        Self::from_tar(tar)
    }

    /// How it travels.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// A regular file of root's.
    pub fn file(self, path: &str, mode: u32, contents: impl AsRef<[u8]>) -> Self {
        self.entry(path, header(EntryType::Regular, mode), "", contents.as_ref())
    }

    /// A directory of root's.
    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.entry(&format!("{path}/"), header(EntryType::Directory, mode), "", &[])
    }

    /// A symbolic link.
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, header(EntryType::Symlink, 0o777), target, &[])
    }

    /// A hard link to an earlier entry.
    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(path, header(EntryType::Link, 0o644), target, &[])
    }

    /// Hides `path` of the layers below (OCI image specification, layer.md, "Whiteouts").
    pub fn white_out(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.file(format!("{folder}/.wh.{name}").trim_start_matches('/'), 0o644, "")
    }

    /// Hides everything that the layers below have in `folder` (layer.md, "Opaque Whiteout").
    pub fn opaque(self, folder: &str) -> Self {
        self.file(&format!("{folder}/.wh..wh..opq"), 0o644, "")
    }

    /// Any entry; `link` may be empty. Names are written as they are, `..` too, and may have up to 100 bytes.
    pub fn entry(mut self, path: &str, mut header: Header, link: &str, contents: &[u8]) -> Self {
        set_name(&mut header.as_old_mut().name, path);
        set_name(&mut header.as_old_mut().linkname, link);
        header.set_size(contents.len().try_into().unwrap());
        header.set_cksum();
        self.tar.extend_from_slice(header.as_bytes());
        self.tar.extend_from_slice(contents);
        self.tar.resize(self.tar.len().next_multiple_of(512), 0);
        self
    }

    /// The archive with its end, uncompressed.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut tar = self.tar.clone();
        tar.resize(tar.len() + 1024, 0);
        tar
    }

    /// As it travels.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let archive = self.archive();
        match self.compression {
            Compression::None => archive,
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&archive).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => compress_to_vec(archive.as_slice(), CompressionLevel::Fastest),
        }
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

/// A header of that type, of root's, with time 0.
fn header(entry_type: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// `Header::set_path` would refuse `..`, which is what some tests are about.
fn set_name(field: &mut [u8; 100], name: &str) {
    field.fill(0);
    field[..name.len()].copy_from_slice(name.as_bytes());
}
