//! `b2c.cache_device` and `b2c.storage`.

use crate::diagnostic::Problem;
use crate::references::Target;
use crate::table::{Mark, OptionSpec, Support};
use crate::values;
use std::path::PathBuf;

/// What is mounted at /storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheDevice {
    /// Memory.
    None,
    /// The partition labelled `B2C_CACHE`, else the first disk, wiped.
    Auto,
    /// The labelled partition, formatted again; else as `Auto`.
    Reset,
    /// A partition or a disk.
    Device(PathBuf),
    /// A `b2c.filesystem`, by its name.
    Filesystem(String),
}

/// Image stores that are only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageStores {
    /// Names of `b2c.filesystem`s.
    pub additional: Vec<String>,
}

pub(super) static CACHE_DEVICE: OptionSpec = OptionSpec {
    name: "b2c.cache_device",
    aliases: &[],
    value: "none | auto | reset | /dev/X | FILESYSTEM",
    default: "none",
    repeatable: false,
    help: "The drive that keeps images and volumes from one boot to the next.",
    doc: "- `none`: everything is kept in memory and gone afterwards.
- `auto`: the first partition that is labelled `B2C_CACHE`; if there is none, **the first disk is wiped** and gets one.
- `reset`: the labelled partition is formatted again; if there is none, as `auto`.
- `/dev/X`: a partition, formatted if it has no file system; or a disk, repartitioned if it has no `B2C_CACHE` partition.
- the name of a `b2c.filesystem`.

It is mounted at `/storage`; `/container` is another name for that. If it fails there is a red line, and the boot goes on without it.",
    example: "b2c.cache_device=auto",
    marks: &[Mark::KeptQuirk("A cache that cannot be used is not fatal: boots of users depend on it.")],
    support: Support::NotYet {
        what: "every value but `none`",
        given: |options| match &options.cache_device {
            CacheDevice::None => Vec::new(),
            CacheDevice::Auto => vec!["b2c.cache_device=auto".to_owned()],
            CacheDevice::Reset => vec!["b2c.cache_device=reset".to_owned()],
            CacheDevice::Device(path) => vec![format!("b2c.cache_device={}", path.display())],
            CacheDevice::Filesystem(name) => vec![format!("b2c.cache_device={name}")],
        },
    },
    update: |value, options, report| {
        options.cache_device = match value.text() {
            "none" => CacheDevice::None,
            "auto" => CacheDevice::Auto,
            "reset" => CacheDevice::Reset,
            path if path.starts_with('/') => CacheDevice::Device(values::device(value)?),
            _ => {
                let name = values::name(value)?;
                report.refer(Target::Filesystem, value, None);
                CacheDevice::Filesystem(name)
            }
        };
        Ok(())
    },
    refuse: None,
};

pub(super) static STORAGE: OptionSpec = OptionSpec {
    name: "b2c.storage",
    aliases: &[],
    value: "additionalimagestores=FILESYSTEM",
    default: "",
    repeatable: false,
    help: "A read-only podman image store on a `b2c.filesystem`, such as an NFS share.",
    doc: "Images in it are named by their bare ID, also with `--pull=always`.",
    example: "b2c.storage=additionalimagestores=shared",
    marks: &[Mark::New("The exact meaning is ours.")],
    support: Support::NotYet {
        what: "",
        given: |options| options.storage.iter().map(|_| "b2c.storage".to_owned()).collect(),
    },
    update: |value, options, report| {
        let mut additional = Vec::new();
        for piece in values::pieces(value) {
            if piece.key.text() == "additionalimagestores" {
                let name = piece.needed()?;
                additional.push(values::name(name)?);
                report.refer(Target::Filesystem, name, None);
            } else {
                let problem = Problem::new(piece.whole, "is not known and ignored");
                report.warn(problem.help("write additionalimagestores=FILESYSTEM"));
            }
        }
        options.storage = Some(ImageStores { additional }).filter(|stores| !stores.additional.is_empty());
        Ok(())
    },
    refuse: None,
};
