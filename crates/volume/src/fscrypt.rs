//! The kernel's interface to fscrypt, version 2: keys of a file system, policies of folders (Documentation/filesystems/fscrypt.rst,
//! linux/fscrypt.h).

use rustix::{
    io::Errno,
    ioctl::{Direction, Opcode, Setter, Updater, ioctl, opcode},
};
use std::{hint::black_box, os::fd::BorrowedFd};

/// What the kernel calls a key: derived from it, but not a secret (`FSCRYPT_KEY_IDENTIFIER_SIZE`).
pub(crate) type Identifier = [u8; 16];

/// `FSCRYPT_MAX_KEY_SIZE`.
pub(crate) const MAX_KEY: usize = 64;

/// `struct fscrypt_key_specifier`.
#[repr(C)]
struct KeySpecifier {
    kind: u32,
    reserved: u32,
    /// The identifier, and 16 zeros.
    name: [[u8; 16]; 2],
}

/// `FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER`.
const BY_IDENTIFIER: u32 = 2;

/// `struct fscrypt_add_key_arg` with room for the key.
#[repr(C)]
struct AddKey {
    specifier: KeySpecifier,
    raw_size: u32,
    key_id: u32,
    reserved: [u32; 8],
    raw: [u8; MAX_KEY],
}

/// `struct fscrypt_remove_key_arg`.
#[repr(C)]
struct RemoveKey {
    specifier: KeySpecifier,
    status: u32,
    reserved: [u32; 5],
}

/// `FSCRYPT_KEY_REMOVAL_STATUS_FLAG_FILES_BUSY`.
const FILES_BUSY: u32 = 1;

/// `struct fscrypt_policy_v2`.
#[repr(C)]
#[derive(Default)]
struct Policy2 {
    version: u8,
    contents_mode: u8,
    filenames_mode: u8,
    flags: u8,
    reserved: [u8; 4],
    identifier: Identifier,
}

const VERSION_2: u8 = 2;
/// `FSCRYPT_MODE_AES_256_XTS`, `FSCRYPT_MODE_AES_256_CTS` and `FSCRYPT_POLICY_FLAGS_PAD_32`: what fscryptctl(1) and fscrypt(8) take unless told otherwise.
const AES_256_XTS: u8 = 1;
const AES_256_CTS: u8 = 4;
const PAD_32: u8 = 3;

/// `struct fscrypt_get_policy_ex_arg`.
#[repr(C)]
struct GetPolicy {
    size: u64,
    policy: Policy2,
}

// The sizes in the numbers are those of the structures without what may follow them.
const SET_POLICY: Opcode = opcode::from_components(Direction::Read, b'f', 19, 12);
const GET_POLICY_EX: Opcode = opcode::from_components(Direction::ReadWrite, b'f', 22, 9);
const ADD_KEY: Opcode = opcode::from_components(Direction::ReadWrite, b'f', 23, 80);
const REMOVE_KEY: Opcode = opcode::from_components(Direction::ReadWrite, b'f', 24, 64);

/// How a folder is encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Not at all.
    None,
    /// With the key of that identifier.
    Key(Identifier),
    /// In a way that is not ours: version 1.
    Other,
}

/// Gives a key to the file system that `fd` is on. It holds at most [`MAX_KEY`] bytes.
pub(crate) fn add_key(fd: BorrowedFd<'_>, key: &[u8]) -> Result<Identifier, Errno> {
    let mut argument = AddKey {
        specifier: KeySpecifier { kind: BY_IDENTIFIER, reserved: 0, name: [[0; 16]; 2] },
        raw_size: u32::try_from(key.len()).map_err(|_| Errno::INVAL)?,
        key_id: 0,
        reserved: [0; 8],
        raw: [0; MAX_KEY],
    };
    argument.raw.get_mut(..key.len()).ok_or(Errno::INVAL)?.copy_from_slice(key);
    // SAFETY: the kernel reads a struct fscrypt_add_key_arg and raw_size bytes after it, all of which AddKey holds, and writes to the specifier.
    let added = unsafe { ioctl(fd, Updater::<ADD_KEY, AddKey>::new(&mut argument)) };
    argument.raw.fill(0);
    // So that the compiler does not take zeroing for useless.
    black_box(&argument.raw);
    added.map(|()| argument.specifier.name[0])
}

/// Takes a key from the file system. `false`: something encrypted with it is still open, and stays readable until it is closed.
pub(crate) fn remove_key(fd: BorrowedFd<'_>, identifier: &Identifier) -> Result<bool, Errno> {
    let mut argument = RemoveKey {
        specifier: KeySpecifier { kind: BY_IDENTIFIER, reserved: 0, name: [*identifier, [0; 16]] },
        status: 0,
        reserved: [0; 5],
    };
    // SAFETY: the kernel reads and writes a struct fscrypt_remove_key_arg, which RemoveKey is.
    match unsafe { ioctl(fd, Updater::<REMOVE_KEY, RemoveKey>::new(&mut argument)) } {
        Ok(()) => Ok(argument.status & FILES_BUSY == 0),
        // Two volumes with the same key: it went with the first.
        Err(Errno::NOKEY) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// How a folder is encrypted.
pub(crate) fn policy(folder: BorrowedFd<'_>) -> Result<Policy, Errno> {
    let mut argument = GetPolicy { size: size_of::<Policy2>() as u64, policy: Policy2::default() };
    // SAFETY: the kernel reads the size, which says how many bytes there are after it, and writes no more than that.
    match unsafe { ioctl(folder, Updater::<GET_POLICY_EX, GetPolicy>::new(&mut argument)) } {
        Ok(()) if argument.policy.version == VERSION_2 => Ok(Policy::Key(argument.policy.identifier)),
        Ok(()) => Ok(Policy::Other),
        Err(Errno::NODATA) => Ok(Policy::None),
        Err(errno) => Err(errno),
    }
}

/// Encrypts an empty folder, and all that will be in it, with a key that the file system has.
pub(crate) fn set_policy(folder: BorrowedFd<'_>, identifier: &Identifier) -> Result<(), Errno> {
    let policy = Policy2 {
        version: VERSION_2,
        contents_mode: AES_256_XTS,
        filenames_mode: AES_256_CTS,
        flags: PAD_32,
        reserved: [0; 4],
        identifier: *identifier,
    };
    // SAFETY: by the version, the kernel reads a struct fscrypt_policy_v2, which Policy2 is.
    unsafe { ioctl(folder, Setter::<SET_POLICY, Policy2>::new(policy)) }
}
