//! `b2c.report`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{Mark, OptionSpec};
use crate::url;
use crate::values::{self, Result};

/// Where the report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportSink {
    /// A line on the console.
    Console,
    /// A file in a volume.
    File {
        /// The volume's name.
        volume: String,
        /// Below the volume's folder; no part of it is `..`.
        path: String,
    },
    /// A server. Its URL may hold a password.
    Http(Secret<String>),
    /// The virtio-serial port `org.b2c.report`.
    Virtio,
    /// QEMU's `isa-debug-exit`: only the status goes there.
    DebugExit,
}

pub(super) static REPORT: OptionSpec = OptionSpec {
    name: "b2c.report",
    aliases: &[],
    value: "console | file:VOLUME/PATH | URL | virtio | debug-exit",
    default: "",
    repeatable: true,
    help: "Where to send the result of the boot, as one JSON document.",
    doc: "`console` is one line that begins with `b2c-report: `, `file:` a file in a volume, an `http://` or `https://` URL a server that takes a POST, \
`virtio` the virtio-serial port named `org.b2c.report`. `debug-exit` ends a QEMU that has `isa-debug-exit` with the status. \
[report.md](report.md) has the rest.

A report that cannot be delivered is an error line; the status stays as it is.",
    example: "b2c.report=console b2c.report=file:job/report.json",
    marks: &[Mark::New("The original's result is what it prints.")],
    update: |value, options, report| {
        options.report.push(sink(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn sink<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, ReportSink> {
    Ok(match value.text() {
        "console" => ReportSink::Console,
        "virtio" => ReportSink::Virtio,
        "debug-exit" => ReportSink::DebugExit,
        text if text.starts_with("file:") => file(value.part("file:".len()..text.len()))?,
        text if text.contains("://") => {
            url::hide(value, report);
            ReportSink::Http(Secret::new(values::url(value)?))
        }
        _ => {
            return Err(Problem::new(value, "is not known").help(
                "write console, file:VOLUME/PATH, http://HOST/…, https://HOST/…, virtio or debug-exit",
            ));
        }
    })
}

fn file<'a>(place: Slice<'a>) -> Result<'a, ReportSink> {
    let Some((volume, path)) = place.split_once('/') else {
        return Err(Problem::new(place, "has no path").help("write file:VOLUME/PATH"));
    };
    let is_bad = |name: &str| matches!(name, "" | "." | "..") || name.len() > 255;
    if path.text().split('/').any(is_bad) || path.text().contains(char::is_control) {
        return Err(
            Problem::new(path, "is not a path in a volume").help("write its names, with / between them")
        );
    }
    Ok(ReportSink::File { volume: values::name(volume)?, path: values::owned(path) })
}
