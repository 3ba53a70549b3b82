//! `b2c.swap`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::OptionSpec;
use crate::values::{self, Result};
use std::path::PathBuf;

/// Swap, switched off at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// What is swapped to.
    pub space: SwapSpace,
    /// `vm.swappiness`, 0 to 200; `None` leaves the kernel's.
    pub swappiness: Option<u8>,
}

/// What is swapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwapSpace {
    /// A file of so many bytes on the cache, removed at the end.
    File(u64),
    /// A block device.
    Device(PathBuf),
}

pub(super) static SWAP: OptionSpec = OptionSpec {
    name: "b2c.swap",
    aliases: &[],
    value: "SIZE[,swappiness=N] | /dev/X[,swappiness=N]",
    default: "",
    repeatable: false,
    help: "A swap file of that size on the cache, or a swap device.",
    doc: "Sizes are a number and `K`, `M`, `G` or `T`, powers of 1024, in either case. `swappiness` is 0 to 200. Swap is off again, and the file \
removed, before the machine powers off; a file that a power cut left is removed by the next boot.

A file needs a cache on a drive: ext4, xfs, btrfs. One that does not fit is not made.

A device that holds swap space is used as it is, a blank one is made swap space, and so is a network block device (`/dev/nbdN`) whatever it holds. Any other device that holds something is left \
alone. A device that is not there is waited for, up to 10 s.

If there is no swap in the end, that is a red line, and the boot goes on.",
    example: "b2c.swap=8G,swappiness=60",
    marks: &[],
    update: |value, options, report| {
        options.swap = Some(swap(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn swap<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Swap> {
    let (space, rest) = values::head(value);
    let space = if space.text().starts_with('/') {
        SwapSpace::Device(values::device(space)?)
    } else {
        SwapSpace::File(values::size(space)?)
    };
    let mut swappiness = None;
    for piece in values::pieces(rest) {
        if piece.key.text() == "swappiness" {
            swappiness = u8::try_from(values::number(piece.needed()?, 0..=200)?).ok();
        } else {
            let problem = Problem::new(piece.whole, "is not known and ignored");
            report.warn(problem.help("only swappiness=N may follow"));
        }
    }
    Ok(Swap { space, swappiness })
}
