//! What archives become as folders, and which archives are refused. Needs root: owners, devices and `trusted.*` attributes are real.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use image::unpack::{UnpackError, unpack};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// An archive in the making.
struct Tar(Vec<u8>);

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000_000_000);
    header.set_size(0);
    header
}

impl Tar {
    fn new() -> Tar {
        Tar(Vec::new())
    }

    /// Any entry, with names as they are: the tar crate would refuse hostile ones.
    fn entry(mut self, mut header: Header, path: &str, link: &str, content: &[u8]) -> Tar {
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        if !content.is_empty() {
            header.set_size(content.len() as u64);
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str, content: &str) -> Tar {
        self.entry(header(EntryType::Regular, 0o644), path, "", content.as_bytes())
    }

    fn folder(self, path: &str) -> Tar {
        self.entry(header(EntryType::Directory, 0o755), path, "", b"")
    }

    fn symlink(self, path: &str, text: &str) -> Tar {
        self.entry(header(EntryType::Symlink, 0o777), path, text, b"")
    }

    fn hard_link(self, path: &str, target: &str) -> Tar {
        self.entry(header(EntryType::Link, 0o644), path, target, b"")
    }

    fn pax(mut self, records: &[(&str, &[u8])]) -> Tar {
        let mut builder = Builder::new(&mut self.0);
        builder.append_pax_extensions(records.iter().copied()).unwrap();
        // It would end the archive.
        std::mem::forget(builder);
        self
    }

    fn unpack(self) -> Unpacked {
        self.try_unpack().unwrap()
    }

    fn try_unpack(mut self) -> Result<Unpacked, UnpackError> {
        self.0.resize(self.0.len() + 1024, 0);
        unpack_bytes(&self.0)
    }

    /// The message of the refusal; and nothing was made outside the folder.
    fn refused(self) -> String {
        let error = self.try_unpack().err().expect("this archive has to be refused");
        assert!(!matches!(error, UnpackError::Write { .. }), "it was the kernel that refused: {error}");
        error.to_string()
    }
}

struct Unpacked(TempDir);

fn unpack_bytes(bytes: &[u8]) -> Result<Unpacked, UnpackError> {
    let outer = tempfile::tempdir().unwrap();
    let layer = outer.path().join("layer");
    fs::create_dir(&layer).unwrap();
    fs::write(outer.path().join("outside"), "untouched").unwrap();
    let result = unpack(bytes, File::open(&layer).unwrap());
    let outside: Vec<_> = fs::read_dir(&outer).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside.len(), 2, "something was made outside the layer: {outside:?}");
    assert_eq!(fs::read_to_string(outer.path().join("outside")).unwrap(), "untouched");
    result.map(|()| Unpacked(outer))
}

impl Unpacked {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("layer").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn stat(&self, name: &str) -> Metadata {
        fs::symlink_metadata(self.path(name)).unwrap()
    }

    fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    fn is_whiteout(&self, name: &str) -> bool {
        let stat = self.stat(name);
        stat.file_type().is_char_device() && stat.rdev() == 0
    }

    fn xattr(&self, name: &str, key: &str) -> Option<Vec<u8>> {
        let mut value = [0; 256];
        let length = rustix::fs::lgetxattr(self.path(name), key, &mut value).ok()?;
        Some(value[..length].to_vec())
    }

    fn is_opaque(&self, name: &str) -> bool {
        self.xattr(name, "trusted.overlay.opaque").as_deref() == Some(b"y")
    }
}

