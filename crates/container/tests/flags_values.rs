//! Each flag that takes a value: some that it takes, some that it must refuse.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use container::flags::parse;
use container::flags::table::{Action, Value, flags};

/// A flag, good values, bad values.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "add-host",
        &["db:10.0.0.2", "a;b:[fe80::1]", "m:host-gateway"],
        &["db", "db:x", ":1.2.3.4", "a\nb:1.2.3.4"],
    ),
    ("arch", &["arm64"], &[""]),
    ("authfile", &["/auth.json"], &[""]),
    ("cap-add", &["NET_ADMIN", "cap_kill,ALL"], &["NET_ADMN", "ALL "]),
    ("cap-drop", &["all"], &["x"]),
    ("cgroup-conf", &["memory.high=1g"], &["memory.high", "../x.y=1", "a/b.c=1", "x=1"]),
    ("cgroupns", &["host", "private"], &["container:x", "ns:/x"]),
    ("cpu-period", &["0", "100000"], &["1", "x", "-1"]),
    ("cpu-quota", &["-1", "0", "50000"], &["5", "x"]),
    ("cpu-shares", &["512"], &["-1", "300000"]),
    ("cpus", &["1.5", ".5", "0"], &["", "-1", "many"]),
    ("cpuset-cpus", &["0-3,7"], &["3-0", "x"]),
    ("cpuset-mems", &["0"], &["x"]),
    ("creds", &["me:secret", "me"], &[":secret", ""]),
    ("device", &["/dev/dri", "/dev/a:/dev/b:rw", "/dev/a:r"], &["dri", "/dev/a:x", "/a:/b:r:w", "/dev/a:"]),
    ("dns", &["10.0.0.1", "::1,1.1.1.1", "none"], &["ns.example.org"]),
    ("dns-option", &["ndots:1"], &["a b"]),
    ("dns-search", &["example.org", "."], &["a\nb"]),
    ("entrypoint", &["/bin/sh", "[\"a\",\"b\"]", ""], &[]),
    ("env", &["K=V", "K", "K*", "K="], &["=V", ""]),
    ("env-file", &["/user/job.env"], &["/a,"]),
    ("group-add", &["video", "44"], &["keep-groups"]),
    ("hostname", &["dut-1"], &["", "a b", "ä"]),
    ("image-volume", &["bind", "anonymous", "tmpfs", "ignore"], &["x"]),
    ("ipc", &["host", "private", "none", "shareable", ""], &["container:x"]),
    ("memory", &["2g", "0"], &["2x", "-1"]),
    ("memory-reservation", &["1g"], &["x"]),
    ("memory-swap", &["-1"], &["1g", "x"]),
    (
        "mount",
        &["type=tmpfs,dst=/x", "dst=/x", "type=bind,source=/a,target=/x,bind-nonrecursive"],
        &["type=image,src=a,dst=/b", "type=bind,dst=/x", "type=bind,src=/x", "", "type=tmpfs,dst=/x,src=/y"],
    ),
    ("name", &["a", "a.b-c_1"], &["", "-a", "a/b"]),
    ("network", &["host", "none"], &["bridge", "container:x", "pasta", ""]),
    ("oom-score-adj", &["-1000", "1000"], &["1001", "x"]),
    ("os", &["linux"], &[""]),
    ("pid", &["host", "private"], &["container:x"]),
    ("pids-limit", &["100", "-1"], &["-2", "x"]),
    ("platform", &["linux/arm64", "linux/arm/v7", "linux"], &["linux/", "a/b/c/d", ""]),
    ("pull", &["always", "missing", "never", "newer"], &["sometimes", ""]),
    ("restart", &["no"], &["always"]),
    (
        "security-opt",
        &[
            "no-new-privileges",
            "seccomp=unconfined",
            "label=disable",
            "mask=/a:/b",
            "unmask=ALL",
            "proc-opts=hidepid=2",
        ],
        &["seccomp=/x.json", "mask=a", "nope", "", "label"],
    ),
    ("shm-size", &["1g", "0"], &["x"]),
    ("shm-size-systemd", &["1g"], &["x"]),
    ("stop-signal", &["TERM", "SIGRTMIN+3", "9"], &["x", "0"]),
    ("stop-timeout", &["0", "30"], &["-1", "x"]),
    (
        "sysctl",
        &["kernel.sem=1 2 3 4", "fs.mqueue.msg_max=10", "fs/mqueue/msg_max=10"],
        &["net.core.somaxconn=1", "kernel.panic=1", "x", "net..x=1", "fs.mqueue/../../x=1"],
    ),
    ("systemd", &["true", "false", "always"], &["x"]),
    (
        "tmpfs",
        &["/x", "/x:size=1g,exec,mode=700", "/x:size=50%"],
        &["x", "/x:bogus", "/", "/x:tmpcopyup", "/x:size=1q", "/x:mode=8", "/x:uid=me"],
    ),
    ("ulimit", &["nofile=1024:4096", "core=-1", "host"], &["nofile", "x=1", "nofile=2:1", "nofile=x"]),
    ("umask", &["0022", "77"], &["8", "1777", ""]),
    ("unsetenv", &["PATH"], &[]),
    ("user", &["root", "1000:1000", "a:b"], &["", ":1", "a:", "a:b:c"]),
    ("userns", &["host"], &["auto", "keep-id"]),
    ("uts", &["host", "private"], &["x"]),
    ("variant", &["v7"], &[""]),
    (
        "volume",
        &["/a:/b", "name:/b:ro,nocopy", "/b", ".:/x"],
        &["b", "a:b", "/a:/b:bogus", "-a:/b", "/a:/", "/a:/b:U", "/a/b:/c:U=x", "/a:/b:O", "/a:/b:nocopy"],
    ),
    ("workdir", &["/x"], &["x", ""]),
];

#[test]
fn good_and_bad_values() {
    for flag in flags().filter(|flag| matches!(flag.action, Action::Value(_))) {
        let name = flag.long;
        let (_, good, bad) =
            ROWS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("no row for --{name}"));
        for value in *good {
            let line = [format!("--{name}={value}"), "img".into()];
            assert!(parse(&line).is_ok(), "{line:?}: {}", parse(&line).unwrap_err());
        }
        for value in *bad {
            let line = [format!("--{name}"), (*value).into(), "img".into()];
            assert!(parse(&line).is_err(), "{line:?} is accepted");
        }
    }
}

#[test]
fn an_empty_list_is_nothing() {
    for flag in flags().filter(|flag| matches!((flag.action, flag.value), (Action::Value(_), Value::List(_))))
    {
        assert!(parse(&[format!("--{}=", flag.long), "img".into()]).is_ok(), "{}", flag.long);
    }
}
