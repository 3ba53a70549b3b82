//! Loop devices, and mounts that nobody else sees.

use rustix::thread::UnshareFlags;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::NamedTempFile;

/// Runs a program that has to succeed; gives what it prints.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A block device made of a file; gone with the value.
pub struct Loop {
    _file: NamedTempFile,
    path: PathBuf,
}

impl Loop {
    /// `size` bytes of zeros.
    pub fn blank(size: u64) -> Self {
        let file = NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        let path = run("losetup", &["--find", "--show", file.path().to_str().unwrap()]).into();
        Self { _file: file, path }
    }

    /// What a program such as `mkfs.xfs -q` makes of that.
    pub fn made_by(program: &str, size: u64) -> Self {
        let device = Self::blank(size);
        let mut words = program.split(' ').collect::<Vec<_>>();
        words.push(device.path.to_str().unwrap());
        run(words[0], &words[1..]);
        device
    }

    /// Its node.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // If it is still in use, it goes when that ends.
        let _ = Command::new("/sbin/losetup").arg("--detach").arg(&self.path).status();
    }
}

/// From here on this thread has mounts of its own, which go with it.
pub fn own_mounts() {
    // SAFETY: only the mount namespace and the working directory become the thread's own; no descriptor table is unshared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }.unwrap();
    rustix::mount::mount_change(
        "/",
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC,
    )
    .unwrap();
}