#[test]
fn everything_an_entry_says_is_kept() {
    let mut program = header(EntryType::Regular, 0o4755);
    program.set_uid(1234);
    program.set_gid(5678);
    let mut device = header(EntryType::Char, 0o620);
    device.set_device_major(4).unwrap();
    device.set_device_minor(300).unwrap();
    let capability = b"\x01\0\0\x02\0\x20\n\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let layer = Tar::new()
        .entry(header(EntryType::Directory, 0o1777), "tmp/", "", b"")
        .pax(&[("mtime", b"1500000000.123456789"), ("SCHILY.xattr.security.capability", capability)])
        .entry(program, "tmp/program", "", b"content")
        .symlink("tmp/link", "/anywhere/../at all")
        .entry(header(EntryType::Fifo, 0o600), "tmp/fifo", "", b"")
        .entry(device, "tmp/device", "", b"")
        .hard_link("tmp/again", "./tmp/program")
        .unpack();
    let stat = layer.stat("tmp/program");
    assert_eq!((stat.mode() & 0o7777, stat.uid(), stat.gid(), stat.nlink()), (0o4755, 1234, 5678, 2));
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (1_500_000_000, 123_456_789));
    assert_eq!(layer.xattr("tmp/program", "security.capability").unwrap(), capability);
    assert_eq!(layer.text("tmp/again"), "content");
    assert_eq!(fs::read_link(layer.path("tmp/link")).unwrap(), Path::new("/anywhere/../at all"));
    assert!(layer.stat("tmp/fifo").file_type().is_fifo());
    let stat = layer.stat("tmp/device");
    assert_eq!((rustix::fs::major(stat.rdev()), rustix::fs::minor(stat.rdev())), (4, 300));
    assert_eq!(stat.mode() & 0o7777, 0o620);
    // Set after its content was made.
    let stat = layer.stat("tmp");
    assert_eq!((stat.mode() & 0o7777, stat.mtime()), (0o1777, 1_000_000_000));
}

#[test]
fn long_names_of_both_kinds_are_read() {
    let long = format!("{}/{}", "a".repeat(120), "b".repeat(200));
    let mut gnu = Builder::new(Vec::new());
    let mut file = header(EntryType::Regular, 0o644);
    file.set_size(3);
    gnu.append_data(&mut file, &long, b"gnu".as_slice()).unwrap();
    gnu.append_link(&mut header(EntryType::Symlink, 0o777), "link", &long).unwrap();
    let layer = unpack_bytes(&gnu.into_inner().unwrap()).unwrap();
    assert_eq!(layer.text(&long), "gnu");
    assert_eq!(fs::read_link(layer.path("link")).unwrap(), Path::new(&long));

    let layer = Tar::new().pax(&[("path", long.as_bytes())]).file("short", "pax").unpack();
    assert_eq!(layer.text(&long), "pax");
    assert!(!layer.exists("short"));

    let split = format!("{}/{}", "a".repeat(120), "b".repeat(90));
    let mut ustar = Header::new_ustar();
    ustar.set_path(&split).unwrap();
    ustar.set_mode(0o644);
    ustar.set_size(0);
    ustar.set_uid(0);
    ustar.set_gid(0);
    ustar.set_mtime(0);
    ustar.set_cksum();
    let layer = unpack_bytes(ustar.as_bytes()).unwrap();
    assert!(layer.exists(&split));
}

#[test]
fn the_layer_s_own_folder_can_be_described() {
    let layer = Tar::new().entry(header(EntryType::Directory, 0o700), "./", "", b"").file("./a", "").unpack();
    let stat = layer.stat("");
    assert_eq!((stat.mode() & 0o7777, stat.mtime()), (0o700, 1_000_000_000));
}

#[test]
fn missing_parents_are_made() {
    let layer = Tar::new().file("a/b/c", "deep").unpack();
    assert_eq!(layer.text("a/b/c"), "deep");
    assert_eq!(layer.stat("a/b").mode() & 0o7777, 0o755);
}

#[test]
fn later_entries_replace_earlier_ones() {
    let layer = Tar::new()
        .folder("was-folder/")
        .file("was-folder/inner", "")
        .folder("was-folder/deep/")
        .file("was-folder/deep/inner", "")
        .file("was-folder", "file now")
        .file("was-file", "")
        .folder("was-file/")
        .file("was-file/inner", "in a folder now")
        .symlink("was-link", "was-file")
        .file("was-link", "no link now")
        .folder("kept/")
        .file("kept/inner", "still here")
        .entry(header(EntryType::Directory, 0o700), "kept/", "", b"")
        .unpack();
    assert_eq!(layer.text("was-folder"), "file now");
    assert_eq!(layer.text("was-file/inner"), "in a folder now");
    assert_eq!(layer.text("was-link"), "no link now");
    assert_eq!(layer.text("kept/inner"), "still here");
    assert_eq!(layer.stat("kept").mode() & 0o7777, 0o700);
}

/// A folder at hand is removed, and what comes next under its name must not land in the removed one.
#[test]
fn a_replaced_folder_is_not_used_any_more() {
    let layer = Tar::new()
        .folder("a/")
        .file("a/x", "old")
        .file("a", "in between")
        .folder("a/")
        .file("a/y", "new")
        .unpack();
    assert_eq!(layer.text("a/y"), "new");
    assert!(!layer.exists("a/x"));
}

