//! Flags that change nothing here, so that lines written for podman keep working.

use super::{Flag, Value};

const NO_LOGS: &str = "A container's output goes to the console; no log is kept.";
const NO_SETS: &str = "Nothing here reads it.";
const OPEN_PORTS: &str = "With the machine's network every port is open already.";

pub(super) static FLAGS: [Flag; 24] = [
    Flag::ignored("annotation", Value::List("KEY=VALUE"), NO_SETS),
    Flag::ignored(
        "cgroups",
        Value::One("MODE"),
        "Every container gets a cgroup of its own, as by `enabled`.",
    ),
    Flag::ignored(
        "detach",
        Value::Switch,
        "A step is attached to the console, a service (`b2c.run_service`) is not.",
    )
    .short('d'),
    Flag::ignored("detach-keys", Value::One("KEYS"), "One cannot detach from the console."),
    Flag::ignored("disable-content-trust", Value::Switch, "podman ignores it too."),
    Flag::ignored("expose", Value::List("PORT"), OPEN_PORTS),
    Flag::ignored(
        "http-proxy",
        Value::Switch,
        "b2c's own proxy is not passed on; give containers theirs by `--env`.",
    ),
    Flag::ignored("label", Value::Each("KEY=VALUE"), NO_SETS).short('l'),
    Flag::ignored("label-file", Value::List("PATH"), NO_SETS),
    Flag::ignored("log-driver", Value::One("DRIVER"), NO_LOGS),
    Flag::ignored("log-opt", Value::List("NAME=VALUE"), NO_LOGS),
    Flag::ignored("no-healthcheck", Value::Switch, "There are no health checks."),
    Flag::ignored("passwd", Value::Switch, "The image's /etc/passwd is never written to."),
    Flag::ignored("publish", Value::List("PORTS"), OPEN_PORTS).short('p'),
    Flag::ignored("publish-all", Value::Switch, OPEN_PORTS).short('P'),
    Flag::ignored("quiet", Value::Switch, "Progress is always shown: farms reboot a machine that is silent.")
        .short('q'),
    Flag::ignored("replace", Value::Switch, "Containers are removed when they end, so their names are free."),
    Flag::ignored("retry", Value::One("NUMBER"), "Pulls are always tried again."),
    Flag::ignored(
        "retry-delay",
        Value::One("DURATION"),
        "Pulls are always tried again, after longer and longer pauses.",
    ),
    Flag::ignored("rm", Value::Switch, "Containers are always removed when they end."),
    Flag::ignored("rmi", Value::Switch, "What happens to images at the end is up to the cache."),
    Flag::ignored(
        "sdnotify",
        Value::One("MODE"),
        "There is no systemd outside the container that could be told.",
    ),
    Flag::ignored("sig-proxy", Value::Switch, "Signals reach the container through its terminal."),
    Flag::ignored("signature-policy", Value::One("PATH"), "There are no signature policies."),
];
