//! A disk with ext4, as a cache drive has it, in a mount namespace of the test's own.

use rustix::ioctl::{Setter, ioctl, opcode};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::UnshareFlags;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// A small ext4 on a loop device.
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
}

/// One disk at a time: a program that one test starts has, until it is executed, everything open that other tests of the same process have, and a
/// disk with something open cannot be unmounted.
static ONE: Mutex<()> = Mutex::new(());

impl Disk {
    /// Runs `test` with a new disk of that size. What it starts sees the disk, and nobody else does.
    pub fn with(megabytes: u64, test: impl FnOnce(&Disk) + Send) {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            // SAFETY: no descriptor table is unshared, which is what makes unshare unsafe.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            let disk = Disk { folder: tempfile::tempdir().unwrap() };
            std::fs::create_dir(disk.path()).unwrap();
            disk.format(megabytes);
            disk.mount();
            test(&disk);
            disk.unmount();
        };
        std::thread::scope(|scope| {
            if let Err(panic) = scope.spawn(run).join() {
                std::panic::resume_unwind(panic);
            }
        });
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    fn format(&self, megabytes: u64) {
        File::create(self.image()).unwrap().set_len(megabytes << 20).unwrap();
        // As the original makes it.
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F", "-O", "encrypt", "-L", "B2C_CACHE"])
            .arg(self.image()));
    }

    /// Mounts it.
    pub fn mount(&self) {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.path()));
    }

    /// Unmounts it, which fails as long as something on it is open.
    pub fn unmount(&self) {
        run(Command::new("umount").arg(self.path()));
    }

    /// As if the power was cut: what was not flushed is lost, and whoever writes or reads gets errors until it is mounted again. Just
    /// before, somebody else flushes a file: so all names are on the disk, though not what is in the files.
    pub fn cut(&self) {
        /// `EXT4_IOC_SHUTDOWN` of linux/ext4.h, and `EXT4_GOING_FLAGS_NOLOGFLUSH`.
        const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
        const WITHOUT_FLUSH: u32 = 2;
        let mut bystander = File::create(self.path().join("bystander")).unwrap();
        bystander.write_all(b"flushed").unwrap();
        bystander.sync_all().unwrap();
        let disk = File::open(self.path()).unwrap();
        // SAFETY: the kernel reads a number from the pointer that it gets, in spite of the opcode's direction.
        unsafe { ioctl(disk, Setter::<SHUTDOWN, u32>::new(WITHOUT_FLUSH)) }.unwrap();
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
