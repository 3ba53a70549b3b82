//! `b2c.login`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{Mark, OptionSpec};
use crate::values::{self, Result};

/// Who we are to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// `HOST[:PORT]`, as image names have it.
    pub registry: String,
    /// The name.
    pub user: String,
    /// The password, or a token in its place.
    pub password: Secret<String>,
}

pub(super) static LOGIN: OptionSpec = OptionSpec {
    name: "b2c.login",
    aliases: &[],
    value: "REGISTRY,USER,PASSWORD",
    default: "",
    repeatable: true,
    help: "A user and a password for a registry or a mirror.",
    doc: "`REGISTRY` is the host of image names, with its port if they have one: `docker.io`, `registry.example:5000`. The password is the rest of the value, commas and all. \
Of several for the same registry the last one is used. `--creds` of a container line is stronger, then its `--authfile`, then this, then the files that the initramfs brings (/etc/containers/auth.json and others).

What follows `REGISTRY` is never shown. Put it where no kernel shows it either ([security.md](security.md)).",
    example: "b2c.login=registry.example:5000,ci,PASSWORD",
    marks: &[Mark::New("The option.")],
    update: |value, options, report| {
        options.login.push(login(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn login<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Login> {
    const SHAPE: &str = "write REGISTRY,USER,PASSWORD";
    let Some((registry, rest)) = value.split_once(',') else {
        // It may be the password.
        report.keep_secret(value);
        return Err(Problem::new(value, "has not three parts").help(SHAPE));
    };
    // The user as well: if the registry is missing, it is the password.
    report.keep_secret(rest);
    let Some((user, password)) = rest.split_once(',').filter(|(user, _)| !user.is_empty()) else {
        return Err(Problem::new(value, "has not three parts").help(SHAPE));
    };
    let registry = values::registry(registry)?;
    Ok(Login { registry, user: values::owned(user), password: Secret::new(values::owned(password)) })
}
