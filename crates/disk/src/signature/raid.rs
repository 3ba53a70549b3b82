//! RAID by software: md(4), and the kernel's include/uapi/linux/raid/md_p.h.

use super::{Ends, Family, Signature, has, label};

const MAGIC: u32 = 0xa92b_4efc;
/// Bytes from the start of the metadata of version 1.x to the array's name.
const NAME: usize = 32;
/// Metadata of version 0.90 is on a boundary of so many bytes, and as long.
const V0_SIZE: u64 = 64 << 10;

/// Version 1.1 is at the start, 1.2 4 KiB behind it, 1.0 at least 8 KiB before the end, 0.90 at least 64 KiB before it; what Intel's
/// firmware leaves (mdadm, super-intel.c) is in the last sector but one.
pub(super) fn identify(ends: &Ends) -> Option<Signature> {
    let start_of_tail = ends.size.checked_sub(ends.tail.len() as u64)?;
    let in_tail = |at: Option<u64>| usize::try_from(at?.checked_sub(start_of_tail)?).ok();
    let v1_0 = in_tail(ends.size.checked_sub(8 << 10).map(|at| at & !0xfff));
    let v0_90 = in_tail((ends.size & !(V0_SIZE - 1)).checked_sub(V0_SIZE));
    let intel = in_tail(ends.size.checked_sub(1024));

    let v1 = [(&ends.head, Some(0)), (&ends.head, Some(4096)), (&ends.tail, v1_0)];
    let found =
        v1.into_iter().find_map(|(bytes, at)| Some((bytes, at?)).filter(|&(bytes, at)| is_v1(bytes, at)));
    if let Some((bytes, at)) = found {
        return Some(member(label(bytes, at + NAME, 32)));
    }
    // Version 0.90 has the byte order of the machine that made it.
    let is_v0_90 =
        |at| has(&ends.tail, at, &MAGIC.to_le_bytes()) || has(&ends.tail, at, &MAGIC.to_be_bytes());
    let is_intel = |at| has(&ends.tail, at, b"Intel Raid ISM Cfg Sig.");
    (v0_90.is_some_and(is_v0_90) || intel.is_some_and(is_intel)).then(|| member(String::new()))
}

fn is_v1(bytes: &[u8], at: usize) -> bool {
    has(bytes, at, &MAGIC.to_le_bytes()) && has(bytes, at.saturating_add(4), &1_u32.to_le_bytes())
}

fn member(label: String) -> Signature {
    Signature { family: Family::Member, name: "RAID", label }
}