#[test]
fn whiteouts_are_as_overlayfs_wants_them() {
    let layer = Tar::new()
        .file(".wh.gone", "")
        .folder("opaque/")
        .file("opaque/own", "kept")
        .file("opaque/.wh..wh..opq", "")
        .file("implied/.wh..wh..opq", "")
        .file("implied/.wh.gone", "")
        .file(".wh..wh.plnk/1.2", "aufs")
        .unpack();
    assert!(layer.is_whiteout("gone") && layer.is_whiteout("implied/gone"));
    assert!(layer.is_opaque("opaque") && layer.is_opaque("implied"));
    assert!(!layer.is_opaque("") && !layer.exists(".wh..wh.plnk") && !layer.exists(".wh.gone"));
    assert_eq!(layer.text("opaque/own"), "kept");
}

/// A white-out is about the layers below: what this layer has under that name stays, whichever comes first.
#[test]
fn a_whiteout_does_not_hide_its_own_layer() {
    let folder_last = Tar::new().file(".wh.a", "").folder("a/").file("a/b", "own").unpack();
    let folder_first = Tar::new().folder("a/").file("a/b", "own").file(".wh.a", "").unpack();
    let folder_implied = Tar::new().file(".wh.a", "").file("a/b", "own").unpack();
    for layer in [folder_last, folder_first, folder_implied] {
        assert!(layer.is_opaque("a"));
        assert_eq!(layer.text("a/b"), "own");
        assert_eq!(layer.stat("a").mode() & 0o7777, 0o755);
    }
    let file_last = Tar::new().file(".wh.a", "").file("a", "own").unpack();
    let file_first = Tar::new().file("a", "own").file(".wh.a", "").unpack();
    for layer in [file_last, file_first] {
        assert_eq!(layer.text("a"), "own");
    }
}

#[test]
fn overlay_attributes_of_the_image_are_dropped() {
    let layer = Tar::new()
        .pax(&[("SCHILY.xattr.trusted.overlay.redirect", b"/etc"), ("SCHILY.xattr.user.kept", b"yes")])
        .folder("a/")
        .unpack();
    assert_eq!(layer.xattr("a", "trusted.overlay.redirect"), None);
    assert_eq!(layer.xattr("a", "user.kept").as_deref(), Some(b"yes".as_slice()));
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../outside", "a/../../outside", "/../outside", "..", "a/.."] {
        assert!(Tar::new().file(name, "evil").refused().contains(".."), "{name}");
        assert!(Tar::new().hard_link("a", name).refused().contains(".."), "{name}");
    }
    // Absolute names are taken from the layer's folder.
    assert_eq!(Tar::new().file("/tmp/outside", "in").unpack().text("tmp/outside"), "in");
}

/// RUSTSEC-2026-0067, CVE-2021-38511, CVE-2021-32760.
#[test]
fn nothing_goes_through_a_link() {
    for target in ["..", "/", "/tmp", ".", "real"] {
        let link = || Tar::new().folder("real/").symlink("link", target);
        for archive in [
            link().file("link/outside", "evil"),
            link().file("link/deeper/outside", "evil"),
            link().folder("link/folder/"),
            link().symlink("link/outside", "x"),
            link().file("link/.wh.outside", ""),
            link().file("link/.wh..wh..opq", ""),
            link().file("x", "").hard_link("link/outside", "x"),
        ] {
            assert!(archive.refused().contains("through a symbolic link"), "{target}");
        }
        let through = link().hard_link("x", "link/outside").refused();
        assert!(through.contains("not in this layer"), "{through}");
    }
}

#[test]
fn a_link_s_target_stays_untouched_when_the_link_is_replaced() {
    let layer = Tar::new()
        .symlink("link", "../outside")
        .file("link", "a file of the layer")
        .symlink("folder", "..")
        .folder("folder/")
        .file("folder/outside", "in the layer")
        .unpack();
    assert_eq!(layer.text("link"), "a file of the layer");
    assert_eq!(layer.text("folder/outside"), "in the layer");
}

