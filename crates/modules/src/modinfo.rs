//! The `.modinfo` section of a module's ELF file: NUL-separated `key=value` strings (linux/module.h, MODULE_INFO).

/// Values of `key` in a module's image, in order. A damaged image has none.
pub(crate) fn values<'a>(image: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a str> {
    section(image, b".modinfo").unwrap_or_default().split(|&byte| byte == 0).filter_map(move |entry| {
        let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
        (name == key).then_some(value)
    })
}

/// Finds a section by name: ELF-64 and ELF-32, either byte order (System V ABI, chapter 4).
fn section<'a>(image: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let elf = Elf::new(image)?;
    let names = elf.contents(elf.header(elf.names_index)?)?;
    (0..elf.count).filter_map(|index| elf.header(index)).find_map(|header| {
        let start = usize::try_from(elf.number(header, 0, 4)?).ok()?;
        let candidate = names.get(start..)?.split(|&byte| byte == 0).next()?;
        (candidate == name).then(|| elf.contents(header))?
    })
}

/// The file header's part that leads to the sections.
struct Elf<'a> {
    image: &'a [u8],
    wide: bool,
    little: bool,
    table: usize,
    entry_size: usize,
    count: usize,
    names_index: usize,
}

impl<'a> Elf<'a> {
    fn new(image: &'a [u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), ..] = *image else { return None };
        let mut elf = Self {
            image,
            wide: class == 2,
            little: order == 1,
            table: 0,
            entry_size: 0,
            count: 0,
            names_index: 0,
        };
        // e_shoff, e_shentsize, e_shnum, e_shstrndx.
        let (offset, width, rest) = if elf.wide { (0x28, 8, 0x3a) } else { (0x20, 4, 0x2e) };
        let field = |at, width| usize::try_from(elf.number(image, at, width)?).ok();
        let (table, entry_size) = (field(offset, width)?, field(rest, 2)?);
        let (count, names_index) = (field(rest + 2, 2)?, field(rest + 4, 2)?);
        (elf.table, elf.entry_size, elf.count, elf.names_index) = (table, entry_size, count, names_index);
        Some(elf)
    }

    fn header(&self, index: usize) -> Option<&'a [u8]> {
        let start = self.table.checked_add(index.checked_mul(self.entry_size)?)?;
        self.image.get(start..start.checked_add(self.entry_size)?)
    }

    /// What sh_offset and sh_size of a section header point at.
    fn contents(&self, header: &[u8]) -> Option<&'a [u8]> {
        let (offset, size, width) = if self.wide { (0x18, 0x20, 8) } else { (0x10, 0x14, 4) };
        let start = usize::try_from(self.number(header, offset, width)?).ok()?;
        let size = usize::try_from(self.number(header, size, width)?).ok()?;
        self.image.get(start..start.checked_add(size)?)
    }

    fn number(&self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(width)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest relocatable file that holds these `.modinfo` strings.
    pub(crate) fn image(wide: bool, little: bool, entries: &[&str]) -> Vec<u8> {
        let modinfo: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes().chain([0])).collect();
        let names = b"\0.modinfo\0.shstrtab\0";
        let (header, entry) = if wide { (64, 64) } else { (52, 40) };
        let number = |value: usize, width: usize| -> Vec<u8> {
            let bytes = (value as u64).to_le_bytes();
            if little { bytes[..width].to_vec() } else { bytes[..width].iter().rev().copied().collect() }
        };
        let mut image = vec![0; header];
        image[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 2 - u8::from(little), 1]);
        image.extend(&modinfo);
        image.extend(names);
        let table = image.len();
        let mut put = |at: usize, value: usize, width: usize| {
            image[at..at + width].copy_from_slice(&number(value, width));
        };
        let rest = if wide { 0x3a } else { 0x2e };
        put(if wide { 0x28 } else { 0x20 }, table, if wide { 8 } else { 4 });
        put(rest, entry, 2);
        put(rest + 2, 3, 2);
        put(rest + 4, 2, 2);
        for (name, offset, size) in
            [(0, 0, 0), (1, header, modinfo.len()), (10, header + modinfo.len(), names.len())]
        {
            let mut section = vec![0; entry];
            section[..4].copy_from_slice(&number(name, 4));
            let (at, width) = if wide { (0x18, 8) } else { (0x10, 4) };
            section[at..at + width].copy_from_slice(&number(offset, width));
            section[at + width..at + 2 * width].copy_from_slice(&number(size, width));
            image.extend(section);
        }
        image
    }

    #[test]
    fn reads_every_class_and_byte_order() {
        for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
            let image = image(wide, little, &["license=GPL", "alias=a*", "depends=x,y", "alias=b", "odd"]);
            assert_eq!(
                values(&image, "alias").collect::<Vec<_>>(),
                ["a*", "b"],
                "wide {wide}, little {little}"
            );
            assert_eq!(values(&image, "depends").next(), Some("x,y"));
            assert_eq!(values(&image, "odd").next(), None);
        }
    }

    proptest! {
        #[test]
        fn survives_damage(
            wide: bool, little: bool, cut in 0usize..400, at in 0usize..400, byte: u8,
        ) {
            let mut image = image(wide, little, &["depends=x"]);
            image.truncate(cut);
            if let Some(place) = image.get_mut(at) {
                *place = byte;
            }
            let _ = values(&image, "depends").count();
        }
    }
}
