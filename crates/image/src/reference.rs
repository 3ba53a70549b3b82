//! Image references, read as podman reads them (the grammar of github.com/distribution/reference).
//!
//! The grammar is checked before anything else is done with the text: what passed is safe in a URL and in a file name
//! (CVE-2021-20291, CVE-2024-3727).

use crate::digest::{Algorithm, Digest, is_lower_hex};
use std::fmt;

/// Where short names live.
const DEFAULT_HOST: &str = "docker.io";
/// Docker Hub's name is not where Docker Hub's registry is.
const DEFAULT_REGISTRY: &str = "registry-1.docker.io";
/// Longest repository, in bytes.
const MAX_REPOSITORY: usize = 255;
/// Longest tag, in bytes.
const MAX_TAG: usize = 128;
/// The transports of containers-transports(5) that name something else than a registry.
const OTHER_TRANSPORTS: [&str; 10] = [
    "atomic",
    "containers-storage",
    "dir",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
];

/// What image is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An image in a registry.
    Name(Name),
    /// A bare image ID, the digest of an image's configuration: such an image can only be in the store already.
    Id(Digest),
}

/// An image in a registry. Always has a tag or a digest; where it has both, the digest decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// The text is no image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image reference: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: String,
}

impl Reference {
    /// Reads `[docker://][host[:port]/]repository[:tag][@digest]`, or 64 hex digits that are an image ID.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError {
            text: text.chars().take(300).collect(),
            reason: reason.into(),
        })
    }
}

impl Name {
    /// `host[:port]` as in the reference; `docker.io` for short names.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host[:port]` of the registry's API.
    pub fn registry(&self) -> &str {
        registry_of(&self.host)
    }

    /// The path in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// If the image is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the registry for: the digest or else the tag.
    pub fn version(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".into(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Name(name) => name.fmt(f),
            Reference::Id(id) => f.write_str(id.hex()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// `host[:port]` of the API of the registry that image names know as `host`.
pub(crate) fn registry_of(host: &str) -> &str {
    if host == DEFAULT_HOST { DEFAULT_REGISTRY } else { host }
}

/// The name that image names have for the registry at `host`.
pub(crate) fn canonical_host(host: &str) -> &str {
    if matches!(host, "index.docker.io" | DEFAULT_REGISTRY) { DEFAULT_HOST } else { host }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if let Some(id) = image_id(text) {
        return Ok(Reference::Id(id));
    }
    let name = strip_transport(text)?;
    let (name, digest) = match name.split_once('@') {
        Some((name, digest)) => {
            let digest = Digest::parse(digest).map_err(
                |_| "after @ there has to be sha256: and 64, or sha512: and 128 lower-case hex digits",
            )?;
            (name, Some(digest))
        }
        None => (name, None),
    };
    let (name, tag) = split_tag(name)?;
    let (host, path) = split_host(name)?;
    let repository =
        if host == DEFAULT_HOST && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    check_repository(&repository)?;
    let tag = match (tag, &digest) {
        (Some(tag), _) => Some(tag.to_owned()),
        (None, Some(_)) => None,
        (None, None) => Some("latest".to_owned()),
    };
    Ok(Reference::Name(Name { host: host.to_owned(), repository, tag, digest }))
}

fn image_id(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    (hex.len() == 64 && is_lower_hex(hex))
        .then(|| Digest::parse(&format!("{}:{hex}", Algorithm::Sha256.name())).ok())
        .flatten()
}

fn strip_transport(text: &str) -> Result<&str, &'static str> {
    if let Some(name) = text.strip_prefix("docker://") {
        return Ok(name);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Err("leave out http:// or https://; --tls-verify=false allows plain http");
    }
    match text.split_once(':') {
        Some((transport, _)) if OTHER_TRANSPORTS.contains(&transport) => {
            Err("only images in registries (docker://) are supported, not this transport")
        }
        _ => Ok(text),
    }
}

/// The tag is after the last colon, unless that belongs to the host's port or IPv6 address.
fn split_tag(name: &str) -> Result<(&str, Option<&str>), &'static str> {
    let Some((rest, tag)) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains(['/', ']'])) else {
        return Ok((name, None));
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match tag.as_bytes() {
        [] => Err("the tag after the colon is empty"),
        [first, ..] if !word(*first) => Err("a tag begins with a letter, a digit or _"),
        all if all.len() > MAX_TAG => Err("the tag is longer than 128 characters"),
        all if !all.iter().all(|&b| word(b) || b == b'.' || b == b'-') => {
            Err("a tag has only letters, digits, and _ . -")
        }
        _ => Ok((rest, Some(tag))),
    }
}

/// The first component is a host if it cannot be a part of a repository: it has a dot, a colon, an upper-case letter, or is localhost.
fn split_host(name: &str) -> Result<(&str, &str), &'static str> {
    let Some((first, rest)) = name.split_once('/') else { return Ok((DEFAULT_HOST, name)) };
    let is_host = first.contains(['.', ':', '['])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase());
    if !is_host {
        return Ok((DEFAULT_HOST, name));
    }
    check_host(first)?;
    Ok((if first == "index.docker.io" { DEFAULT_HOST } else { first }, rest))
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (host, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once(']').ok_or("the IPv6 address lacks its ]")?;
            address
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| "what is between [ and ] is no IPv6 address")?;
            (None, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').unwrap_or("?")) })
        }
        None => match host.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(host), None),
        },
    };
    if let Some(port) = port
        && (!port.bytes().all(|b| b.is_ascii_digit()) || !matches!(port.parse::<u16>(), Ok(1..)))
    {
        return Err("the port has to be a number from 1 to 65535");
    }
    match host {
        Some(host) if !host.split('.').all(is_domain_component) => {
            Err("a host name has only letters, digits and - between its dots")
        }
        _ => Ok(()),
    }
}

