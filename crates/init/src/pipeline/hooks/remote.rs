//! From the options to a mirror of a folder.

use mirror::{Mirror, Rules};
use net::http::Client;
use options::{Options, S3Alias, Volume};
use rustix::fs::{CWD, Mode, OFlags, openat};
use s3::{Bucket, Endpoint};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A place in a bucket, and how it is reached. `Display` names it without secrets.
#[derive(Clone)]
pub struct Remote {
    endpoint: Endpoint,
    bucket: String,
    path: String,
}

impl Remote {
    /// What `mirror=`, `pull_from=` or `push_to=` says.
    ///
    /// # Errors
    /// When no `b2c.minio` gives the alias.
    pub fn new(remote: &options::Remote, options: &Options) -> Result<Remote, String> {
        let alias = options.minio.iter().rfind(|alias| alias.name == remote.alias);
        let alias = alias.ok_or_else(|| format!("there is no b2c.minio named {}", remote.alias))?;
        Ok(Remote { endpoint: endpoint(alias), bucket: remote.bucket.clone(), path: remote.path.clone() })
    }

    /// Mirrors `folder` with it as the volume's option says, but for `remove`. Nothing is asked yet.
    ///
    /// # Errors
    /// A bad URL; a folder that cannot be opened.
    pub fn mirror(
        &self,
        folder: &Path,
        volume: &Volume,
        remove: bool,
        client: &Client,
    ) -> Result<Mirror, String> {
        // 32 bytes is what the option takes.
        let sse_key = volume.encrypt_key.as_ref().and_then(|key| key.reveal().as_slice().try_into().ok());
        let bucket = Bucket::new(client, &self.endpoint, &self.bucket, sse_key);
        let bucket = bucket.map_err(|error| error.to_string())?;
        let rules = Rules {
            overwrite: volume.overwrite,
            remove,
            preserve: volume.preserve,
            exclude: volume.exclude.clone(),
        };
        Ok(Mirror::new(open(folder)?, bucket, &self.path, rules))
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", net::http::shown(&self.endpoint.url).trim_end_matches('/'), self.bucket)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

fn endpoint(alias: &S3Alias) -> Endpoint {
    Endpoint {
        url: alias.url.clone(),
        access_key: alias.access_key.clone(),
        secret_key: alias.secret_key.reveal().clone(),
        session_token: alias.session_token.reveal().clone(),
    }
}

fn open(folder: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, folder, flags, Mode::empty())
        .map_err(|errno| format!("cannot open {}: {errno}", folder.display()))
}
