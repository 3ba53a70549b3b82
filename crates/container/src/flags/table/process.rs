//! What is run, as whom, and with what around it.

use super::super::error::Why;
use super::super::request::{RunRequest, Systemd};
use super::super::{env, limits, mount, signal};
use super::{Flag, Value, set};
use std::path::Path;

pub(super) static FLAGS: [Flag; 18] = [
    Flag::value(
        "entrypoint",
        Value::One("COMMAND"),
        env::entrypoint,
        "Replaces the image's entrypoint, and drops its command. One word, or a JSON array of words; `\"\"` clears it.",
    ),
    Flag::value(
        "env",
        Value::Each("KEY[=VALUE]"),
        env::env,
        "Sets a variable. `KEY` alone takes the value from b2c's own environment, `KEY*` all that begin so.",
    )
    .short('e'),
    Flag::value(
        "env-file",
        Value::List("PATH"),
        env_file,
        "Reads variables from a file of the machine, one `KEY=VALUE` a line; `--env` goes over it.",
    ),
    Flag::switch(
        "env-host",
        |request, on| request.env_host = on,
        "Passes on b2c's own environment, under everything else.",
    ),
    Flag::value(
        "group-add",
        Value::List("GROUP"),
        group_add,
        "One more group for the process, by name or number.",
    ),
    Flag::switch(
        "init",
        |request, on| request.init = on,
        "A small process 1 that reaps orphans and passes signals on to the command.",
    ),
    Flag::switch(
        "interactive",
        |request, on| request.stdin = on,
        "Connects the console's input; without it, input is empty.",
    )
    .short('i'),
    Flag::value(
        "oom-score-adj",
        Value::One("NUMBER"),
        oom_score_adj,
        "-1000 to 1000: how soon the kernel ends the process when memory is short.",
    ),
    Flag::value("restart", Value::One("POLICY"), restart, "`no`, the default, and nothing else."),
    Flag::value(
        "stop-signal",
        Value::One("SIGNAL"),
        stop_signal,
        "Sent first when the container has to stop, by name or number. The image's own, or SIGTERM, by default.",
    ),
    Flag::value(
        "stop-timeout",
        Value::One("SECONDS"),
        stop_timeout,
        "Time from the stop signal to SIGKILL; 10 by default.",
    ),
    Flag::value(
        "systemd",
        Value::One("MODE"),
        systemd,
        "`true` (the default) prepares the container for systemd if its command is an init by its path, `always` does so anyway, `false` never.",
    ),
    Flag::switch("tty", |request, on| request.terminal = on, "Gives the container a terminal.").short('t'),
    Flag::value("umask", Value::One("OCTAL"), umask, "File mode creation mask; 0022 by default."),
    Flag::value(
        "unsetenv",
        Value::Each("KEY"),
        unset_env,
        "Removes a variable that the image or podman's defaults set; `B2C_PIPELINE_*`, `HOME` and `HOSTNAME` remain.",
    ),
    Flag::switch(
        "unsetenv-all",
        |request, on| request.unset_env_all = on,
        "Removes all of them; `--env`, `--env-file` and `B2C_PIPELINE_*` remain.",
    ),
    Flag::value(
        "user",
        Value::One("USER[:GROUP]"),
        user,
        "Whom the process runs as, by name or number; names are looked up in the image.",
    )
    .short('u'),
    Flag::value("workdir", Value::One("PATH"), workdir, "Working directory; made if it does not exist.")
        .short('w'),
];

fn env_file(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    if text.is_empty() {
        return Err("write the path of a file".into());
    }
    // b2c's own working directory is /.
    request.env_files.push(Path::new("/").join(text));
    Ok(())
}

fn group_add(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    match text {
        "keep-groups" => Err("b2c itself is in no groups that could be kept; name them".into()),
        "" => Err("write the name or number of a group".into()),
        group => {
            request.groups.push(group.to_owned());
            Ok(())
        }
    }
}

fn oom_score_adj(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.oom_score_adj, Some(limits::number(text, -1000, 1000)?))
}

fn restart(_: &mut RunRequest, text: &str) -> Result<(), Why> {
    match text {
        "" | "no" => Ok(()),
        _ => Err("containers are not started again; write no, or loop in the command".into()),
    }
}

fn stop_signal(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let number =
        signal::parse(text).ok_or("no such signal; write a name or a number, such as SIGTERM or 15")?;
    set(&mut request.stop_signal, Some(number))
}

fn stop_timeout(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    // podman's -1 is "wait for ever"; a boot has to end.
    set(&mut request.stop_timeout, limits::number(text, 0, 86_400)?)
}

fn systemd(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let mode = match text {
        "true" | "1" => Systemd::Detect,
        "always" => Systemd::Always,
        "false" | "0" => Systemd::Never,
        _ => return Err("write true, false or always".into()),
    };
    set(&mut request.systemd, mode)
}

fn umask(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    match u32::from_str_radix(text, 8) {
        Ok(mask) if mask <= 0o777 && !text.starts_with('+') => set(&mut request.umask, mask),
        _ => Err("write an octal number up to 0777, such as 0022".into()),
    }
}

fn unset_env(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    request.unset_env.push(text.to_owned());
    Ok(())
}

fn user(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    if user.is_empty() || group.is_empty() || group.contains(':') {
        return Err("write USER or USER:GROUP, names or numbers".into());
    }
    set(&mut request.user, Some(text.to_owned()))
}

fn workdir(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    if !text.starts_with('/') {
        return Err("write an absolute path".into());
    }
    set(&mut request.workdir, Some(mount::clean_path(Path::new(text))))
}
