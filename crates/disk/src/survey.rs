//! Everything that there is to know about a disk before it is taken or left alone.

use crate::block::{Device, Disk, Partition};
use crate::signature::{Ends, Signature, identify};
use crate::{block, human};
use std::fmt::Write as _;

/// A disk and what is on it. What cannot be read is `Err`, with the reason.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) disk: Disk,
    pub(crate) whole: Result<Content, String>,
    pub(crate) partitions: Vec<(Partition, Result<Option<Signature>, String>)>,
}

/// What a disk begins with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) signature: Option<Signature>,
    /// `GPT`, `MBR`.
    pub(crate) table: Option<&'static str>,
    /// There is code in the boot sector, for a BIOS to run.
    pub(crate) has_boot_code: bool,
}

impl Survey {
    pub(crate) fn of(disk: Disk) -> Self {
        let whole = read(&disk.device).map(|ends| Content::of(&ends));
        let look =
            |partition: &Partition| (partition.clone(), read(&partition.device).map(|ends| identify(&ends)));
        let partitions = disk.partitions.iter().map(look).collect();
        Self { disk, whole, partitions }
    }

    /// The disk and its partitions, and what is known to be on each.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (&Device, Option<&Signature>)> {
        let whole = self.whole.as_ref().ok().and_then(|content| content.signature.as_ref());
        let parts = self.partitions.iter();
        std::iter::once((&self.disk.device, whole)).chain(
            parts.map(|(part, content)| (&part.device, content.as_ref().ok().and_then(Option::as_ref))),
        )
    }

    /// What would be lost: `GPT, 2 partitions: vfat "EFI", ext4 "root"`.
    pub(crate) fn contents(&self) -> String {
        let content = match &self.whole {
            Ok(content) => content,
            Err(reason) => return format!("what cannot be read ({reason})"),
        };
        let mut text = match (content.table, self.partitions.len()) {
            // A file system on the whole disk may look like the start of a table.
            (Some(table), count) if count > 0 || content.signature.is_none() => {
                format!("{table}, {count} partition{}", if count == 1 { "" } else { "s" })
            }
            _ => String::new(),
        };
        for (index, signature) in self.devices().filter_map(|(_, signature)| signature).enumerate() {
            let separator = match (index, text.is_empty()) {
                (_, true) => "",
                (0, false) => ": ",
                _ => ", ",
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{signature}");
        }
        if text.is_empty() { "nothing that is known here".to_owned() } else { text }
    }

    /// For the console: `/dev/sda (QEMU HARDDISK, 20GiB)`.
    pub(crate) fn title(&self) -> String {
        let device = &self.disk.device;
        let model = if self.disk.model.is_empty() { "" } else { &format!("{}, ", self.disk.model) };
        format!("{} ({model}{})", device.path.display(), human(device.size))
    }
}

impl Content {
    fn of(ends: &Ends) -> Self {
        let has_mark = ends.head.get(510..512) == Some(&[0x55, 0xaa]);
        // The second sector, whose size is one of the two.
        let is_gpt = [512, 4096].into_iter().any(|at| ends.head.get(at..at + 8) == Some(b"EFI PART"));
        let boot_code = ends.head.get(..440).unwrap_or_default();
        Self {
            signature: identify(ends),
            table: if is_gpt { Some("GPT") } else { has_mark.then_some("MBR") },
            has_boot_code: has_mark && boot_code.iter().any(|&byte| byte != 0),
        }
    }
}

fn read(device: &Device) -> Result<Ends, String> {
    Ends::read(&device.path, device.size).map_err(|error| error.to_string())
}

/// All disks on which something can be kept, looked at.
pub(crate) fn all() -> Vec<Survey> {
    let disks = block::disks().into_iter();
    disks.filter(|disk| disk.kind != block::DiskKind::Other && disk.device.size > 0).map(Survey::of).collect()
}