fn is_domain_component(component: &str) -> bool {
    !component.is_empty()
        && !component.starts_with('-')
        && !component.ends_with('-')
        && component.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_repository(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_REPOSITORY {
        return Err("the repository is longer than 255 characters");
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("the repository has to be in lower case");
    }
    if !path.split('/').all(is_path_component) {
        return Err("each part of the repository has only a-z, 0-9, and between them . _ __ or dashes");
    }
    if path.len() == 64 && is_lower_hex(path) {
        return Err("64 hex digits are an image ID, not a repository");
    }
    Ok(())
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.split(alphanumeric).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn canonical(text: &str) -> String {
        Reference::parse(text).unwrap().to_string()
    }

    #[test]
    fn references_are_read_as_podman_reads_them() {
        for (text, expected) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("docker:dind", "docker.io/library/docker:dind"),
            ("docker://alpine", "docker.io/library/alpine:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine:latest"),
            ("registry/a/b:tag", "docker.io/registry/a/b:tag"),
            ("docker://10.42.0.1:8002/tests/mesa:12345", "10.42.0.1:8002/tests/mesa:12345"),
            ("docker://ci-gateway:8002/a/b/c:latest", "ci-gateway:8002/a/b/c:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("REG/img", "REG/img:latest"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("[fe80::1]/x:y", "[fe80::1]/x:y"),
            ("quay.io/a__b/c--d/e.f_g", "quay.io/a__b/c--d/e.f_g:latest"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
        assert_eq!(canonical(&format!("a.b/c@sha256:{HEX}")), format!("a.b/c@sha256:{HEX}"));
        assert_eq!(canonical(&format!("a.b/c:d@sha256:{HEX}")), format!("a.b/c:d@sha256:{HEX}"));
        assert_eq!(canonical(&format!("a.b/c@sha512:{HEX}{HEX}")), format!("a.b/c@sha512:{HEX}{HEX}"));
    }

    /// Fuzzing found a short name that was too long once it was written in full.
    #[test]
    fn the_length_of_a_short_name_is_that_of_its_full_name() {
        let longest = "a".repeat(MAX_REPOSITORY - "library/".len());
        assert_eq!(canonical(&canonical(&longest)), canonical(&longest));
        assert!(Reference::parse(&format!("{longest}a")).is_err());
    }

    #[test]
    fn the_digest_decides_over_the_tag() {
        let Reference::Name(name) = Reference::parse(&format!("a.b/c:d@sha256:{HEX}")).unwrap() else {
            panic!()
        };
        assert_eq!(name.version(), format!("sha256:{HEX}"));
    }

    #[test]
    fn docker_hub_has_another_name_for_its_registry() {
        let Reference::Name(name) = Reference::parse("alpine").unwrap() else { panic!() };
        assert_eq!((name.host(), name.registry()), ("docker.io", "registry-1.docker.io"));
    }

    #[test]
    fn a_bare_id_is_an_id() {
        let id = Reference::Id(Digest::parse(&format!("sha256:{HEX}")).unwrap());
        assert_eq!(Reference::parse(HEX).unwrap(), id);
        assert_eq!(Reference::parse(&format!("sha256:{HEX}")).unwrap(), id);
    }

    #[test]
    fn other_transports_are_refused_by_name() {
        for text in ["oci:/x", "docker-archive:/x.tar", "containers-storage:alpine", "dir:x"] {
            let message = Reference::parse(text).unwrap_err().to_string();
            assert!(message.contains(text) && message.contains("transport"), "{message}");
        }
        assert!(Reference::parse("http://r.io/x").unwrap_err().to_string().contains("--tls-verify=false"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for bad in [
            "",
            ":",
            "/",
            "a/",
            "/a",
            "a//b",
            "../a",
            "a/../b",
            "a.b/../c",
            "Alpine",
            "a.b/Cd",
            "alpine:",
            "alpine:-x",
            "alpine:a/b:",
            "a b",
            "a\0b",
            "a\n",
            "-a",
            "a-",
            "a___b",
            "a._b",
            "a.b:/c",
            "a.b:0/c",
            "a.b:65536/c",
            "a.b:+80/c",
            "user:password@host/x",
            "-a.b/c",
            "a..b/c",
            "[::1/x",
            "[::1]x/y",
            "[zz]/y",
            "a@sha256:12",
            "a@",
            "a@b@c",
            "docker://",
            "docker:///x",
            "docker://oci:x/y",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad:?} is {:?}", Reference::parse(bad));
        }
        assert!(Reference::parse(&format!("a.b/{}", "c".repeat(256))).is_err());
        assert!(Reference::parse(&format!("a:{}", "c".repeat(129))).is_err());
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_as_itself(text in "(docker://)?([a-zA-Z0-9.\\[\\]:-]{1,12}/)?[a-z0-9._/-]{1,20}(:[\\w.-]{0,9})?(@sha256:[0-9a-f]{64})?") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(Reference::Name(name)) = Reference::parse(&text) {
                prop_assert!(!name.repository().split('/').any(|part| part.is_empty() || part == ".."));
                let canonical = name.to_string();
                prop_assert!(canonical.bytes().all(|b| b.is_ascii_graphic()), "{}", canonical);
            }
        }
    }
}
