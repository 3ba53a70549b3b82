//! `b2c.keymap`: the layout of the keyboards of virtual terminals.
//!
//! Keymaps come as kbd's `loadkeys --bkeymap` writes them and busybox's `loadkmap` reads them: a word, a byte for each of the kernel's tables that says whether it
//! follows, and those tables.

use crate::console::{CONSOLE, Fold};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;

/// Where an archive of the initrd brings them, as `NAME.bmap`.
const FOLDER: &str = "/usr/share/keymaps";
/// The virtual terminal that is shown; all share one keymap.
const TERMINAL: &str = "/dev/tty0";

const MAGIC: &[u8] = b"bkeymap";
/// Tables that there can be, one for each combination of modifiers (linux/keyboard.h, `MAX_NR_KEYMAPS`).
const TABLES: usize = 256;
/// Keys of a table in this format (`NR_KEYS` when it was made).
const KEYS: usize = 128;
/// With all tables.
const MAX_SIZE: usize = MAGIC.len() + TABLES + TABLES * KEYS * 2;

/// Sets one key (linux/kd.h).
const KDSKBENT: libc::c_ulong = 0x4b47;

/// `struct kbentry` of linux/kd.h.
#[repr(C)]
struct KeyEntry {
    table: u8,
    key: u8,
    value: u16,
}

/// Loads the keymap, if one is asked for. A job runs as well without it, so a failure is an error line.
pub fn set(name: Option<&str>) {
    let Some(name) = name else { return };
    CONSOLE.section("set_keymap", &format!("Setting the keymap to {name}"), Fold::Collapsed);
    if let Err(reason) = load(name) {
        CONSOLE.error(&format!("b2c.keymap={name}: {reason}; the keymap stays as it is"));
    }
}

fn load(name: &str) -> Result<(), String> {
    let path = Path::new(FOLDER).join(format!("{name}.bmap"));
    let bytes = read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "there is no {}; append keymaps.cpio.xz to the initramfs, or correct the name",
                path.display()
            )
        }
        _ => format!("cannot read {}: {error}", path.display()),
    })?;
    let entries =
        parse(&bytes).ok_or_else(|| format!("{} is no keymap, or it is damaged", path.display()))?;
    let terminal = File::options().read(true).write(true).open(TERMINAL);
    let terminal = terminal.map_err(|error| {
        format!("this machine has no virtual terminal ({TERMINAL}: {error}), and serial lines have no keymap")
    })?;
    entries
        .iter()
        .try_for_each(|entry| set_key(&terminal, entry))
        .map_err(|error| format!("the kernel refuses it: {error}"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more shows that there is more.
    File::open(path)?.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The keys, table by table; `None` if the bytes are not exactly a keymap.
fn parse(bytes: &[u8]) -> Option<Vec<KeyEntry>> {
    let (flags, values) = bytes.strip_prefix(MAGIC)?.split_at_checked(TABLES)?;
    if flags.iter().any(|&flag| flag > 1) {
        return None;
    }
    let tables = (0..=u8::MAX).zip(flags).filter(|(_, flag)| **flag == 1).map(|(table, _)| table);
    let keys = (0..=u8::MAX).take(KEYS);
    let places: Vec<_> = tables.flat_map(|table| keys.clone().map(move |key| (table, key))).collect();
    let (values, rest) = values.as_chunks::<2>();
    if values.len() != places.len() || !rest.is_empty() {
        return None;
    }
    // In the byte order of the machine that the archive is made for; that it is little-endian is true of all.
    let entry = |((table, key), value): ((u8, u8), &[u8; 2])| KeyEntry {
        table,
        key,
        value: u16::from_le_bytes(*value),
    };
    Some(places.into_iter().zip(values).map(entry).collect())
}

fn set_key(terminal: &File, entry: &KeyEntry) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the kernel only reads the four bytes of the entry, which lives until the call returns.
    let answer = unsafe { libc::ioctl(terminal.as_raw_fd(), KDSKBENT as _, std::ptr::from_ref(entry)) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keymap with those tables, whose keys count up.
    fn keymap(tables: &[usize]) -> Vec<u8> {
        let flags = (0..TABLES).map(|table| u8::from(tables.contains(&table)));
        let values = (0_u16..).take(tables.len() * KEYS).flat_map(u16::to_le_bytes);
        MAGIC.iter().copied().chain(flags).chain(values).collect()
    }

    #[test]
    fn keys_are_numbered_by_table() {
        let entries = parse(&keymap(&[0, 4])).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| (entry.table, entry.key, entry.value)).collect();
        assert_eq!(
            (found.len(), found[127], found[128], found[255]),
            (256, (0, 127, 127), (4, 0, 128), (4, 127, 255))
        );
        assert!(parse(&keymap(&[])).unwrap().is_empty());
        assert_eq!(keymap(&(0..TABLES).collect::<Vec<_>>()).len(), MAX_SIZE);
    }

    #[test]
    fn what_is_not_exactly_a_keymap_is_refused() {
        let whole = keymap(&[0, 255]);
        assert!((0..whole.len()).all(|end| parse(&whole[..end]).is_none()));
        assert!(parse(&[&whole[..], &[0]].concat()).is_none());
        let mut flag = whole.clone();
        flag[MAGIC.len()] = 2;
        assert!(parse(&flag).is_none());
    }
}
