//! `b2c.volume`.

use super::expiration::{self, Expiration};
use crate::diagnostic::{Fatal, Problem, Report, visible};
use crate::located::Slice;
use crate::references::Target;
use crate::secret::Secret;
use crate::table::{Mark, OptionSpec, closest};
use crate::values::{self, Piece, Result};

/// A named volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// How `-v` names it.
    pub name: String,
    /// Where its files come from.
    pub pull_from: Option<Remote>,
    /// Where its files go to.
    pub push_to: Option<Remote>,
    /// When they come.
    pub pull_on: Conditions,
    /// When they go.
    pub push_on: Conditions,
    /// Files that differ at the destination are replaced.
    pub overwrite: bool,
    /// What the source lacks is deleted at the destination.
    pub remove: bool,
    /// Files keep their attributes.
    pub preserve: bool,
    /// Globs of what is not mirrored.
    pub exclude: Vec<String>,
    /// S3 SSE-C key: 32 bytes.
    pub encrypt_key: Option<Secret<Vec<u8>>>,
    /// When it is deleted.
    pub expiration: Expiration,
    /// The `b2c.filesystem` it is on.
    pub filesystem: Option<String>,
    /// fscrypt v2 raw key: 16 to 64 bytes (FSCRYPT_MAX_KEY_SIZE).
    pub fscrypt_key: Option<Secret<Vec<u8>>>,
    /// A folder encrypted with another key is wiped and encrypted with this one.
    pub fscrypt_reset_key: bool,
}

/// `ALIAS/BUCKET[/path]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Name of a `b2c.minio`.
    pub alias: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix inside it, without slashes around it; may be empty.
    pub path: String,
}

/// When a volume is mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Before the first service.
    pub pipeline_start: bool,
    /// Before each container.
    pub container_start: bool,
    /// After each container.
    pub container_end: bool,
    /// After the last container.
    pub pipeline_end: bool,
    /// All the time. The others are then off.
    pub changes: bool,
}

pub(super) static VOLUME: OptionSpec = OptionSpec {
    name: "b2c.volume",
    aliases: &[],
    value: "NAME[,KEY[=VALUE]]…",
    default: "",
    repeatable: true,
    help: "A named volume, for `-v NAME:/path`.",
    doc: "- `mirror=ALIAS/BUCKET[/path]`: mirror with that bucket of a `b2c.minio`, both ways. `pull_from=` and `push_to=`: one way.
- `pull_on=`, `push_on=`: when: `pipeline_start`, `container_start`, `container_end`, `pipeline_end`, `changes`, joined by `|`. `changes` mirrors all the time; the others are then ignored, with a warning.
- `overwrite`: replace files that differ. `remove`: delete what the source lacks. `preserve`: keep attributes, links and empty folders.
- `exclude=GLOB`: leave files out; repeatable, an empty one is ignored. [mirror.md](mirror.md) has the details of these.
- `encrypt_key=KEY`: S3 SSE-C, 32 characters or 32 bytes as base64.
- `expiration=never|pipeline_end`: when it is deleted; also a duration (`30m`, `12h`, `7d`, `2w`) or a date in UTC (`2027-01-31`, `2027-01-31T12:00:00Z`). Decided when the volume is made.
- `filesystem=NAME`: it is on that `b2c.filesystem`, which is mounted before anything runs; if that fails, nothing runs.
- `fscrypt_key=BASE64`: it is encrypted with this key of 16 to 64 bytes. If it is not encrypted yet, **what it holds is wiped**. `fscrypt_reset_key`: also if it is encrypted with another key, which is an error otherwise.

[volumes.md](volumes.md) has the details.

A key or condition that is not known is a `B2C_WARNING` line, and the boot goes on. Any other mistake keeps everything from running: the status is 1, failed by \
`Volume setup`. Keys are never shown ([secrets.md](secrets.md)).",
    example: "b2c.volume=\"job,mirror=job/bucket-1,pull_on=pipeline_start,push_on=changes,expiration=pipeline_end\"",
    marks: &[
        Mark::Divergence("`pull_from=` and `push_to=` each work alone."),
        Mark::New("Durations and dates for `expiration`."),
    ],
    update: |value, options, report| {
        options.volume.push(volume(value, report)?);
        Ok(())
    },
    refuse: Some(|_| Fatal::VolumeSetup),
};

