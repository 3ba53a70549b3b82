//! `b2c.minio`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{OptionSpec, Support};
use crate::values::{self, Result};

/// An S3 endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Alias {
    /// How `b2c.volume` names it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The access key ID; empty for anonymous access.
    pub access_key: String,
    /// The secret access key; empty for anonymous access.
    pub secret_key: Secret<String>,
}

pub(super) static MINIO: OptionSpec = OptionSpec {
    name: "b2c.minio",
    aliases: &[],
    value: "ALIAS,URL,ACCESS,SECRET",
    default: "",
    repeatable: true,
    help: "An S3 endpoint under a short name.",
    doc: "Volumes are mirrored with `ALIAS/BUCKET[/path]`. `ACCESS` and `SECRET` may both be empty for buckets that anybody may use. `SECRET` is \
never shown.",
    example: "b2c.minio=\"job,http://10.42.0.1:9000,ACCESS,SECRET\"",
    marks: &[],
    support: Support::NotYet {
        what: "",
        given: |options| options.minio.iter().map(|alias| format!("b2c.minio={}", alias.name)).collect(),
    },
    update: |value, options, report| {
        options.minio.push(alias(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn alias<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, S3Alias> {
    let parts = hide_secrets(value, report);
    let [name, url, access, secret] = parts[..] else {
        return Err(Problem::new(value, "has not four parts").help("write ALIAS,URL,ACCESS,SECRET"));
    };
    Ok(S3Alias {
        name: values::name(name)?,
        url: values::url(url)?,
        access_key: values::owned(access),
        secret_key: Secret::new(values::owned(secret)),
    })
}

/// Up to four parts; the last takes all further commas. If one of the first is missing, the third may be the secret.
fn hide_secrets<'a>(value: Slice<'a>, report: &mut Report) -> Vec<Slice<'a>> {
    let mut parts = vec![value];
    while let Some((part, rest)) =
        parts.last().filter(|_| parts.len() < 4).and_then(|last| last.split_once(','))
    {
        parts.pop();
        parts.extend([part, rest]);
    }
    let first_secret = if parts.len() == 4 { 3 } else { 2 };
    for part in parts.iter().skip(first_secret) {
        report.keep_secret(*part);
    }
    if let Some(password) = parts.get(1).and_then(|url| values::url_password(*url)) {
        report.keep_secret(password);
    }
    parts
}
