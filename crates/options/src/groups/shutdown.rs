//! How a boot ends.

mod report;

pub use report::ReportSink;

use crate::diagnostic::{Problem, Report};
use crate::groups::containers::broken;
use crate::lines::{self, CommandList};
use crate::located::Slice;
use crate::shell::{self, Mode};
use crate::table::{Group, Mark, OptionSpec};
use crate::values::{self, Result};
use std::time::Duration;

/// The options of this group.
pub static GROUP: Group = Group {
    title: "The end",
    options: &[&TIMEOUT, &report::REPORT, &POWEROFF_DELAY, &SHUTDOWN_CMD, &REBOOT_CMD],
};

const NO_SHELL: Mark = Mark::Divergence(
    "There is no shell: only commands, quotes, variables, and `;` or a line end between commands.",
);

static TIMEOUT: OptionSpec = OptionSpec {
    name: "b2c.timeout",
    aliases: &[],
    value: "DURATION",
    default: "",
    repeatable: false,
    help: "How long a boot may take, counted from the start of the kernel.",
    doc: "A number and `s`, `m`, `h`, `d` or `w`. When the time is over, the step that runs is ended by its stop signal, and killed if that does not help within \
10 seconds; downloads and waits are cut short, and the remaining steps are skipped. Post containers, pipeline_end hooks and the clean-up still \
come. The status is 124, unless something had failed before. [watchdog.md](watchdog.md) tells the rest.",
    example: "b2c.timeout=2h",
    marks: &[Mark::New("A time limit for the whole boot.")],
    update: |value, options, _| {
        let timeout = values::duration(value.text()).ok_or_else(|| {
            Problem::new(value, "is not a duration").help("write a number and s, m, h, d or w, such as 90m")
        })?;
        options.timeout = Some(timeout);
        Ok(())
    },
    refuse: None,
};

static POWEROFF_DELAY: OptionSpec = OptionSpec {
    name: "b2c.poweroff_delay",
    aliases: &[],
    value: "SECONDS",
    default: "0",
    repeatable: false,
    help: "How long to wait between \"It's now safe to turn off your computer\" and the power-off.",
    doc: "For a controller that switches the power itself. Whole seconds. There is no wait before a reboot.",
    example: "b2c.poweroff_delay=15",
    marks: &[],
    update: |value, options, _| {
        options.poweroff_delay = Duration::from_secs(values::number(value, 0..=31_536_000)?);
        Ok(())
    },
    refuse: None,
};

static SHUTDOWN_CMD: OptionSpec = OptionSpec {
    name: "b2c.shutdown_cmd",
    aliases: &[],
    value: "\"COMMAND[; COMMAND…]\"",
    default: "poweroff -f",
    repeatable: false,
    help: "What to do last.",
    doc: "Commands: `echo`, `sleep`, `sync`, `poweroff`, `reboot`, `halt`, and programs that another archive of the \
initrd brought. They are words as in `b2c.run` and see the `B2C_PIPELINE_*` variables.",
    example: "b2c.shutdown_cmd=\"echo JOB_RESULT=$B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE; poweroff -f\"",
    marks: &[NO_SHELL],
    update: |value, options, report| {
        options.shutdown_cmd = commands(value, report)?;
        Ok(())
    },
    refuse: None,
};

static REBOOT_CMD: OptionSpec = OptionSpec {
    name: "b2c.reboot_cmd",
    aliases: &[],
    value: "\"COMMAND[; COMMAND…]\"",
    default: "reboot -f",
    repeatable: false,
    help: "What to do last when a container asked for a reboot.",
    doc: "As `b2c.shutdown_cmd`.",
    example: "b2c.reboot_cmd=\"echo once more; reboot -f\"",
    marks: &[NO_SHELL],
    update: |value, options, report| {
        options.reboot_cmd = commands(value, report)?;
        Ok(())
    },
    refuse: None,
};

const NO_COMMAND: &str = "write at least one command";

fn commands<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, CommandList> {
    let script =
        shell::parse(value.text(), Mode::Commands).map_err(|error| broken(value, &error, NO_COMMAND))?;
    for (span, why, help) in lines::remarks(&script.notes, Mode::Commands) {
        report.warn(Problem::new(value.part(span), why).help(help));
    }
    CommandList::from_script(value.text(), script).map_err(|error| broken(value, &error, NO_COMMAND))
}
