//! ext2, ext3 and ext4: Documentation/filesystems/ext4, "Super Block".

use super::{Family, Signature, has, label, le16, le32};

/// What an ext file system says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ext {
    /// The kernel found errors, and nobody has checked it since.
    pub has_errors: bool,
    /// The feature `encrypt`: folders can be encrypted with fscrypt.
    pub can_encrypt: bool,
}

const SUPERBLOCK: usize = 1024;
const MAGIC: [u8; 2] = [0x53, 0xef];

/// `s_state`: errors were found.
const STATE_ERRORS: u16 = 2;
/// `s_feature_compat`: has a journal.
const HAS_JOURNAL: u32 = 4;
/// `s_feature_incompat`: is a journal of another file system.
const JOURNAL_DEVICE: u32 = 8;
/// `s_feature_incompat`: encrypt.
const ENCRYPT: u32 = 0x1_0000;
/// What ext3 knows of `s_feature_incompat`: filetype, recover, meta_bg.
const EXT3_INCOMPAT: u32 = 0x2 | 0x4 | 0x10;
/// What ext3 knows of `s_feature_ro_compat`: sparse_super, large_file, btree_dir.
const EXT3_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;

pub(super) fn identify(head: &[u8]) -> Option<Signature> {
    if !has(head, SUPERBLOCK + 56, &MAGIC) {
        return None;
    }
    let state = le16(head, SUPERBLOCK + 58)?;
    let compat = le32(head, SUPERBLOCK + 92)?;
    let incompat = le32(head, SUPERBLOCK + 96)?;
    let ro_compat = le32(head, SUPERBLOCK + 100)?;
    let label = label(head, SUPERBLOCK + 120, 16);
    if incompat & JOURNAL_DEVICE != 0 {
        return Some(Signature { family: Family::Member, name: "an ext journal", label });
    }
    let name = if incompat & !EXT3_INCOMPAT != 0 || ro_compat & !EXT3_RO_COMPAT != 0 {
        "ext4"
    } else if compat & HAS_JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    };
    let ext = Ext { has_errors: state & STATE_ERRORS != 0, can_encrypt: incompat & ENCRYPT != 0 };
    Some(Signature { family: Family::Ext(ext), name, label })
}
