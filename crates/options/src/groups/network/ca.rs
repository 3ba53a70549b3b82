//! `b2c.ca`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::{Mark, OptionSpec};
use crate::url;
use crate::values::{self, Result};
use std::path::PathBuf;

/// Certificates to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// Where they are.
    pub source: CaSource,
    /// The SHA-256 of the file, in lower-case hex.
    pub sha256: Option<String>,
}

/// Where a file of certificates is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaSource {
    /// On a web server. It may hold a password.
    Url(String),
    /// In the initramfs.
    File(PathBuf),
}

/// Begins the pin, which ends the value.
const PIN: &str = ",sha256=";

pub(super) static CA: OptionSpec = OptionSpec {
    name: "b2c.ca",
    aliases: &[],
    value: "URL|PATH[,sha256=HEX]",
    default: "",
    repeatable: true,
    help: "Certificates (PEM) that are trusted besides the web's roots.",
    doc: "A file that another cpio archive brought, or one that is fetched by `http://` or `https://` before anything else that needs it. It is trusted by all that b2c itself \
fetches: images, S3, extra arguments. What is in /etc/ssl/certs and /usr/local/share/ca-certificates of the initramfs is trusted without being named. \
Containers are not concerned.

Who can change a file that comes over plain http decides whom the machine trusts. `sha256=HEX`, the SHA-256 of the file, keeps him from it; the file may then come from any server, \
also from one with a certificate that the file is to make good. A URL with a user, a password or a query (`?…`) is only sent to a server that proves who it is, pinned or not.

One that cannot be had, or that holds no certificate, is a red line; servers that need it are then refused.",
    example: "b2c.ca=http://10.42.0.1/ca.pem,sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    marks: &[Mark::New("The option.")],
    update: |value, options, report| {
        options.ca.push(ca(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn ca<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Ca> {
    let (place, sha256) = match value.text().rfind(PIN) {
        Some(at) => (value.part(0..at), Some(value.part(at + PIN.len()..value.text().len()))),
        None => (value, None),
    };
    url::hide(place, report);
    let source = if place.text().contains("://") {
        CaSource::Url(values::url(place)?)
    } else {
        CaSource::File(file(place)?)
    };
    Ok(Ca { source, sha256: sha256.map(digest).transpose()? })
}

fn file(path: Slice<'_>) -> Result<'_, PathBuf> {
    let text = path.text();
    if text.starts_with('/') && !text.chars().any(char::is_control) {
        return Ok(PathBuf::from(text));
    }
    Err(Problem::new(path, "is neither a URL nor a path")
        .help("write http://HOST/…, https://HOST/… or /path/in/the/initramfs.pem"))
}

fn digest(hex: Slice<'_>) -> Result<'_, String> {
    if hex.text().len() == 64 && hex.text().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hex.text().to_ascii_lowercase());
    }
    Err(Problem::new(hex, "is not a SHA-256").help("write the 64 hex digits that sha256sum prints"))
}
