//! `b2c.filesystem`: mounted where another option names it.

use disk::filesystem::{self, Spec};
use options::{Filesystem, Options};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use std::path::{Path, PathBuf};

/// Mounts the file system of that name on the folder `target`. The reason for a failure names it.
pub fn mount(options: &Options, name: &str, target: &Path) -> Result<(), String> {
    mount_with(options, name, target, &[])
}

/// As [`mount`], with further mount options.
pub fn mount_with(options: &Options, name: &str, target: &Path, more: &[&str]) -> Result<(), String> {
    let known = options.filesystem.iter().rfind(|known| known.name == name);
    let known = known.ok_or_else(|| format!("there is no b2c.filesystem named {name}"))?;
    let mut spec = spec(known);
    spec.options.extend(more.iter().map(|&word| word.to_owned()));
    filesystem::mount(&spec, target).map_err(|error| format!("b2c.filesystem={name}: {error}"))
}

/// Whether any of them is on another machine.
pub fn need_network(options: &Options) -> bool {
    options.filesystem.iter().any(|known| filesystem::needs_network(&spec(known)))
}

fn spec(known: &Filesystem) -> Spec {
    Spec { source: known.src.clone(), kind: known.kind.clone(), options: known.opts.reveal().clone() }
}

/// File systems that go when the value is dropped, the last one first.
#[derive(Default)]
pub struct Mounts(Vec<PathBuf>);

impl Mounts {
    /// Takes over what is mounted at `target`.
    pub fn keep(&mut self, target: PathBuf) {
        self.0.push(target);
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        while let Some(target) = self.0.pop() {
            match unmount(&target, UnmountFlags::NOFOLLOW) {
                // Process 1 tries once more, when everything has been killed.
                Err(errno @ Errno::BUSY) => log::warn!("{} stays mounted for now: {errno}", target.display()),
                Err(errno) => log::error!("{} cannot be unmounted: {errno}", target.display()),
                Ok(()) => {}
            }
        }
    }
}
