//! User and password for a registry, given or from files (containers-auth.json(5)).

use crate::reference::Name;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A user of a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// His name.
    pub user: String,
    /// His password, or an access token in its place.
    pub password: String,
}

/// A file of credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the credentials in {} cannot be used: {reason}", path.display())]
pub struct AuthFileError {
    path: PathBuf,
    reason: String,
}

#[derive(Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    /// Base64 of `user:password`. Empty where a credential helper has it.
    #[serde(default)]
    auth: String,
}

impl Credentials {
    /// The value of an `Authorization` header (RFC 7617).
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

impl std::fmt::Debug for Credentials {
    /// Passwords do not belong into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The credentials for an image: of the first file that has any, its most specific entry. A file that is not there has none.
pub(super) fn find(files: &[PathBuf], name: &Name) -> Result<Option<Credentials>, AuthFileError> {
    for path in files {
        let failed = |reason: String| AuthFileError { path: path.clone(), reason };
        let text = match read(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            text => text.map_err(|e| failed(e.to_string()))?,
        };
        let file: AuthFile = serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))?;
        if let Some((key, auth)) = best_entry(&file.auths, name) {
            return decode(&auth.auth)
                .map(Some)
                .ok_or_else(|| failed(format!("\"auth\" of {key:?} has to be the base64 of user:password")));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}

/// Keys are `host/namespace/repository` or any shorter prefix of that, or, as Docker writes them, a URL of the host.
fn best_entry<'a>(auths: &'a BTreeMap<String, Auth>, name: &Name) -> Option<(&'a String, &'a Auth)> {
    let full = format!("{}/{}", name.host(), name.repository());
    let mut prefix = full.as_str();
    loop {
        if let Some(entry) = auths.iter().find(|(key, auth)| *key == prefix && !auth.auth.is_empty()) {
            return Some(entry);
        }
        match prefix.rsplit_once('/') {
            Some((shorter, _)) => prefix = shorter,
            None => break,
        }
    }
    auths.iter().find(|(key, auth)| host_of_url(key) == Some(name.host()) && !auth.auth.is_empty())
}

fn host_of_url(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"))?;
    let host = rest.split('/').next()?;
    Some(if host == "index.docker.io" { "docker.io" } else { host })
}

fn decode(auth: &str) -> Option<Credentials> {
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Docker pads with NULs.
    Some(Credentials { user: user.to_owned(), password: password.trim_end_matches('\0').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;

    fn find_in(file: &str, image: &str) -> Result<Option<String>, AuthFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, file).unwrap();
        let Reference::Name(name) = Reference::parse(image).unwrap() else { panic!("a name") };
        let found = find(&[folder.path().join("absent.json"), path], &name)?;
        Ok(found.map(|c| format!("{} {}", c.user, c.password)))
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let file = format!(
            r#"{{"auths":{{"r.io":{{"auth":"{}"}},"r.io/a/b":{{"auth":"{}"}},"r.io/a/bb":{{"auth":"x"}},"https://index.docker.io/v1/":{{"auth":"{}"}},"helped.io":{{}}}}}}"#,
            STANDARD.encode("host:1"),
            STANDARD.encode("repository:2:3"),
            STANDARD.encode("hub:4\0\0"),
        );
        for (image, expected) in [
            ("r.io/a/b", Some("repository 2:3")),
            ("r.io/a/b/c", Some("repository 2:3")),
            ("r.io/a", Some("host 1")),
            ("r.io:80/a", None),
            ("alpine", Some("hub 4")),
            ("helped.io/a", None),
        ] {
            assert_eq!(find_in(&file, image).unwrap().as_deref(), expected, "{image}");
        }
        assert!(find_in(&file, "r.io/a/bb").unwrap_err().to_string().contains("r.io/a/bb"));
        assert!(find_in("{", "r.io/a").is_err());
    }

    #[test]
    fn passwords_are_not_printed() {
        let credentials = Credentials { user: "u".into(), password: "secret".into() };
        assert!(!format!("{credentials:?}").contains("secret"));
        assert_eq!(credentials.basic(), "Basic dTpzZWNyZXQ=");
    }
}
