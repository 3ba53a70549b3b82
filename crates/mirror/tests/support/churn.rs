//! Somebody who changes a folder without end, and a folder beside it that things are moved to and from.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Ones with the same seed do the same, as far as others do not get in their way.
pub struct Churn {
    pub inside: PathBuf,
    pub outside: PathBuf,
    /// So many names are used in each folder. With few, all is changed all the time; with many, much grows before it goes.
    pub names: u64,
    pub random: fastrand::Rng,
}

impl Churn {
    pub fn new(inside: &Path, outside: &Path, names: u64, seed: u64) -> Churn {
        let random = fastrand::Rng::with_seed(seed);
        Churn { inside: inside.to_owned(), outside: outside.to_owned(), names, random }
    }

    /// One operation. `false`: it failed, because something is not there or in the way.
    pub fn turn(&mut self) -> bool {
        let (here, there) = (self.place(), self.place());
        let name = self.name();
        let away = self.outside.join(name);
        let done = match self.random.u8(0..16) {
            0..5 => self.write(&here),
            5..7 => self.append(&here),
            7 => fs::create_dir_all(&here).and_then(|()| self.write(&here.join("x"))),
            8..10 => fs::rename(here, there),
            10 => renameat_with(CWD, here, CWD, there, RenameFlags::EXCHANGE).map_err(Into::into),
            11 => fs::rename(here, away),
            12 => fs::rename(away, here),
            13 => fs::remove_file(here),
            14 => fs::remove_dir_all(here),
            _ => std::os::unix::fs::symlink(&self.outside, here),
        };
        done.is_ok()
    }

    fn name(&mut self) -> String {
        self.random.u64(0..self.names).to_string()
    }

    /// Deep ones are rarer.
    fn place(&mut self) -> PathBuf {
        let name = self.name();
        let mut place = self.inside.join(name);
        while self.random.u8(0..3) > 0 {
            place.push(self.name());
        }
        place
    }

    fn write(&mut self, file: &Path) -> std::io::Result<()> {
        fs::write(file, vec![self.random.u8(..); self.random.usize(0..64)])
    }

    fn append(&mut self, file: &Path) -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(file)?;
        file.write_all(b"more")
    }
}
