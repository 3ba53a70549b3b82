//! `b2c.cache_device` and `b2c.storage`.

use crate::diagnostic::{Fatal, Problem, Report};
use crate::located::Slice;
use crate::references::Target;
use crate::table::{Mark, OptionSpec, closest};
use crate::values::{self, Result};
use std::path::PathBuf;

/// What is kept from one boot to the next, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    /// Where.
    pub device: CacheDevice,
    /// Without it, nothing may run.
    pub required: bool,
    /// How much of it images may take; `None` leaves it to the store.
    pub budget: Option<Budget>,
    /// Its drive is told which blocks are free.
    pub fstrim: bool,
}

/// What is mounted at /storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CacheDevice {
    /// Memory.
    #[default]
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

/// An amount of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Of the file system's size: 1 to 100.
    Percent(u8),
    /// At least 1.
    Bytes(u64),
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
    value: "DEVICE[,required][,budget=PERCENT%|SIZE][,fstrim]",
    default: "none",
    repeatable: false,
    help: "The drive that keeps images and volumes from one boot to the next.",
    doc: "DEVICE is one of these:

- `none`: everything is kept in memory and gone afterwards.
- `auto`: the first partition that is labelled `B2C_CACHE`; if there is none, **the first disk is wiped** and gets one. [cache.md](cache.md) says which disks are \
left alone.
- `reset`: the labelled partition is formatted again; if there is none, as `auto`.
- `/dev/X`: a partition, formatted if it has no file system; or a disk, repartitioned if it has no `B2C_CACHE` partition.
- the name of a `b2c.filesystem`.

A device that is not there is waited for, up to 10 s. It is mounted at `/storage`; `/container` is another name for that. If it fails there is a red line, and the \
boot goes on without it.

- `required`: if it fails, nothing runs: the status is 1, failed by `Cache setup`. Without a cache, images are kept in memory, and a job that is too large for that is \
killed.
- `budget=80%`, `budget=20G`: how much of it images may take. Sizes are a number and `K`, `M`, `G` or `T`, powers of 1024.
- `fstrim`: tell the drive which blocks are free (FITRIM), beside the pipeline. Good for SSDs, which are else never told.",
    example: "b2c.cache_device=auto,required,budget=80%",
    marks: &[
        Mark::KeptQuirk("A cache that cannot be used is not fatal: boots of users depend on it."),
        Mark::Divergence("Disks that hold LVM, RAID or LUKS, or the boot files, are not wiped."),
        Mark::New("What follows DEVICE."),
    ],
    update: |value, options, report| {
        options.cache = cache(value, report)?;
        Ok(())
    },
    refuse: None,
};

const WORDS: [&str; 3] = ["required", "budget", "fstrim"];

fn cache<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Cache> {
    let (head, rest) = values::head(value);
    let is_required = values::pieces(rest).any(|piece| piece.key.text() == "required");
    // Whoever cannot do without must not be given something else because of a misspelling.
    let fatal = is_required.then_some(Fatal::Cache);
    let read = device(head, fatal.clone(), report).and_then(|device| {
        let mut cache = Cache { device, required: is_required, ..Cache::default() };
        add_words(rest, &mut cache, report)?;
        Ok(cache)
    });
    if let (Err(_), Some(fatal)) = (&read, fatal) {
        report.refuse(fatal);
    }
    read
}

fn device<'a>(head: Slice<'a>, missing: Option<Fatal>, report: &mut Report) -> Result<'a, CacheDevice> {
    Ok(match head.text() {
        "none" => CacheDevice::None,
        "auto" => CacheDevice::Auto,
        "reset" => CacheDevice::Reset,
        path if path.starts_with('/') => CacheDevice::Device(values::device(head)?),
        _ => {
            let name = values::name(head)?;
            report.refer(Target::Filesystem, head, missing);
            CacheDevice::Filesystem(name)
        }
    })
}

fn add_words<'a>(rest: Slice<'a>, cache: &mut Cache, report: &mut Report) -> Result<'a, ()> {
    if cache.device == CacheDevice::None && !rest.is_empty() {
        report
            .warn(Problem::new(rest, "has no meaning without a cache").help("name a device instead of none"));
        cache.required = false;
        return Ok(());
    }
    for piece in values::pieces(rest) {
        match piece.key.text() {
            "required" => {}
            "budget" => cache.budget = Some(budget(piece.needed()?)?),
            "fstrim" => cache.fstrim = true,
            word => {
                let known = closest(word, WORDS.into_iter()).unwrap_or_default();
                let problem = Problem::new(piece.whole, "is not known and ignored");
                report.warn(problem.help(format!("the closest known word is {known}")));
            }
        }
    }
    Ok(())
}

fn budget(part: Slice<'_>) -> Result<'_, Budget> {
    let text = part.text();
    if let Some(count) = text.strip_suffix('%') {
        let percent = values::number(part.part(0..count.len()), 1..=100)?;
        return Ok(Budget::Percent(u8::try_from(percent).unwrap_or(100)));
    }
    Ok(Budget::Bytes(values::size(part)?))
}

pub(super) static STORAGE: OptionSpec = OptionSpec {
    name: "b2c.storage",
    aliases: &[],
    value: "additionalimagestores=FILESYSTEM",
    default: "",
    repeatable: false,
    help: "A read-only podman image store on a `b2c.filesystem`, such as an NFS share.",
    doc: "The store is a folder that podman has as its `--root`, written with the overlay driver; it is mounted when the containers are set up, and only read. Its layers are used where \
they are: nothing is pulled, and nothing of it is copied.

Images in it are named by their ID, in whole or by at least 12 digits, also with `--pull=always`. Named by their name they are found with `--pull=missing` and `--pull=never`, and with \
`--pull=always` and `--pull=newer` when the registry gives no answer.

A store that cannot be mounted or read is a red line; a step that needs it fails. An image's configuration is checked against its ID. Its layers are not checked: whoever may write to the \
store decides what is run. On a share without `trusted.` attributes, such as NFS, a folder that an upper layer \
replaces as a whole still shows what is below it.",
    example: "b2c.storage=additionalimagestores=shared",
    marks: &[Mark::New("The exact meaning is ours.")],
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
