//! `b2c.minio`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{Mark, OptionSpec};
use crate::url;
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
    /// Goes with temporary keys; empty without.
    pub session_token: Secret<String>,
}

/// Begins the session token, which follows the secret key.
const TOKEN: &str = ",token=";

pub(super) static MINIO: OptionSpec = OptionSpec {
    name: "b2c.minio",
    aliases: &[],
    value: "ALIAS,URL,ACCESS,SECRET[,token=TOKEN]",
    default: "",
    repeatable: true,
    help: "An S3 endpoint under a short name.",
    doc: "Any store that speaks Amazon's S3: `http://` or `https://`, with the authorities that images are pulled with. Volumes are mirrored with `ALIAS/BUCKET[/path]`.

`ACCESS` and `SECRET` may both be empty for buckets that anybody may use. `TOKEN` is the session token of temporary keys. The region is found out. What is secret is never shown ([secrets.md](secrets.md)).",
    example: "b2c.minio=\"job,http://10.42.0.1:9000,ACCESS,SECRET\"",
    marks: &[Mark::New("`token=`.")],
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
    let secret = values::owned(secret);
    let (secret, token) = secret.split_once(TOKEN).unwrap_or((&secret, ""));
    Ok(S3Alias {
        name: values::name(name)?,
        url: values::url(url)?,
        access_key: values::owned(access),
        secret_key: Secret::new(secret.to_owned()),
        session_token: Secret::new(token.to_owned()),
    })
}

/// Up to four parts; the last takes all further commas. The access key is not shown either: with the names of buckets it is half of what it takes to
/// use them, and if one of the first is missing, it is the secret.
fn hide_secrets<'a>(value: Slice<'a>, report: &mut Report) -> Vec<Slice<'a>> {
    let mut parts = vec![value];
    while let Some((part, rest)) =
        parts.last().filter(|_| parts.len() < 4).and_then(|last| last.split_once(','))
    {
        parts.pop();
        parts.extend([part, rest]);
    }
    for part in parts.iter().skip(2) {
        report.keep_secret(*part);
    }
    if let Some(url) = parts.get(1) {
        url::hide(*url, report);
    }
    parts
}
