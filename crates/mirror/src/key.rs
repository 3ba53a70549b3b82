//! Names of files ↔ keys of objects.
//!
//! A key is text, a file's name any bytes. Names that are UTF-8 are taken as they are. Of others, each byte that is no part of a character
//! becomes one character of the private use area, U+EF80 to U+EFFF, that stands for it; so do the bytes of such a character itself, should a
//! name have one. Each name has exactly one key this way, and each key at most one name.

use crate::temporary;
use s3::Object;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// Amazon S3 User Guide, "Naming Amazon S3 objects": at most 1024 bytes.
pub(crate) const MAX_KEY: usize = 1024;
/// One descriptor is open for each level of folders.
pub(crate) const MAX_DEPTH: usize = 128;
/// `NAME_MAX` of linux/limits.h.
const MAX_NAME: usize = 255;
/// Stands for byte 0; those below 0x80 always are characters.
const STAND_IN: u32 = 0xEF00;

/// The part of a key for one name.
pub(crate) fn of_name(name: &[u8]) -> String {
    let mut key = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if byte_of(character).is_some() {
                key.extend(character.encode_utf8(&mut [0; 4]).bytes().map(stand_in));
            } else {
                key.push(character);
            }
        }
        key.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    key
}

/// The key of a path below the folder. `None`: the path leads elsewhere.
pub(crate) fn of_path(path: &Path) -> Option<String> {
    let mut key = String::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                if !key.is_empty() {
                    key.push('/');
                }
                key.push_str(&of_name(name.as_bytes()));
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(key)
}

/// The path for a key below the prefix; a `/` at its end is a folder's and does not count.
///
/// # Errors
/// Why no file can have it.
pub(crate) fn to_path(key: &str) -> Result<PathBuf, &'static str> {
    let mut path = PathBuf::new();
    let key = key.strip_suffix('/').unwrap_or(key);
    for (depth, part) in key.split('/').enumerate() {
        if depth >= MAX_DEPTH {
            return Err("too many folders");
        }
        path.push(to_name(part)?);
    }
    Ok(path)
}

/// The path for an object, whose key is relative to the prefix.
///
/// # Errors
/// Why nothing in a folder can be it.
pub(crate) fn path_of(object: &Object) -> Result<PathBuf, &'static str> {
    if object.key.ends_with('/') && object.size > 0 {
        return Err("it is named like a folder, but has content");
    }
    to_path(&object.key)
}

fn to_name(part: &str) -> Result<OsString, &'static str> {
    match part {
        "" => return Err("an empty name"),
        "." | ".." => return Err("'.' and '..' are no names"),
        _ if part.contains('\0') => return Err("a NUL"),
        _ => {}
    }
    let mut name = Vec::with_capacity(part.len());
    for character in part.chars() {
        match byte_of(character) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if name.len() > MAX_NAME {
        return Err("a name of more than 255 bytes");
    }
    if temporary::is_one(&name) {
        return Err("a name kept for unfinished files");
    }
    // Two keys must not share a file.
    if of_name(&name) != part {
        return Err("its name is written otherwise");
    }
    Ok(OsString::from_vec(name))
}

fn stand_in(byte: u8) -> char {
    // All of U+EF00 to U+EFFF are characters.
    char::from_u32(STAND_IN + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// What a character stands for.
fn byte_of(character: char) -> Option<u8> {
    u32::from(character)
        .checked_sub(STAND_IN)
        .and_then(|byte| u8::try_from(byte).ok())
        .filter(|&byte| byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsStr;

    #[test]
    fn text_is_taken_as_it_is() {
        assert_eq!(of_name("größe \n?*%".as_bytes()), "größe \n?*%");
        assert_eq!(of_name(b"a\xFFb"), "a\u{EFFF}b");
        assert_eq!(of_name("\u{EF80}".as_bytes()), "\u{EFEE}\u{EFBE}\u{EF80}");
    }

    #[test]
    fn keys_that_are_no_paths_are_refused() {
        let long = "x".repeat(256);
        let deep = "d/".repeat(MAX_DEPTH) + "f";
        let refused = [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "../x",
            "a/../../x",
            "a/.",
            "a/..",
            "a\0b",
            &long,
            &deep,
            "\u{EFC3}\u{EFA9}",
            ".b2c-mirror-0-0",
        ];
        for key in refused {
            assert!(to_path(key).is_err(), "{key:?}");
        }
        assert_eq!(to_path("a/b/"), Ok(PathBuf::from("a/b")));
        assert_eq!(to_path("a\\..\\b"), Ok(PathBuf::from("a\\..\\b")));
    }

    #[test]
    fn paths_that_lead_elsewhere_have_no_key() {
        assert_eq!(of_path(Path::new("./a/./b/")).as_deref(), Some("a/b"));
        assert_eq!(of_path(Path::new("")).as_deref(), Some(""));
        assert_eq!(of_path(Path::new("a/../b")), None);
        assert_eq!(of_path(Path::new("/a")), None);
    }

    proptest! {
        #[test]
        fn names_come_back(name in proptest::collection::vec(1u8.., 1..80)) {
            let is_usable = !name.contains(&b'/') && name != b"." && name != b"..";
            prop_assume!(is_usable);
            prop_assert_eq!(to_path(&of_name(&name)), Ok(PathBuf::from(OsStr::from_bytes(&name))));
        }

        #[test]
        fn keys_come_back_or_are_refused(key in "\\PC{0,40}") {
            if let Ok(path) = to_path(&key) {
                prop_assert_eq!(of_path(&path), Some(key.strip_suffix('/').unwrap_or(&key).to_owned()));
                prop_assert!(path.is_relative());
            }
        }
    }
}
