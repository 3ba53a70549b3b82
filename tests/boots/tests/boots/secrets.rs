//! Secrets of the command line: neither on the console nor before a container's eyes.

use crate::support::run;
use harness::Boot;

/// In all that can hold one; the key is `hunter2hunter2hunter2hunter2hunter2` in base64.
const WORDS: &str = "b2c.minio=gw,http://10.0.2.2:9,hunter2,hunter2 b2c.volume=v,encrypt_key=hunter2hunter2hunter2hunter2hunt \
    b2c.filesystem=unused,src=//h/s,opts=password=hunter2 b2c.mispelt=hunter2 b2c.volum=v,fscrypt_key=aHVudGVyMmh1bnRlcjI= A=b";

/// Finds any of them, and is not itself one.
const PATTERN: &str = "hunt[e]r2|aHVudGVyM[m]h1bnRlcjI";

#[test]
fn no_container_sees_the_secrets_of_the_command_line() {
    let search = |flags: &str, what: &str| {
        run(flags, &format!("sh -c '{what} | grep -aE \"{PATTERN}\" || echo clean'"))
    };
    let steps = [
        search("", "cat /proc/cmdline"),
        search("--privileged=false", "dmesg; cat /proc/cmdline"),
        search("--pid=host -v /:/host", "cat /host/proc/cmdline /proc/1/root/proc/cmdline"),
        search("--pid=host --env-host", "env; cat /proc/1/environ /proc/[0-9]*/cmdline"),
        search("--creds me:hunter2 -v /run:/r", "find /r -type f -exec cat {} +"),
        run("--env-host", "sh -c 'echo A is $A; cat /proc/cmdline'"),
    ];
    let outcome = Boot::new(&format!("{WORDS} {}", steps.join(" "))).run();
    outcome.expect_no("hunter2").expect_no("aHVudGVyMmh1bnRlcjI").expect_status(0);
    assert_eq!(outcome.lines.iter().filter(|line| *line == "clean").count(), 5, "{}", outcome.tail());
    outcome
        .expect_line("A is b")
        .expect("b2c.minio=gw,http://10.0.2.2:9,***,*** b2c.volume=v,encrypt_key=***");
    outcome.expect("--creds me:***");
}

#[test]
fn a_container_that_asks_for_them_does() {
    let see = |flags: &str| run(flags, "cat /proc/cmdline");
    let steps =
        [see("--security-opt unmask=/proc/cmdline"), see("--privileged=false --security-opt unmask=ALL")];
    let outcome = Boot::new(&format!("{WORDS} {}", steps.join(" "))).run();
    let raw =
        outcome.lines.iter().filter(|line| line.contains("b2c.minio=gw,http://10.0.2.2:9,hunter2,hunter2 "));
    assert_eq!(raw.count(), 2, "{}", outcome.tail());
    outcome.expect_status(0);
}

#[test]
fn a_command_line_without_secrets_is_shown_as_it_is() {
    let outcome = Boot::new(&run("", "sh -c 'grep -c cmdline /proc/mounts; cat /proc/cmdline'")).run();
    outcome.expect_line("0").expect(" b2c.run=\"--tls-verify=false").expect_no("***");
}