#[test]
fn hard_links_stay_in_the_layer() {
    for (target, why) in [
        ("nothing", "not in this layer"),
        ("/etc/passwd", "not in this layer"),
        ("a", "to itself"),
        ("folder", "is a folder"),
        ("/", "root folder"),
        (".wh.x", "not in this layer"),
    ] {
        let message = Tar::new().folder("folder/").hard_link("a", target).refused();
        assert!(message.contains(why), "{target}: {message}");
    }
    // To the link, not to what it points at.
    let layer = Tar::new().symlink("link", "../outside").hard_link("again", "link").unpack();
    assert!(layer.stat("again").is_symlink());
}

#[test]
fn a_file_is_no_folder() {
    let message = Tar::new().file("a", "").file("a/b", "").refused();
    assert!(message.contains("no folder"), "{message}");
}

/// CVE-2025-62518, RUSTSEC-2026-0068: one reader takes the size from here, the other from there.
#[test]
fn the_pax_size_is_the_size() {
    let mut inner = Tar::new().file("inner", "smuggled").0;
    inner.resize(1536, 0);
    let size = inner.len().to_string();
    let mut lying = header(EntryType::Regular, 0o644);
    lying.set_size(0);
    let mut archive = Tar::new().pax(&[("size", size.as_bytes())]).entry(lying, "outer", "", b"");
    archive.0.extend_from_slice(&inner);
    let layer = archive.unpack();
    assert_eq!(layer.stat("outer").size(), 1536);
    assert!(!layer.exists("inner"));
}

#[test]
fn what_readers_disagree_on_is_refused() {
    let sized = |kind| {
        let mut header = header(kind, 0o644);
        header.set_size(512);
        header
    };
    for (archive, why) in [
        (Tar::new().entry(sized(EntryType::Directory), "a", "", &[0; 512]), "has content"),
        (Tar::new().entry(sized(EntryType::Symlink), "a", "b", &[0; 512]), "has content"),
        (Tar::new().file("b", "").entry(sized(EntryType::Link), "a", "b", &[0; 512]), "has content"),
        (Tar::new().file("folder/", ""), "ends in /"),
        (Tar::new().entry(header(EntryType::GNUSparse, 0o644), "a", "", b""), "sparse"),
        (Tar::new().pax(&[("GNU.sparse.major", b"1")]).file("a", ""), "sparse"),
        (Tar::new().entry(header(EntryType::new(b'M'), 0o644), "a", "", b""), "type that is not known"),
        (Tar::new().pax(&[("path", b"b")]).pax(&[("path", b"c")]).file("a", ""), "two extended headers"),
        (Tar::new().pax(&[("path", b"b")]), "after an extended header"),
        (Tar::new().pax(&[("path", b"b"), ("path", b"c")]).file("a", ""), "twice"),
        (Tar::new().entry(header(EntryType::XGlobalHeader, 0o644), "g", "", b"10 path=b\n"), "global header"),
    ] {
        let message = archive.refused();
        assert!(message.contains(why), "{message} instead of {why}");
    }
    // git archive's comment changes nothing.
    let comment = header(EntryType::XGlobalHeader, 0o644);
    assert!(Tar::new().entry(comment, "g", "", b"17 comment=12345\n").file("a", "").unpack().exists("a"));
}

#[test]
fn a_lone_block_of_zeros_ends_nothing() {
    let mut archive = Tar::new().file("a", "").0;
    archive.resize(archive.len() + 512, 0);
    archive.extend(Tar::new().file("hidden", "").0);
    let message = unpack_bytes(&archive).err().unwrap().to_string();
    assert!(message.contains("lone block"), "{message}");
}

#[test]
fn a_cut_archive_is_refused() {
    let archive = Tar::new().file("a", &"x".repeat(1000)).0;
    for end in [1, 511, 513, 1000, 1535] {
        assert!(unpack_bytes(&archive[..end]).is_err(), "cut at {end}");
    }
    // At the end of an entry the archive's end may be missing.
    assert!(unpack_bytes(&archive).is_ok());
    assert!(unpack_bytes(&[]).is_ok());
}

