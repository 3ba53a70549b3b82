//! What runs.

use crate::credentials;
use crate::diagnostic::{Fatal, Problem, Report};
use crate::lines::{self, ContainerLine};
use crate::located::Slice;
use crate::shell::{self, Mode};
use crate::table::{Group, Mark, OptionSpec};
use crate::values::Result;

/// The options of this group.
pub static GROUP: Group = Group { title: "Containers", options: &[&RUN, &RUN_POST, &RUN_SERVICE, &PIPEFAIL] };

const EVAL: Mark = Mark::Divergence(
    "The original `eval`s the line, so that `$(…)` or `;` in it ran programs on the machine. Here it is words only.",
);

static RUN: OptionSpec = OptionSpec {
    name: "b2c.run",
    aliases: &["b2c.container"],
    value: "\"[FLAGS] IMAGE [COMMAND…]\"",
    default: "",
    repeatable: true,
    help: "A step of the pipeline: a container to run, in the words of `podman run`.",
    doc: "Steps run one after the other, in the order in which they are written. [run-flags.md](run-flags.md) lists the flags.

The value is a piece of POSIX shell: blanks separate words, `'…'` and `\"…\"` group them, `\\` escapes, and outside single quotes \
`$NAME` and `${NAME}` are replaced by a `B2C_PIPELINE_*` variable, by one that the kernel made of a `NAME=VALUE` word of the command line, or else by nothing. Write `'$PWD'` to \
let the container see `$PWD`. There is no globbing and no command substitution; `|`, `&`, `;`, `>` are ordinary characters. \
A double quote inside a quoted value is written `\\\"`.

A line that cannot be read, such as one with an unclosed quote, keeps the whole pipeline from running.",
    example: "b2c.run=\"-ti --tls-verify=false docker://10.42.0.1:8002/img:latest sh -c 'echo $PWD'\"",
    marks: &[EVAL],
    update: |value, options, report| {
        options.run.push(line(value, report)?);
        Ok(())
    },
    refuse: Some(refuse),
};

static RUN_POST: OptionSpec = OptionSpec {
    name: "b2c.run_post",
    aliases: &["b2c.post_container"],
    value: "\"[FLAGS] IMAGE [COMMAND…]\"",
    default: "",
    repeatable: true,
    help: "A container that always runs after the pipeline.",
    doc: "As `b2c.run`, but it also runs when the pipeline failed or was cut short, and its exit code changes nothing. Made for \
collecting results.",
    example: "b2c.run_post=\"-v results:/results -e CI_JOB_ID=42 registry.local/artifact-reaper:latest\"",
    marks: &[],
    update: |value, options, report| {
        options.run_post.push(line(value, report)?);
        Ok(())
    },
    refuse: Some(refuse),
};

static RUN_SERVICE: OptionSpec = OptionSpec {
    name: "b2c.run_service",
    aliases: &["b2c.service"],
    value: "\"[FLAGS] IMAGE [COMMAND…]\"",
    default: "",
    repeatable: true,
    help: "A container that runs beside the pipeline.",
    doc: "As `b2c.run`, but started before the first step, not attached to the console, and killed in the clean-up.",
    example: "b2c.run_service=\"--privileged --pid=host registry.local/telegraf:latest\"",
    marks: &[Mark::Divergence(
        "A service that cannot be created keeps the pipeline from running, and the status is not 0. The original went on, with status 0.",
    )],
    update: |value, options, report| {
        options.run_service.push(line(value, report)?);
        Ok(())
    },
    refuse: Some(refuse),
};

static PIPEFAIL: OptionSpec = OptionSpec {
    name: "b2c.pipefail",
    aliases: &[],
    value: "",
    default: "off",
    repeatable: false,
    help: "The first step that fails ends the pipeline.",
    doc: "Without it all steps run, and the status is that of the first one that failed. A value is not needed: `1`, `y`, `yes`, `on` \
and `true` are taken as well, `0`, `n`, `no`, `off` and `false` switch it off again, and with any other value it is on, with a warning.",
    example: "b2c.pipefail",
    marks: &[],
    update: |value, options, report| {
        options.pipefail = !matches!(value.text(), "0" | "n" | "no" | "off" | "false");
        if options.pipefail && !matches!(value.text(), "" | "1" | "y" | "yes" | "on" | "true") {
            report.warn(
                Problem::new(value, "is no value for a switch: it is on").help("write b2c.pipefail alone"),
            );
        }
        Ok(())
    },
    refuse: None,
};

fn refuse(text: &str) -> Fatal {
    Fatal::ContainerLine(credentials::masked(text))
}

const NO_IMAGE: &str = "write at least an image";

fn line<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, ContainerLine> {
    let place = |span| value.part(span).span();
    credentials::passwords(value.text()).into_iter().for_each(|part| report.keep_secret(value.part(part)));
    let script = shell::parse(value.text(), Mode::Words).map_err(|error| broken(value, &error, NO_IMAGE))?;
    for (span, why, help) in lines::remarks(&script.notes, Mode::Words) {
        report.warn(Problem::new(value.part(span), why).help(help));
    }
    ContainerLine::from_script(value.text(), script, report.text, value.span(), place)
        .map_err(|error| broken(value, &error, NO_IMAGE))
}

/// The problem with shell words that are broken; `if_empty` is what to do if there are none.
pub(crate) fn broken<'a>(value: Slice<'a>, error: &shell::ShellError, if_empty: &'static str) -> Problem<'a> {
    use shell::ShellErrorKind::{DoubleQuote, Empty, SingleQuote, Variable};
    let (at, help) = match error.kind {
        // The quote alone would not tell which one it is: the line shows what follows it.
        SingleQuote => (error.span.start..value.text().len(), "close it, or write \\' for a plain one"),
        DoubleQuote => (error.span.start..value.text().len(), "close it, or write '\\\"' for a plain one"),
        Variable => (error.span.clone(), "use single quotes to leave it to a shell in the container"),
        Empty => (error.span.clone(), if_empty),
    };
    Problem::new(value.part(at), error.kind.to_string()).help(help)
}
