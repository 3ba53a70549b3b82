//! Block devices: what there is ([`block`]), what is on it ([`signature`]), and how it becomes the drive that keeps things from one boot to the
//! next ([`cache`]). Nothing here knows what is kept there.
//!
//! What a device holds is found out by reading it, never by asking a daemon; file systems are made and repaired by e2fsprogs, all else
//! is the kernel's own interface.

pub mod block;
pub mod cache;
pub mod device;
mod error;
mod events;
mod ext4;
pub mod filesystem;
mod gpt;
mod mount;
pub mod nbd;
pub mod signature;
mod survey;
pub mod swap;
mod trim;
mod wipe;

pub use error::Error;
pub use mount::unmount;
pub use trim::Trim;

/// The error of the last call of the C library, for what rustix has no call for.
fn last_errno() -> rustix::io::Errno {
    let error = std::io::Error::last_os_error();
    rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)
}

/// `size` in bytes as a person reads it: `64MiB`, `1430MiB`, `20GiB`.
pub fn human(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut count = size;
    let mut unit = 0;
    while count >= 10 * 1024 && unit + 1 < UNITS.len() {
        count /= 1024;
        unit += 1;
    }
    format!("{count}{}", UNITS.get(unit).unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_keep_at_least_two_digits() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(512), "512B");
        assert_eq!(human(10 * 1024), "10KiB");
        assert_eq!(human(1_500_000_000), "1430MiB");
        assert_eq!(human(u64::MAX), "16777215TiB");
    }
}