#[test]
fn sizes_are_bounded() {
    let mut huge = header(EntryType::Regular, 0o644);
    huge.set_size(u64::MAX / 2);
    huge.set_cksum();
    assert!(unpack_bytes(huge.as_bytes()).is_err());
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader]
    {
        let mut bomb = header(kind, 0o644);
        bomb.set_size(1 << 40);
        bomb.set_cksum();
        let zeros = std::io::Read::take(std::io::repeat(0), 8 << 20);
        let reader = std::io::Read::chain(bomb.as_bytes().as_slice(), zeros);
        let folder = tempfile::tempdir().unwrap();
        let message = unpack(reader, File::open(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(message.contains("larger than 1 MiB"), "{message}");
    }
}

#[test]
fn what_follows_the_archive_is_read_to_its_end() {
    let mut archive = Tar::new().file("a", "x").0;
    archive.resize(archive.len() + 1024, 0);
    archive.extend([7; 100_000]);
    let mut reader = archive.as_slice();
    let folder = tempfile::tempdir().unwrap();
    unpack(&mut reader, File::open(folder.path()).unwrap()).unwrap();
    assert!(reader.is_empty());
}

/// What the system's tar packs is unpacked as it was.
#[test]
fn agrees_with_gnu_tar() {
    let source = tempfile::tempdir().unwrap();
    let script = "mkdir -p a/b && echo hello > a/b/c && ln a/b/c a/hard && ln -s ../x a/soft && mkfifo a/fifo \
        && mknod a/null c 1 3 && chmod 2750 a/b && chown 7:8 a/hard && touch -d @1234567890.5 a/b/c a/soft -h";
    let run = |command: &str| {
        let shell =
            std::process::Command::new("sh").args(["-ec", command]).current_dir(source.path()).output();
        shell.unwrap().stdout
    };
    run(script);
    let listing = "cd a && find . -printf '%p %y %m %U %G %n %l %T@ %s\\n' | grep -v ' d ' | sort; find . -type d -printf '%p %m %T@\\n' | sort";
    let expected = run(listing);
    for format in ["pax", "gnu"] {
        let archive = run(&format!("tar --format={format} -c a"));
        let layer = unpack_bytes(&archive).unwrap();
        let shell =
            std::process::Command::new("sh").args(["-ec", listing]).current_dir(layer.path("")).output();
        let fraction = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            // GNU's format has whole seconds only.
            if format == "gnu" { strip_fractions(&text) } else { text }
        };
        assert_eq!(fraction(&shell.unwrap().stdout), fraction(&expected), "{format}");
    }
}

fn strip_fractions(listing: &str) -> String {
    let word = |word: &str| match word.split_once('.') {
        Some((seconds, _)) if seconds.parse::<i64>().is_ok() => seconds.to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    listing.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let mut archive = Tar::new().file("xx", "bytes").0;
    archive[0] = 0xff;
    archive[1] = 0xfe;
    let mut fixed = Header::from_byte_slice(&archive[..512]).clone();
    fixed.set_cksum();
    archive[..512].copy_from_slice(fixed.as_bytes());
    let layer = unpack_bytes(&archive).unwrap();
    let name = OsStr::from_bytes(b"\xff\xfe");
    assert_eq!(fs::read_to_string(layer.path("").join(name)).unwrap(), "bytes");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let _ = unpack_bytes(&bytes);
        }

        #[test]
        fn a_changed_archive_stays_inside(at in 0usize..4096, byte: u8, fix: bool) {
            let mut archive = Tar::new()
                .folder("a/")
                .pax(&[("path", b"a/b"), ("SCHILY.xattr.user.x", b"y")])
                .file("b", "content")
                .symlink("link", "..")
                .hard_link("hard", "a/b")
                .file("a/.wh.c", "").0;
            let at = at % archive.len();
            archive[at] = byte;
            if fix {
                let start = at / 512 * 512;
                let mut header = Header::from_byte_slice(&archive[start..start + 512]).clone();
                header.set_cksum();
                archive[start..start + 512].copy_from_slice(header.as_bytes());
            }
            let _ = unpack_bytes(&archive);
        }

        #[test]
        fn names_of_links_and_folders_never_lead_out(
            entries in proptest::collection::vec((0u8..5, "[ab./]{1,6}", "[ab./]{1,6}"), 1..8)
        ) {
            let mut archive = Tar::new();
            for (kind, path, target) in &entries {
                archive = match kind {
                    0 => archive.file(path, "x"),
                    1 => archive.folder(path),
                    2 => archive.symlink(path, target),
                    3 => archive.hard_link(path, target),
                    _ => archive.file(&format!("{path}/.wh.{}", target.replace('/', "")), ""),
                };
            }
            let _ = archive.try_unpack();
        }
    }
}
