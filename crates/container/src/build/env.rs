//! The container's environment. From the lowest: podman's defaults, the image, b2c's own variables, `--env-file`, `--env`
//! (podman-run(1), "Environment").

use super::{BuildError, Host, files, systemd};
use crate::flags::{EnvArg, RunRequest};
use image::ImageConfig;

/// containers-common's.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the environment says about the rest of the container.
pub(super) struct Facts<'a> {
    pub(super) hostname: &'a str,
    pub(super) home: &'a str,
    pub(super) systemd: bool,
}

/// `KEY=VALUE` each, no key twice.
pub(super) fn environment(
    request: &RunRequest,
    image: &ImageConfig,
    host: &Host<'_>,
    facts: &Facts<'_>,
) -> Result<Vec<String>, BuildError> {
    let mut env = Variables::default();
    if !request.unset_env_all {
        defaults(&mut env, request, host, facts);
        for variable in &image.env {
            if let Some((key, value)) = variable.split_once('=').filter(|(key, _)| !key.is_empty()) {
                env.set(key, value);
            }
        }
        request.unset_env.iter().for_each(|key| env.unset(key));
    }
    host.env.iter().for_each(|(key, value)| env.set(key, value));
    for path in &request.env_files {
        let text =
            files::read_machine_text(path).map_err(|error| BuildError::EnvFile(path.clone(), error))?;
        for (number, line) in text.lines().enumerate() {
            let argument = line_argument(line)
                .map_err(|()| BuildError::EnvFileLine { path: path.clone(), line: number + 1 })?;
            argument.iter().for_each(|argument| env.apply(argument, host));
        }
    }
    request.env.iter().for_each(|argument| env.apply(argument, host));
    // The names of the machine and of the user's folder come last: they are facts, but anybody may say otherwise.
    env.set_new("HOSTNAME", facts.hostname);
    env.set_new("HOME", facts.home);
    Ok(env.0.into_iter().map(|(key, value)| format!("{key}={value}")).collect())
}

fn defaults(env: &mut Variables, request: &RunRequest, host: &Host<'_>, facts: &Facts<'_>) {
    env.set("PATH", PATH);
    // podman's name, not ours: systemd and many scripts look for exactly this one.
    env.set("container", "podman");
    if request.terminal {
        env.set("TERM", "xterm");
    }
    if facts.systemd {
        env.set("container_uuid", &systemd::container_uuid());
    }
    if request.env_host {
        host.environment.iter().for_each(|(key, value)| env.set(key, value));
    }
}

/// A line of an environment file: nothing, a comment, or a variable. There are no quotes in it (podman, Docker).
fn line_argument(line: &str) -> Result<Option<EnvArg>, ()> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let argument = EnvArg::parse(line).ok_or(())?;
    match &argument {
        EnvArg::Set(key, _) | EnvArg::Inherit(key) | EnvArg::InheritPrefix(key) => {
            if key.contains(char::is_whitespace) { Err(()) } else { Ok(Some(argument)) }
        }
    }
}

/// In the order in which they were first set.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl Variables {
    fn set(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((key.to_owned(), value.to_owned())),
        }
    }

    fn set_new(&mut self, key: &str, value: &str) {
        if !self.0.iter().any(|(known, _)| known == key) {
            self.set(key, value);
        }
    }

    fn unset(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    fn apply(&mut self, argument: &EnvArg, host: &Host<'_>) {
        match argument {
            EnvArg::Set(key, value) => self.set(key, value),
            EnvArg::Inherit(name) => self.inherit(host, |key| key == name),
            EnvArg::InheritPrefix(prefix) => self.inherit(host, |key| key.starts_with(prefix.as_str())),
        }
    }

    fn inherit(&mut self, host: &Host<'_>, wanted: impl Fn(&str) -> bool) {
        for (key, value) in host.environment.iter().filter(|(key, _)| wanted(key)) {
            self.set(key, value);
        }
    }
}
