//! `b2c.modules`.

use crate::diagnostic::{Fatal, Problem, Report};
use crate::located::Slice;
use crate::table::{Mark, OptionSpec, closest};
use crate::url;
use crate::values::{self, Result};

/// More than anybody has; each is a mount, and overlayfs has a page for all their names.
const MAX_SOURCES: usize = 16;
/// SHA-256, in hex digits.
const DIGITS: usize = 64;
const KEYS: [&str; 2] = ["sha256", "tls-verify"];

/// Where modules and firmware come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSource {
    /// What is fetched.
    pub what: Fetched,
    /// `false` accepts any certificate, and plain http for an image.
    pub tls_verify: bool,
}

/// What is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A cpio archive.
    Archive {
        /// `http://` or `https://`.
        url: String,
        /// What it has to hash to: 64 lower-case hex digits.
        sha256: Option<String>,
    },
    /// A container image's name.
    Image(String),
}

pub(super) static MODULES: OptionSpec = OptionSpec {
    name: "b2c.modules",
    aliases: &[],
    value: "URL|IMAGE[,sha256=HEX][,tls-verify=false]",
    default: "",
    repeatable: true,
    help: "Kernel modules and firmware that are fetched when the network is up.",
    doc: "Begins with `http://` or `https://`: a cpio archive as a boot loader would load it (plain, .gz, .xz, .zst, several in a row). Anything else is the name of a container image, \
as in `b2c.run`. What is in lib/modules, lib/firmware, usr/lib/modules and usr/lib/firmware is used, beside what the initramfs has; then drivers are loaded for the hardware once more, and what \
`modules_load=` names.

- `sha256=HEX`: the archive has to hash to this. It is then taken from the cache without asking the server. An image is pinned by its name (`IMAGE@sha256:HEX`).
- `tls-verify=false`: accept any certificate, and plain http for an image.

Both are kept on the cache drive as images are. What cannot be had keeps everything from running: the status is 1, failed by `Module setup`. [drivers.md](drivers.md) has the details.",
    example: "b2c.modules=ci-gateway:8002/drivers/amdgpu:6.12,tls-verify=false",
    marks: &[Mark::New("The original has no such thing.")],
    update: |value, options, report| {
        let source = source(value, report)?;
        if options.modules.len() == MAX_SOURCES {
            return Err(Problem::new(value, format!("is one too many: {MAX_SOURCES} are possible"))
                .help("put several into one image"));
        }
        options.modules.push(source);
        Ok(())
    },
    refuse: Some(|_| Fatal::ModuleSetup),
};

fn source<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, ModuleSource> {
    let (place, rest) = place(value, report);
    let (mut sha256, mut tls_verify) = (None, true);
    for piece in values::pieces(rest) {
        match piece.key.text() {
            "sha256" => sha256 = Some((piece.whole, digest(piece.needed()?)?)),
            "tls-verify" => tls_verify = verify(piece.needed()?)?,
            key => {
                let known = closest(key, KEYS.into_iter()).unwrap_or_default();
                return Err(Problem::new(piece.whole, "is not known")
                    .help(format!("the closest known key is {known}")));
            }
        }
    }
    let what = match (is_url(place.text()), sha256) {
        (true, sha256) => {
            Fetched::Archive { url: values::url(place)?, sha256: sha256.map(|(_, digits)| digits) }
        }
        (false, Some((at, digits))) => {
            return Err(
                Problem::new(at, "is for archives").help(format!("write {}@sha256:{digits}", place.text()))
            );
        }
        (false, None) if place.is_empty() => {
            return Err(Problem::new(value, "names nothing to fetch").help("begin with a URL or an image"));
        }
        (false, None) => Fetched::Image(values::owned(place)),
    };
    Ok(ModuleSource { what, tls_verify })
}

/// What is fetched, and the keys behind it.
fn place<'a>(value: Slice<'a>, report: &mut Report) -> (Slice<'a>, Slice<'a>) {
    if is_url(value.text()) {
        let (url, rest) = url::head(value);
        url::hide(url, report);
        return (url, rest);
    }
    let (image, rest) = values::head(value);
    // No way to give a password; but if somebody tries, what is said about it must not show it. Behind the host, `@` begins a digest.
    let name = image.text().find("://").map_or(0, |at| at + "://".len());
    let host = image.text()[name..].find('/').map_or(name, |at| name + at);
    url::hide(image.part(0..host), report);
    (image, rest)
}

fn is_url(text: &str) -> bool {
    text.contains("://") && !text.starts_with("docker://")
}

fn digest(part: Slice<'_>) -> Result<'_, String> {
    let text = part.text().to_ascii_lowercase();
    if text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(Problem::new(part, format!("is not a SHA-256: that has {DIGITS} hex digits"))
        .help("write what sha256sum prints"))
}

fn verify(part: Slice<'_>) -> Result<'_, bool> {
    part.text().parse().map_err(|_| Problem::new(part, "is not true or false").help("write tls-verify=false"))
}
