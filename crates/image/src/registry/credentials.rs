//! User and password for a registry: given for it, or from files (containers-auth.json(5)).

use crate::reference::canonical_host;
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

/// Where credentials are looked for.
#[derive(Clone, Debug)]
pub enum Keyring {
    /// In a file; one that is not there has none.
    File(PathBuf),
    /// Here, for one registry (`b2c.login`).
    Login {
        /// `host[:port]`, as image names have it.
        registry: String,
        /// Who we are there.
        credentials: Credentials,
    },
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

/// The credentials for a repository of a host: of the first keyring that has any.
pub(super) fn find(
    keyrings: &[Keyring],
    host: &str,
    repository: &str,
) -> Result<Option<Credentials>, AuthFileError> {
    for keyring in keyrings {
        let found = match keyring {
            Keyring::File(path) => find_in_file(path, host, repository)?,
            Keyring::Login { registry, credentials } => {
                canonical_host(registry).eq_ignore_ascii_case(host).then(|| credentials.clone())
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The most specific entry of a file. A file that is not there has none.
fn find_in_file(path: &Path, host: &str, repository: &str) -> Result<Option<Credentials>, AuthFileError> {
    let failed = |reason: String| AuthFileError { path: path.to_owned(), reason };
    let text = match read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|e| failed(e.to_string()))?,
    };
    let file: AuthFile = serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))?;
    let Some((key, auth)) = best_entry(&file.auths, host, repository) else { return Ok(None) };
    decode(&auth.auth)
        .map(Some)
        .ok_or_else(|| failed(format!("\"auth\" of {key:?} has to be the base64 of user:password")))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}

/// Keys are `host/namespace/repository` or any shorter prefix of that, or, as Docker writes them, a URL of the host.
fn best_entry<'a>(
    auths: &'a BTreeMap<String, Auth>,
    host: &str,
    repository: &str,
) -> Option<(&'a String, &'a Auth)> {
    let full = format!("{host}/{repository}");
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
    auths.iter().find(|(key, auth)| host_of_url(key) == Some(host) && !auth.auth.is_empty())
}

fn host_of_url(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"))?;
    let host = rest.split('/').next()?;
    Some(canonical_host(host))
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
        let keyrings = [folder.path().join("absent.json"), path].map(Keyring::File);
        let found = find(&keyrings, name.host(), name.repository())?;
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
    fn the_first_keyring_that_has_any_is_used() {
        let login = |registry: &str, user: &str| Keyring::Login {
            registry: registry.into(),
            credentials: Credentials { user: user.into(), password: String::new() },
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(r#"{{"auths":{{"r.io":{{"auth":"{}"}}}}}}"#, STANDARD.encode("file:1"));
        std::fs::write(file.path(), text).unwrap();
        let file = || Keyring::File(file.path().to_owned());
        let user = |keyrings: &[Keyring], host| find(keyrings, host, "a").unwrap().map(|found| found.user);
        assert_eq!(user(&[file(), login("r.io", "login")], "r.io").as_deref(), Some("file"));
        assert_eq!(user(&[login("r.io", "login"), file()], "r.io").as_deref(), Some("login"));
        assert_eq!(user(&[login("R.io", "login")], "r.io").as_deref(), Some("login"));
        assert_eq!(user(&[login("r.io:80", "login")], "r.io"), None);
        for name in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(user(&[login(name, "hub")], "docker.io").as_deref(), Some("hub"), "{name}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let credentials = Credentials { user: "u".into(), password: "secret".into() };
        assert!(!format!("{credentials:?}").contains("secret"));
        assert_eq!(credentials.basic(), "Basic dTpzZWNyZXQ=");
    }
}
