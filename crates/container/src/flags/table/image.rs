//! Which image, and from where.

use super::super::error::Why;
use super::super::network::is_name;
use super::super::request::{Credentials, PullPolicy, RunRequest};
use super::{Flag, Value, set};

pub(super) static FLAGS: [Flag; 9] = [
    Flag::value(
        "arch",
        Value::One("ARCH"),
        arch,
        "Take the image for this architecture, in Go's names: `amd64`, `arm64`, `arm`, `riscv64`.",
    ),
    Flag::value(
        "authfile",
        Value::One("PATH"),
        authfile,
        "A file of registry logins, as `podman login` writes it (auth.json).",
    ),
    Flag::value("creds", Value::One("USER[:PASSWORD]"), creds, "Log in to the image's registry."),
    Flag::value(
        "name",
        Value::One("NAME"),
        name,
        "The container's name, in messages and in /run/.containerenv.",
    ),
    Flag::value("os", Value::One("OS"), os, "Take the image for this operating system."),
    Flag::value(
        "platform",
        Value::One("OS/ARCH[/VARIANT]"),
        platform,
        "`--os`, `--arch` and `--variant` in one.",
    ),
    Flag::value(
        "pull",
        Value::One("POLICY"),
        pull,
        "`always` (the default) asks the registry each time, and takes what the store has if there is no answer; `newer` does so also if the registry refuses; `missing` takes what the store has; `never` asks nobody.",
    ),
    Flag::switch(
        "tls-verify",
        |request, on| request.tls_verify = on,
        "`=false` speaks to the registry without checking its certificate, or in plain http. On by default.",
    ),
    Flag::value(
        "variant",
        Value::One("VARIANT"),
        variant,
        "Take the image for this variant of the architecture, such as `v7`.",
    ),
];

fn some_word(text: &str) -> Result<Option<String>, Why> {
    if text.is_empty() {
        return Err("it is empty; write a value or remove the flag".into());
    }
    Ok(Some(text.to_owned()))
}

fn arch(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.platform.arch, some_word(text)?)
}

fn os(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.platform.os, some_word(text)?)
}

fn variant(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.platform.variant, some_word(text)?)
}

fn platform(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let mut parts = text.split('/').map(str::to_owned);
    let platform = &mut request.platform;
    (platform.os, platform.arch, platform.variant) = (parts.next(), parts.next(), parts.next());
    if text.split('/').any(str::is_empty) || parts.next().is_some() {
        return Err("write OS/ARCH[/VARIANT], such as linux/arm64".into());
    }
    Ok(())
}

fn authfile(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.authfile, some_word(text)?.map(Into::into))
}

fn creds(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if user.is_empty() {
        return Err("the user's name is missing; write USER:PASSWORD".into());
    }
    set(&mut request.credentials, Some(Credentials { user: user.to_owned(), password: password.to_owned() }))
}

fn name(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    if !is_name(text) {
        return Err(
            "a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit"
                .into(),
        );
    }
    set(&mut request.name, Some(text.to_owned()))
}

fn pull(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let policy = match text {
        // The booleans are Docker's and podman's older form.
        "always" | "true" | "1" => PullPolicy::Always,
        "missing" | "ifnotpresent" | "false" | "0" => PullPolicy::Missing,
        "never" => PullPolicy::Never,
        "newer" | "ifnewer" => PullPolicy::Newer,
        _ => return Err("write always, missing, newer or never".into()),
    };
    set(&mut request.pull, policy)
}
