//! Mode, owner and times of a file in the metadata of its object, as minio's client writes and reads them:
//! `atime:1611177602#786120200/gid:1000/mode:33188/mtime:1611177602#786120200/uid:1000`, with `gname` and `uname` where the names are known.

use crate::time;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Statx, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, fchmod, fchown,
    futimens, utimensat,
};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// The metadata that holds them, and s3cmd's, which minio's client reads as well.
const NAMES: [&str; 2] = ["mc-attrs", "s3cmd-attrs"];
/// A store may send 2 KB of metadata (Amazon S3 User Guide, "User-defined object metadata"); some allow more.
const MAX_LENGTH: usize = 8192;
/// Kept quirk: minio's client restores no set-user-ID, set-group-ID and sticky bits. A bucket cannot give a container a program that makes
/// its users root.
const MODE: u32 = 0o777;

/// What is known of a file besides its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Kind and permissions, as in `st_mode`.
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    /// In nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) atime: Option<i128>,
    /// In nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) mtime: Option<i128>,
}

impl Attributes {
    pub(crate) fn of(stat: &Statx) -> Attributes {
        Attributes {
            mode: Some(stat.stx_mode.into()),
            uid: Some(stat.stx_uid),
            gid: Some(stat.stx_gid),
            atime: Some(time::of(stat.stx_atime)),
            mtime: Some(time::of(stat.stx_mtime)),
        }
    }

    /// Names are left out: the initramfs does not know those of the containers.
    pub(crate) fn to_metadata(self) -> BTreeMap<String, String> {
        let number = |name, value: Option<u32>| Some(format!("{name}:{}", value?));
        let time = |name, nanoseconds: Option<i128>| {
            let (seconds, nanoseconds) = time::split(nanoseconds?)?;
            Some(format!("{name}:{seconds}#{nanoseconds}"))
        };
        let parts = [
            time("atime", self.atime),
            number("gid", self.gid),
            number("mode", self.mode),
            time("mtime", self.mtime),
            number("uid", self.uid),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        BTreeMap::from([(NAMES[0].to_owned(), text)])
    }

    /// What can be understood; all else, `md5` for example, is left.
    pub(crate) fn from_metadata(metadata: &BTreeMap<String, String>) -> Attributes {
        let text = NAMES.iter().find_map(|&name| metadata.get(name)).filter(|text| text.len() <= MAX_LENGTH);
        let mut attributes = Attributes::default();
        for (name, value) in
            text.into_iter().flat_map(|text| text.split('/')).filter_map(|part| part.split_once(':'))
        {
            let value = value.trim();
            match name.trim() {
                "mode" => attributes.mode = parse_mode(value),
                "uid" => attributes.uid = parse_id(value),
                "gid" => attributes.gid = parse_id(value),
                "atime" => attributes.atime = parse_time(value),
                "mtime" => attributes.mtime = parse_time(value),
                _ => {}
            }
        }
        attributes
    }

    pub(crate) fn is_link(&self) -> bool {
        self.mode.is_some_and(|mode| FileType::from_raw_mode(mode) == FileType::Symlink)
    }

    /// Gives them to an open file or folder. The times come last, for all else changes them.
    pub(crate) fn apply(&self, file: BorrowedFd<'_>) -> Result<(), Errno> {
        let (uid, gid) = self.owner();
        fchown(file, uid, gid)?;
        if let Some(mode) = self.mode {
            fchmod(file, Mode::from_raw_mode(mode & MODE))?;
        }
        futimens(file, &self.times())
    }

    /// Gives them to a link, which has no mode of its own.
    pub(crate) fn apply_to_link(&self, folder: BorrowedFd<'_>, name: &Path) -> Result<(), Errno> {
        let (uid, gid) = self.owner();
        chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        utimensat(folder, name, &self.times(), AtFlags::SYMLINK_NOFOLLOW)
    }

    fn owner(&self) -> (Option<Uid>, Option<Gid>) {
        (self.uid.map(Uid::from_raw), self.gid.map(Gid::from_raw))
    }

    fn times(&self) -> Timestamps {
        let time = |nanoseconds: Option<i128>| match nanoseconds.and_then(time::split) {
            Some((tv_sec, tv_nsec)) => Timespec { tv_sec, tv_nsec },
            None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        };
        Timestamps { last_access: time(self.atime), last_modification: time(self.mtime) }
    }
}

/// Decimal; octal if it begins with a 0, as minio's client takes it.
fn parse_mode(text: &str) -> Option<u32> {
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The highest number means "as it is" to chown(2).
fn parse_id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

/// Seconds, and nanoseconds behind a `#`.
fn parse_time(text: &str) -> Option<i128> {
    let (seconds, nanoseconds) = text.split_once('#').unwrap_or((text, "0"));
    let nanoseconds: u32 = nanoseconds.parse().ok().filter(|&nanoseconds| nanoseconds < 1_000_000_000)?;
    Some(time::join(seconds.parse().ok()?, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Attributes {
        Attributes::from_metadata(&BTreeMap::from([("mc-attrs".to_owned(), text.to_owned())]))
    }

    #[test]
    fn what_the_client_of_minio_writes_is_read() {
        let text = "atime:1611177602#786120200/gid:1000/gname:debian/mode:33188/mtime:1611177601#5/uid:1001/uname:debian";
        let attributes = Attributes {
            mode: Some(0o100_644),
            uid: Some(1001),
            gid: Some(1000),
            atime: Some(1_611_177_602_786_120_200),
            mtime: Some(1_611_177_601_000_000_005),
        };
        assert_eq!(parse(text), attributes);
        let written = "atime:1611177602#786120200/gid:1000/mode:33188/mtime:1611177601#5/uid:1001";
        assert_eq!(attributes.to_metadata(), BTreeMap::from([("mc-attrs".to_owned(), written.to_owned())]));
    }

    #[test]
    fn what_cannot_be_understood_is_left() {
        let old = "atime:2019-12-04 11:07:31.90513642 +0000 GMT/ctime:0/gid:-1/md5:abc/mode:x/mtime:1#1000000000/uid:4294967295//:/a";
        assert_eq!(parse(old), Attributes::default());
        assert_eq!(parse(&"uid:1/".repeat(2000)), Attributes::default());
        assert_eq!(parse("mode:0100600").mode, Some(0o100_600));
        assert_eq!(parse("mtime:12").mtime, Some(12_000_000_000));
        assert_eq!(parse("mtime:-1#1").mtime, Some(-999_999_999));
    }

    proptest! {
        #[test]
        fn attributes_come_back(mode: u32, uid in 0..u32::MAX, gid in 0..u32::MAX, atime: i64, mtime: i64) {
            let (atime, mtime) = (Some(atime.into()), Some(mtime.into()));
            let attributes = Attributes { mode: Some(mode), uid: Some(uid), gid: Some(gid), atime, mtime };
            prop_assert_eq!(Attributes::from_metadata(&attributes.to_metadata()), attributes);
        }
    }
}
