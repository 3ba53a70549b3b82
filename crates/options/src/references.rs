//! Names that options have for each other: each must be given by another option.

use crate::diagnostic::{Fatal, Report, Severity, visible};
use crate::located::Slice;
use crate::options::Options;
use std::ops::Range;

/// What a name is looked up among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `b2c.filesystem`.
    Filesystem,
    /// `b2c.minio`.
    S3Alias,
}

/// A name, and where it stands.
#[derive(Debug)]
pub(crate) struct Reference {
    target: Target,
    name: String,
    text: usize,
    span: Range<usize>,
    option: String,
    /// What a missing one means.
    fatal: Option<Fatal>,
}

impl Report {
    /// `name` has to be there in the end.
    pub(crate) fn refer(&mut self, target: Target, name: Slice<'_>, fatal: Option<Fatal>) {
        let (text, span, option) = (self.text, name.span(), self.option.clone());
        self.references.push(Reference { target, name: name.text().to_owned(), text, span, option, fatal });
    }
}

/// Checks all of them, once all texts are read.
pub(crate) fn check(options: &Options, report: &mut Report) {
    for reference in std::mem::take(&mut report.references) {
        let name = reference.name.as_str();
        let (found, giver) = match reference.target {
            Target::Filesystem => (options.filesystem.iter().any(|fs| fs.name == name), "b2c.filesystem"),
            Target::S3Alias => (options.minio.iter().any(|alias| alias.name == name), "b2c.minio"),
        };
        if found {
            continue;
        }
        report.text = reference.text;
        report.option = reference.option;
        let name = visible(name);
        let message = format!("{}: there is no {giver} named `{name}`", report.option);
        report.push(
            Severity::Error,
            reference.span,
            message,
            Some(format!("add {giver}={name},… or mend the name")),
        );
        if let Some(fatal) = reference.fatal {
            report.refuse(fatal);
        }
    }
}
