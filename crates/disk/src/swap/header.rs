//! The first page of swap space (`union swap_header` in the kernel's linux/swap.h), in the byte order and page size of the machine.

/// After the space for a boot loader.
const INFO: usize = 1024;
/// Ends the page.
const MAGIC: &[u8; 10] = b"SWAPSPACE2";
/// Fields after [`INFO`]: version, last page, number of bad pages, UUID, label.
const UUID: usize = INFO + 12;
const LABEL: usize = UUID + 16;
const LABEL_LENGTH: usize = 16;

/// Shown by tools, and short enough for the field.
const NAME: &[u8] = b"B2C_SWAP";

/// The page for a space of `size` bytes; `None` for one that holds less than ten pages, as mkswap(8) has it, or more than can be counted.
pub(super) fn page(size: u64, page_size: usize) -> Option<Vec<u8>> {
    let pages = u32::try_from(size / page_size as u64).ok().filter(|&pages| pages >= 10)?;
    let mut page = vec![0; page_size];
    page[INFO..INFO + 4].copy_from_slice(&1_u32.to_ne_bytes());
    page[INFO + 4..INFO + 8].copy_from_slice(&(pages - 1).to_ne_bytes());
    page[UUID..LABEL].copy_from_slice(&uuid());
    page[LABEL..LABEL + LABEL_LENGTH][..NAME.len()].copy_from_slice(NAME);
    page[page_size - MAGIC.len()..].copy_from_slice(MAGIC);
    Some(page)
}

/// A random one (RFC 9562 section 5.4).
fn uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    // getrandom(2) fills a request of this size whole once the kernel's pool is ready, and waits until it is.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

#[cfg(test)]
mod tests {
    use super::page;
    use std::process::Command;

    /// util-linux has the second opinion.
    #[test]
    fn blkid_knows_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        std::fs::write(file.path(), page(1 << 20, 4096).unwrap()).unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let output = Command::new("blkid").args(["-p", "-o", "export"]).arg(file.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for line in ["TYPE=swap", "LABEL=B2C_SWAP", "VERSION=1"] {
            assert!(text.lines().any(|it| it == line), "{text}");
        }
        assert_eq!(text.lines().find_map(|line| line.strip_prefix("UUID=")).unwrap().as_bytes()[14], b'4');
    }

    #[test]
    fn sizes_have_bounds() {
        assert!(page(9 * 4096, 4096).is_none());
        assert!(page(10 * 4096 + 1, 4096).is_some());
        assert!(page(10 << 16, 1 << 16).is_some_and(|page| page.len() == 1 << 16));
        assert!(page(u64::MAX, 4096).is_none());
    }
}