const KEYS: [&str; 14] = [
    "mirror",
    "pull_from",
    "push_to",
    "pull_on",
    "push_on",
    "overwrite",
    "remove",
    "preserve",
    "exclude",
    "encrypt_key",
    "expiration",
    "filesystem",
    "fscrypt_key",
    "fscrypt_reset_key",
];

const CONDITIONS: [&str; 5] =
    ["pipeline_start", "container_start", "container_end", "pipeline_end", "changes"];

fn volume<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Volume> {
    let (name, rest) = values::head(value);
    hide_secrets(rest, report);
    let mut volume = Volume { name: values::name(name)?, ..Volume::default() };
    for piece in values::pieces(rest) {
        add(&piece, &mut volume, report)?;
    }
    if volume.filesystem.is_some() && volume.fscrypt_key.is_some() {
        let help = "the topmost folder of a file system cannot be encrypted; name the file system by b2c.cache_device instead";
        return Err(Problem::new(name, "has both filesystem and fscrypt_key").help(help));
    }
    warn_of_idle_remotes(value, &volume, report);
    Ok(volume)
}

/// Unknown keys too: one of them may be a misspelt secret.
fn hide_secrets(list: Slice<'_>, report: &mut Report) {
    for piece in values::pieces(list) {
        let key = piece.key.text();
        if matches!(key, "encrypt_key" | "fscrypt_key") || !KEYS.contains(&key) {
            report.keep_secret(piece.value.unwrap_or(piece.whole));
        }
    }
}

/// A mirror that is never made is a mistake that is found out when the results are missing.
fn warn_of_idle_remotes(value: Slice<'_>, volume: &Volume, report: &mut Report) {
    let (pulls, pushes) = (volume.pull_on != Conditions::default(), volume.push_on != Conditions::default());
    const WHEN: &str = "say when: pull_on=pipeline_start, push_on=changes";
    const WHERE: &str = "say where: mirror=ALIAS/BUCKET";
    let (what, help) = match (&volume.pull_from, &volume.push_to) {
        (Some(_), Some(_)) if !pulls && !pushes => ("is never mirrored", WHEN),
        (Some(_), None) if !pulls => ("is never pulled", WHEN),
        (None, Some(_)) if !pushes => ("is never pushed", WHEN),
        (None, _) if pulls => ("has nothing to be pulled from", WHERE),
        (_, None) if pushes => ("has nowhere to be pushed to", WHERE),
        _ => return,
    };
    let message = format!("B2C_WARNING: {}: `{}` {what}", report.option, visible(&volume.name));
    report.warn(Problem::whole(value, message).help(help));
}

fn add<'a>(piece: &Piece<'a>, volume: &mut Volume, report: &mut Report) -> Result<'a, ()> {
    match piece.key.text() {
        "mirror" => {
            let remote = remote(piece.needed()?, report)?;
            volume.pull_from = Some(remote.clone());
            volume.push_to = Some(remote);
        }
        "pull_from" => volume.pull_from = Some(remote(piece.needed()?, report)?),
        "push_to" => volume.push_to = Some(remote(piece.needed()?, report)?),
        "pull_on" => volume.pull_on = conditions(piece.needed()?, report),
        "push_on" => volume.push_on = conditions(piece.needed()?, report),
        "overwrite" => volume.overwrite = true,
        "remove" => volume.remove = true,
        "preserve" => volume.preserve = true,
        // Users fill it in from a template, often with nothing.
        "exclude" => volume.exclude.extend(piece.value.filter(|glob| !glob.is_empty()).map(values::owned)),
        "encrypt_key" => volume.encrypt_key = Some(sse_key(piece.needed()?)?),
        "expiration" => volume.expiration = expiration(piece.needed()?)?,
        "filesystem" => {
            let name = piece.needed()?;
            volume.filesystem = Some(values::name(name)?);
            report.refer(Target::Filesystem, name, Some(Fatal::VolumeSetup));
        }
        "fscrypt_key" => volume.fscrypt_key = Some(fscrypt_key(piece.needed()?)?),
        "fscrypt_reset_key" => volume.fscrypt_reset_key = true,
        _ => warn_unknown(piece.key, "key", &KEYS, report),
    }
    Ok(())
}

