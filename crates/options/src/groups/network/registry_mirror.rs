//! `b2c.registry_mirror`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::{Mark, OptionSpec};
use crate::values::{self, Result};

/// Other places for the images of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMirror {
    /// As image names have it: `docker.io`, `registry.example:5000`.
    pub registry: String,
    /// In the order in which they are asked.
    pub mirrors: Vec<Place>,
    /// They may speak plain http, or show any certificate.
    pub insecure: bool,
}

/// Where a mirror keeps the images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `HOST[:PORT]`.
    pub host: String,
    /// What stands before the name of each image there; may be empty.
    pub prefix: String,
}

pub(super) static REGISTRY_MIRROR: OptionSpec = OptionSpec {
    name: "b2c.registry_mirror",
    aliases: &[],
    value: "REGISTRY=MIRROR[,MIRROR…][,insecure]",
    default: "",
    repeatable: true,
    help: "Where the images of a registry are looked for before it is asked itself.",
    doc: "`REGISTRY` is the host of image names, such as `docker.io`; `MIRROR` is `HOST[:PORT][/PREFIX]`. The mirrors are asked in this order, then the \
registry. One that gives no answer, an error, or does not have what is asked for (404) is a line, and the next one is asked; so it is for each manifest and each layer. \
One that cannot be reached is left out for five minutes, unless the registry cannot be reached either. \
What comes is checked as ever. Containers, the store and run flags go on to know the image by its own name.

`insecure`: these mirrors may speak plain http, or show a certificate that is not trusted; `--tls-verify` is for the registry. So is `--creds`: a mirror has a `b2c.login` or an \
entry in an authfile of its own.

A mirror decides what a tag means, as the registry would: see [security.md](security.md).",
    example: "b2c.registry_mirror=docker.io=10.42.0.1:5000,mirror.example/hub,insecure",
    marks: &[Mark::New("The option.")],
    update: |value, options, report| {
        options.registry_mirror.push(mirror(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn mirror<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, RegistryMirror> {
    let Some((registry, list)) = value.split_once('=') else {
        return Err(Problem::new(value, "names no mirror").help("write REGISTRY=MIRROR[,MIRROR…][,insecure]"));
    };
    let registry = values::registry(registry)?;
    let mut mirror = RegistryMirror { registry, mirrors: Vec::new(), insecure: false };
    for part in list.split(',').filter(|part| !part.is_empty()) {
        if part.text() == "insecure" {
            mirror.insecure = true;
        } else {
            mirror.mirrors.push(place(part, report)?);
        }
    }
    if mirror.mirrors.is_empty() {
        return Err(Problem::new(value, "names no mirror").help("write REGISTRY=MIRROR[,MIRROR…][,insecure]"));
    }
    Ok(mirror)
}

fn place<'a>(part: Slice<'a>, report: &mut Report) -> Result<'a, Place> {
    if let Some(at) = part.text().rfind('@') {
        // Somebody's password, in the wrong place.
        report.keep_secret(part.part(0..at));
    }
    let (host, prefix) = match part.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (part, None),
    };
    let known = values::is_registry(host.text()) && prefix.is_none_or(|prefix| is_path(prefix.text()));
    if !known {
        return Err(Problem::new(part, "is not a mirror").help("write HOST[:PORT][/PREFIX], without http://"));
    }
    Ok(Place { host: values::owned(host), prefix: prefix.map(values::owned).unwrap_or_default() })
}

/// Fit for a URL, and for the name of a repository (distribution-spec, "Pulling manifests").
fn is_path(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let part = |part: &str| {
        part.bytes().all(inner)
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    text.len() <= 255 && text.split('/').all(part)
}
