//! Names of entries: what they may be, and what white-outs say (OCI image-spec, layer.md, "Whiteouts").

/// Longest path, in bytes: PATH_MAX without its NUL.
const MAX_PATH: usize = 4095;
/// Longest component, in bytes: NAME_MAX.
const MAX_NAME: usize = 255;
/// Most components. Real images have a few dozen; removing a tree holds one descriptor per level.
const MAX_DEPTH: usize = 256;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Notes of aufs to itself, which old images hold; all engines drop them.
const AUFS: &[u8] = b".wh..wh.";

/// What an entry's name means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The layer's own folder.
    Root,
    /// Something in a folder.
    Name(Place),
    /// That name of the layers below is hidden.
    Whiteout(Place),
    /// All that the layers below have in that folder is hidden; empty is the root.
    Opaque(Vec<u8>),
    /// Nothing to do.
    Ignored,
}

/// A name in a folder. Neither holds `.`, `..`, empty components or NULs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Relative to the layer's folder; empty is that folder itself.
    pub(super) folder: Vec<u8>,
    /// One component.
    pub(super) name: Vec<u8>,
}

/// Reads the name of an entry.
pub(super) fn target(raw: &[u8]) -> Result<Target, &'static str> {
    let mut components = components(raw)?;
    if components.iter().any(|c| c.starts_with(AUFS) && *c != OPAQUE) {
        return Ok(Target::Ignored);
    }
    let Some(name) = components.pop() else { return Ok(Target::Root) };
    if components.iter().any(|c| c.starts_with(WHITEOUT)) {
        return Err("it lies in a white-out");
    }
    let folder = components.join(&b'/');
    if name == OPAQUE {
        return Ok(Target::Opaque(folder));
    }
    Ok(match name.strip_prefix(WHITEOUT) {
        Some(b"" | b"." | b"..") => return Err("the white-out names nothing"),
        Some(hidden) => Target::Whiteout(Place { folder, name: hidden.to_vec() }),
        None => Target::Name(Place { folder, name: name.to_vec() }),
    })
}

/// Reads the path that a hard link names.
pub(super) fn link_target(raw: &[u8]) -> Result<Place, &'static str> {
    plain(raw)?.ok_or("it links to the root folder")
}

/// Reads a path in which no name means anything else; `None` is the root.
pub(super) fn plain(raw: &[u8]) -> Result<Option<Place>, &'static str> {
    let mut components = components(raw)?;
    let name = components.pop();
    Ok(name.map(|name| Place { folder: components.join(&b'/'), name: name.to_vec() }))
}

/// The components of a path; leading, double and trailing slashes and `.` mean nothing.
fn components(raw: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    if raw.is_empty() {
        return Err("its name is empty");
    }
    if raw.len() > MAX_PATH {
        return Err("its name is longer than 4095 bytes");
    }
    if raw.contains(&0) {
        return Err("its name holds a NUL");
    }
    let components: Vec<&[u8]> = raw.split(|&b| b == b'/').filter(|c| !matches!(*c, b"" | b".")).collect();
    if components.contains(&b"..".as_slice()) {
        return Err("its name holds ..");
    }
    if components.iter().any(|c| c.len() > MAX_NAME) {
        return Err("a part of its name is longer than 255 bytes");
    }
    if components.len() > MAX_DEPTH {
        return Err("it lies deeper than 256 folders");
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(folder: &str, name: &str) -> Place {
        Place { folder: folder.into(), name: name.into() }
    }

    #[test]
    fn names_are_made_relative() {
        for raw in ["a/b/c", "/a/b/c", "./a/b/c", "a//b/./c", "a/b/c/"] {
            assert_eq!(target(raw.as_bytes()), Ok(Target::Name(place("a/b", "c"))), "{raw}");
        }
        for raw in [".", "/", "./", "//./"] {
            assert_eq!(target(raw.as_bytes()), Ok(Target::Root), "{raw}");
        }
    }

    #[test]
    fn whiteouts_are_told_apart() {
        assert_eq!(target(b"a/.wh.b"), Ok(Target::Whiteout(place("a", "b"))));
        assert_eq!(target(b"a/.wh..b"), Ok(Target::Whiteout(place("a", ".b"))));
        assert_eq!(target(b"a/b/.wh..wh..opq"), Ok(Target::Opaque(b"a/b".to_vec())));
        assert_eq!(target(b".wh..wh..opq"), Ok(Target::Opaque(Vec::new())));
        assert_eq!(target(b".wh..wh.plnk/12.34"), Ok(Target::Ignored));
        for bad in ["a/.wh.", "a/.wh..", "a/.wh...", ".wh.a/b"] {
            assert!(target(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_name_leads_out() {
        for bad in ["", "..", "../a", "a/../../b", "/..", "a/..", "a\0b"] {
            assert!(target(bad.as_bytes()).is_err(), "{bad}");
            assert!(link_target(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(target("a/".repeat(300).as_bytes()).is_err());
        assert!(target(&[b'a'; 256]).is_err());
        assert!(target("ab/".repeat(2000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_name_stays_inside_or_is_refused(raw: Vec<u8>) {
            if let Ok(Target::Name(place) | Target::Whiteout(place)) = target(&raw) {
                prop_assert!(!place.name.contains(&b'/') && !place.name.is_empty());
                prop_assert!(!place.folder.starts_with(b"/"));
                prop_assert!(!place.folder.split(|&b| b == b'/').any(|c| c == b".."));
                prop_assert!(place.name != b".." && place.name != b".");
            }
        }
    }
}
