//! `b2c.report=virtio`: a port of a virtio-serial device ("Console Device" in the virtio specification), of which the host reads what we write.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

/// The port's name, as QEMU's `-device virtserialport,name=` gives it.
const NAME: &str = "org.b2c.report";
/// One folder per port, with a file `name` in it.
const PORTS: &str = "/sys/class/virtio-ports";
/// For a driver that comes late, and again for each piece that the host does not take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks. The kernel says nothing that could be waited for: a port without a host always seems to have hung up.
const LOOK: Duration = Duration::from_millis(50);

/// Writes `json` and a line end.
///
/// # Errors
/// There is no such port, or nobody reads it.
pub fn write(json: &str) -> Result<(), String> {
    let device = patiently(|| find().ok_or(Errno::AGAIN)).map_err(|_| {
        format!("there is no virtio-serial port named {NAME}, or the module virtio_console is missing")
    })?;
    let port = rustix::fs::open(&device, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let port = port.map_err(|errno| format!("{device}: {errno}"))?;
    write_all(port.as_fd(), format!("{json}\n").as_bytes()).map_err(|errno| match errno {
        Errno::AGAIN => format!("nobody on the host reads the port {NAME}"),
        errno => format!("{device}: {errno}"),
    })
}

fn find() -> Option<String> {
    fs::read_dir(PORTS).ok()?.flatten().find_map(|port| {
        let name = fs::read_to_string(port.path().join("name")).ok()?;
        (name.trim_end() == NAME).then(|| format!("/dev/{}", port.file_name().to_string_lossy()))
    })
}

fn write_all(port: std::os::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        // A port that takes nothing is as good as one that would block.
        let count = patiently(|| match rustix::io::write(port, bytes)? {
            0 => Err(Errno::AGAIN),
            count => Ok(count),
        })?;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// Tries for as long as the patience lasts.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < deadline => thread::sleep(LOOK),
            result => return result,
        }
    }
}
