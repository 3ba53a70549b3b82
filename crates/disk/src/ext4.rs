//! Making and repairing ext4, by e2fsprogs' own programs.

use crate::{Error, wipe};
use std::io::{self, BufRead, BufReader, Read, pipe};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Where the initramfs, and Debian, have them.
const MKE2FS: &str = "/sbin/mke2fs";
const E2FSCK: &str = "/sbin/e2fsck";

/// A file system that is badly broken is reported line by line; more than these say nothing new.
const MOST_LINES: usize = 30;
/// Farms reboot a machine that is silent for minutes.
const INTERVAL: Duration = Duration::from_secs(20);
const STACK: usize = 64 << 10;
/// Longer lines are cut.
const MOST_BYTES: u64 = 64 << 10;

/// Features, whatever the program's defaults are: `encrypt` for volumes with an fscrypt key; not those that kernels from 5.10 on, or the
/// e2fsck of other machines, may not know.
const FEATURES: &str = "encrypt,^orphan_file,^metadata_csum_seed";
/// The lazy ones leave work for the kernel to do beside ours. `discard` tells an SSD that all of it is free.
const EXTENDED: &str = "lazy_itable_init=1,lazy_journal_init=1,discard";

/// e2fsck(8): bits of its exit code.
const FSCK_CORRECTED: i32 = 1;
const FSCK_REBOOT: i32 = 2;
const FSCK_OPERATIONAL_ERROR: i32 = 8;

/// Where the first copy of the superblock is, with blocks of 4 KiB.
const COPY: [&str; 4] = ["-b", "32768", "-B", "4096"];

/// Wipes the device of `size` bytes, and makes an ext4 labelled `label` on it.
///
/// After a power cut in between there is no file system, or one without a valid superblock: mke2fs writes that last, after all else is on the
/// medium.
pub(crate) fn make(path: &Path, size: u64, label: &str) -> Result<(), Error> {
    wipe::wipe(&wipe::claim(path)?, path, size)?;
    let mut command = Command::new(MKE2FS);
    // Nothing is kept back for root (-m 0): everything here is root's. Blocks of 4 KiB (-b) on small disks too: fscrypt wants them as large as a page.
    command.args([
        "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", FEATURES, "-E", EXTENDED, "-L", label,
    ]);
    let status = run("mke2fs", command.arg(path))?;
    if status.success() { Ok(()) } else { Err(failed("mke2fs", path, status)) }
}

/// Checks all of the file system, and repairs what can be repaired without losing anything.
///
/// A superblock is larger than a drive's sector: power can be cut between its halves, and then its checksum is wrong. Its copy is not
/// touched by anything that goes on while the file system is mounted.
pub(crate) fn repair(path: &Path) -> Result<(), Error> {
    let check = |superblock: &[&str]| {
        run("e2fsck", Command::new(E2FSCK).args(["-f", "-p"]).args(superblock).arg(path))
    };
    let mut status = check(&[])?;
    if status.code() == Some(FSCK_OPERATIONAL_ERROR) {
        log::warn!("{}: trying the copy of its superblock", path.display());
        status = check(&COPY)?;
    }
    match status.code() {
        Some(code) if code & !(FSCK_CORRECTED | FSCK_REBOOT) == 0 => Ok(()),
        _ => Err(failed("e2fsck", path, status)),
    }
}

fn failed(program: &'static str, path: &Path, status: ExitStatus) -> Error {
    Error::Program { program, device: path.to_owned(), status }
}

/// Runs a program to its end; what it prints goes to the log, and now and then that it still runs.
fn run(program: &'static str, command: &mut Command) -> Result<ExitStatus, Error> {
    let mut start = || -> io::Result<_> {
        let (output, input) = pipe()?;
        let child = command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).spawn()?;
        // The command keeps its ends of the pipe, which would never be at its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok((child, output))
    };
    let (mut child, output) = start().map_err(Error::io(format!("start {program}")))?;
    let (running, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let heartbeat = move || {
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                log::info!("{program} is still at work");
            }
        };
        // Without it, the work is done in silence.
        let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, heartbeat);
        tell(program, output);
        drop(running);
    });
    child.wait().map_err(Error::io(format!("wait for {program}")))
}

fn tell(program: &str, output: impl Read) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    let mut told = 0;
    // What cannot be read is not told; the exit code is what counts.
    while let Ok(1..) = output.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line) {
        let text = crate::block::printable(&String::from_utf8_lossy(&line));
        line.clear();
        if text.is_empty() {
            continue;
        }
        told += 1;
        match told {
            ..=MOST_LINES => log::info!("{program}: {text}"),
            _ if told == MOST_LINES + 1 => log::info!("{program}: … (the rest is not shown)"),
            _ => {}
        }
    }
}