fn warn_unknown(word: Slice<'_>, what: &str, known: &[&'static str], report: &mut Report) {
    let message =
        format!("B2C_WARNING: {}: unknown {what} `{}` is ignored", report.option, visible(word.text()));
    let closest = closest(word.text(), known.iter().copied()).unwrap_or_default();
    report.warn(Problem::whole(word, message).help(format!("the closest known one is {closest}")));
}

fn remote<'a>(part: Slice<'a>, report: &mut Report) -> Result<'a, Remote> {
    let wrong = || {
        Problem::new(part, "is not ALIAS/BUCKET[/path]").help("write the alias of a b2c.minio and a bucket")
    };
    let (alias, rest) = part.split_once('/').ok_or_else(wrong)?;
    let (bucket, path) = rest.text().split_once('/').unwrap_or((rest.text(), ""));
    if alias.is_empty() || bucket.is_empty() {
        return Err(wrong());
    }
    report.refer(Target::S3Alias, alias, Some(Fatal::VolumeSetup));
    Ok(Remote {
        alias: values::name(alias)?,
        bucket: bucket.to_owned(),
        path: path.trim_matches('/').to_owned(),
    })
}

fn conditions(list: Slice<'_>, report: &mut Report) -> Conditions {
    let mut conditions = Conditions::default();
    for word in list.split('|').filter(|word| !word.is_empty()) {
        match word.text() {
            "pipeline_start" => conditions.pipeline_start = true,
            "container_start" => conditions.container_start = true,
            "container_end" => conditions.container_end = true,
            "pipeline_end" => conditions.pipeline_end = true,
            "changes" => conditions.changes = true,
            _ => warn_unknown(word, "condition", &CONDITIONS, report),
        }
    }
    let only_changes = Conditions { changes: true, ..Conditions::default() };
    if conditions.changes && conditions != only_changes {
        let message =
            format!("B2C_WARNING: {}: `{}` holds more than changes", report.option, visible(list.text()));
        report.warn(Problem::whole(list, message).help("changes covers the others, which are ignored"));
        conditions = only_changes;
    }
    conditions
}

fn expiration(part: Slice<'_>) -> Result<'_, Expiration> {
    expiration::parse(part.text()).ok_or_else(|| {
        let message = format!("Unknown value for expiration: {}", visible(part.text()));
        Problem::whole(part, message)
            .help("b2c.volume takes never, pipeline_end, a duration such as 12h or a date such as 2027-01-31")
    })
}

fn sse_key(part: Slice<'_>) -> Result<'_, Secret<Vec<u8>>> {
    let text = part.text();
    let key = if text.len() == 32 { Some(text.as_bytes().to_vec()) } else { values::base64(text) };
    key.filter(|key| key.len() == 32).map(Secret::new).ok_or_else(|| {
        Problem::new(part, "is not an encrypt_key").help("give 32 characters, or 32 bytes as base64")
    })
}

fn fscrypt_key(part: Slice<'_>) -> Result<'_, Secret<Vec<u8>>> {
    values::base64(part.text()).filter(|key| (16..=64).contains(&key.len())).map(Secret::new).ok_or_else(
        || {
            Problem::new(part, "is not an fscrypt_key")
                .help("give 16 to 64 bytes as base64: head -c 64 /dev/urandom | base64 -w0")
        },
    )
}
