//! `b2c check`, as a person at a desk meets it: the whole of what is printed, and the exit code.
#![cfg(feature = "check")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::io::Write;
use std::process::{Command, Stdio};

/// Exit code, standard output, standard error of `b2c check ARGUMENTS… <input`.
fn check(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_b2c"));
    command.arg("check").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not want to know closes its end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What is said after the story.
fn findings(text: &str) -> (i32, String) {
    let (code, output, _) = check(&[text], "");
    let (_, findings) = output.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap();
    (code, findings.to_owned())
}

fn story(text: &str) -> String {
    let (_, output, _) = check(&[text], "");
    output.split("\n\n").nth(1).unwrap().to_owned()
}

#[test]
fn a_fine_line_is_explained_in_the_order_of_a_boot() {
    let text = r#"b2c.run="-ti alpine sh -c 'echo $PWD'" b2c.run="-v a:/b docker://ci-gateway:8002/x/y:1" b2c.volume=a
        b2c.post_container=reaper b2c.service="--privileged telegraf" b2c.ntp_peer=auto b2c.poweroff_delay=15 modules_load=nbd,vc4
        b2c.iface=eth0,address=10.0.0.2/24,gateway=10.0.0.1,route=10.1.0.0/16:10.0.0.9 b2c.pipefail b2c.insmods=x.ko b2c.hostname=dut-1
        b2c.proxy=https=http://me:secret@proxy:3128/,no=ci-gateway b2c.shutdown_cmd="echo J=$B2C_PIPELINE_STATUS; poweroff -f"
        b2c.report=http://me:secret@h/x?token=secret b2c.report=file:a/b"#;
    let (code, output, errors) = check(&[text], "");
    let expected = r#"What would happen, in order:

  1. Module files: from /usr_mods, in this order: x.ko
  2. Kernel modules: nbd, vc4, and those that the hardware asks for
  3. Network: eth0, address 10.0.0.2/24, gateway 10.0.0.1, 10.1.0.0/16 by way of 10.0.0.9
  4. Proxy: http://***@proxy:3128/ for https, but not for ci-gateway
  5. Clock: set from the servers that DHCP names, else pool.ntp.org, 3 tries of 5 s
  6. Host name: dut-1
  7. Cache: none, everything is in memory
  8. Volume: a
  9. Service: docker.io/library/telegraf:latest runs its own command, with --privileged
 10. Step 1 of 2: docker.io/library/alpine:latest runs sh -c 'echo $PWD', with -ti
 11. Step 2 of 2: ci-gateway:8002/x/y:1 runs its own command, with -v a:/b
 12. If a step fails: the pipeline ends there
 13. Afterwards, always: docker.io/library/reaper:latest runs its own command
 14. Pipeline status: the exit code of the first step that fails, else 0
 15. Report: posted to http://***@h/x?***
 16. Report: the file b in the volume a
 17. End: clean-up, "It's now safe to turn off your computer", 15 s of waiting, echo J=$B2C_PIPELINE_STATUS; poweroff -f
 18. If a container asks for a reboot: reboot -f

No mistakes found.
"#;
    assert_eq!((code, output.as_str(), errors.as_str()), (0, expected, ""));
}

#[test]
fn a_mistake_is_underlined() {
    let expected = "\
error: b2c.swap: `8x` is not a size
 --> command line, line 1, column 16
  |
  | quiet b2c.swap=8x b2c.run=alpine
  |                ^^
  = help: write a number and K, M, G or T, such as 8G

Errors: 1. Warnings: 0.
";
    assert_eq!(findings("quiet b2c.swap=8x b2c.run=alpine"), (2, expected.to_owned()));
}

#[test]
fn unknown_options_are_warnings() {
    let expected = "\
warning: unknown option b2c.contianer is ignored
 --> command line, line 1, column 1
  |
  | b2c.contianer=******
  | ^^^^^^^^^^^^^
  = help: the closest known one is b2c.container

Errors: 0. Warnings: 1.
";
    assert_eq!(findings("b2c.contianer=alpine"), (1, expected.to_owned()));
}

#[test]
fn modules_and_keymaps_are_told_in_the_order_of_a_boot() {
    let digits = "0123456789abcdef".repeat(4);
    let text = format!(
        "b2c.keymap=de b2c.modules=http://me:secret@h/a.cpio,sha256={digits} b2c.modules=drivers:1,tls-verify=false"
    );
    let told = story(&text);
    assert!(told.contains("Keyboard: de\n"), "{told}");
    let archive =
        format!("Modules and firmware: the archive http://***@h/a.cpio with the SHA-256 {digits}\n");
    let image = "the image docker.io/library/drivers:1, from whoever says that he is the server\n";
    assert!(told.contains(&archive) && told.contains(image), "{told}");
    let expected = "error: b2c.modules: ";
    let (code, found) = findings("b2c.modules=NOT/A/Name");
    assert!(code == 2 && found.starts_with(expected), "{found}");
}

#[test]
fn how_long_things_may_take_is_told() {
    let story = story("b2c.watchdog=20 b2c.timeout=2h");
    assert!(story.contains("Watchdog: the machine is reset when it has hung for 20 s\n"), "{story}");
    assert!(
        story.contains("Time limit: 7200 s after the start of the kernel, the pipeline is cut\n"),
        "{story}"
    );
    assert!(self::story("b2c.watchdog=off").contains("Watchdog: off\n"));
}

#[test]
fn what_becomes_of_an_interface_is_told() {
    let story = story("b2c.iface=52:54:00:12:34:56,vlan=5,mtu=1400,optional,auto");
    let line = "Network: VLAN 5 on 52:54:00:12:34:56, MTU 1400, may be missing, whatever the link offers";
    assert!(story.contains(line), "{story}");
    assert!(story.contains("Host name: what the DHCP server gives, else boot2container"), "{story}");
}

#[test]
fn what_is_kept_and_where_is_told() {
    let story = story(
        "b2c.cache_device=auto,required,budget=80% b2c.swap=1G b2c.volume=a b2c.minio=s3,http://h,a,b \
         b2c.volume=b,mirror=s3/x/y,pull_on=pipeline_start|container_start,push_on=changes b2c.volume=c,push_to=s3/z,push_on=pipeline_end",
    );
    let told = |line: &str| assert!(story.contains(line), "{story}");
    told(
        "Cache: the partition labelled B2C_CACHE; if there is none, the first disk is wiped and gets one, 80 % of it for images; without it nothing runs\n",
    );
    told("Swap: a file of 1024 MiB on the cache\n");
    told("Volume: a\n");
    told(
        "Volume: b, pulled from s3/x/y when the pipeline starts and before each container, pushed to s3/x/y all the time\n",
    );
    told("Volume: c, pushed to s3/z when the pipeline ends\n");
}

#[test]
fn what_becomes_of_a_volume_is_told() {
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
    let story = story(&format!(
        "b2c.filesystem=fs,src=/dev/sda1 b2c.volume=a,filesystem=fs b2c.volume=b,expiration=pipeline_end \
         b2c.volume=c,fscrypt_key={key},expiration=1h b2c.volume=d,fscrypt_key={key},fscrypt_reset_key"
    ));
    let told = |line: &str| assert!(story.contains(line), "{story}");
    told("Volume: a, on the file system fs\n");
    told("Volume: b, if it is new, deleted after the pipeline\n");
    told(
        "Volume: c, encrypted; wiped if it is not encrypted yet, if it is new, deleted by the first boot that begins 3600 s later\n",
    );
    told("Volume: d, encrypted; wiped if it is not encrypted yet, or with another key\n");
    assert!(!story.contains(key) && !story.contains("not supported"), "{story}");
}

#[test]
fn run_flags_are_underlined_behind_both_kinds_of_quotes() {
    let (code, found) = findings(r#"b2c.run="-e \"A=é b\" --tls-verfy=false alpine""#);
    let expected = r#"error: b2c.run: --tls-verfy: podman run has no such flag; did you mean --tls-verify?
 --> command line, line 1, column 23
  |
  | b2c.run="-e \"A=é b\" --tls-verfy=false alpine"
  |                       ^^^^^^^^^^^^^^^^^
"#;
    assert!(found.starts_with(expected), "{found}");
    assert_eq!(code, 2);
}

#[test]
fn a_missing_image_is_shown_at_the_end_of_its_line() {
    let (code, found) = findings("b2c.run=\"-t -i\" b2c.pipefail");
    assert!(found.contains("\n  | b2c.run=\"-t -i\" b2c.pipefail\n  |               ^\n"), "{found}");
    assert_eq!(code, 2);
}

#[test]
fn a_bad_image_name_is_underlined() {
    let (code, found) = findings("b2c.run=\"-v a:/b Alpine:latest sh\"");
    assert!(found.starts_with("error: b2c.run: \"Alpine:latest\" is no image reference"), "{found}");
    assert!(found.contains("\n  |                  ^^^^^^^^^^^^^\n"), "{found}");
    assert_eq!(code, 2);
    assert_eq!(findings(&format!("b2c.run={}", "0123456789abcdef".repeat(4))).0, 0, "an image ID");
}

#[test]
fn a_line_that_is_not_understood_runs_no_step() {
    for text in [
        "b2c.run=alpine b2c.run=\"--nonsense alpine\"",
        "b2c.run=alpine b2c.run=\"--nonsense alpine 'x\"",
        "b2c.run=Alpine",
    ] {
        let story = story(text);
        assert!(story.contains("Containers: no step runs, because of a mistake: "), "{story}");
        assert!(story.contains("Pipeline status: 1, for no step could run\n"), "{story}");
        assert!(!story.contains("Step"), "{story}");
    }
    assert!(
        story("b2c.run=alpine b2c.volume=a,expiration=x").contains("because of a mistake: Volume setup\n")
    );
}

#[test]
fn a_variable_that_nobody_sets_warns() {
    let (code, found) = findings("b2c.run=\"alpine echo $PWD $B2C_PIPELINE_STATUS $JOB '$X'\" JOB=1");
    assert!(
        found.starts_with("warning: b2c.run: $PWD is replaced by nothing before the container starts\n"),
        "{found}"
    );
    assert!(found.ends_with("Errors: 0. Warnings: 1.\n"), "{found}");
    assert_eq!(code, 1);
}

#[test]
fn wide_characters_and_tabs_keep_the_carets_in_place() {
    let (_, found) = findings("日本\tb2c.swap=é");
    assert!(found.contains("\n  | 日本 b2c.swap=é\n  |               ^\n"), "{found}");
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let text = format!("{} b2c.swap=8x {}", "a".repeat(300), "b".repeat(300));
    let (_, found) = findings(&text);
    let line = found.lines().find(|line| line.contains("8x ")).unwrap();
    assert!(line.starts_with("  | …a") && line.ends_with("b…") && line.chars().count() < 110, "{line}");
    let carets = found.lines().find(|line| line.contains('^')).unwrap();
    let column = |line: &str, what: &str| line[..line.find(what).unwrap()].chars().count();
    assert_eq!(column(line, "8x"), column(carets, "^^"), "{found}");
}

#[test]
fn secrets_are_not_printed() {
    let text = "b2c.minio=\"a,http://h,AK,hunter2\" b2c.volume=v,fscrypt_key=hunter2 b2c.swap=x b2c.proxy=http=http://u:hunter2@h b2c.mino=hunter2";
    let (code, output, _) = check(&[text], "");
    assert!(!output.contains("hunter2") && output.contains("fscrypt_key=******* b2c.swap=x"), "{output}");
    assert_eq!(code, 2);
}

#[test]
fn passwords_of_registries_are_not_printed() {
    for text in ["b2c.run=\"--creds me:hunter2 img\"", "b2c.run=\"--creds=me:hunter2 --no-such-flag img\""] {
        let (_, output, _) = check(&[text], "");
        assert!(!output.contains("hunter2") && output.contains("me:***"), "{output}");
    }
}

#[test]
fn post_containers_run_also_after_a_mistake_in_a_step() {
    let (code, output, _) = check(&["b2c.run=\"--no-such-flag img\" b2c.run_post=\"img reap\""], "");
    assert!(output.contains("no step runs") && output.contains("Afterwards, always: "), "{output}");
    assert_eq!(code, 2);
}

#[test]
fn control_characters_stay_in_the_text() {
    let (_, output, _) =
        check(&["b2c.hostname=\"a\u{1b}[2Jb\" b2c.run=\"--\u{1b}[2J x\" b2c.keymap=\"\u{7}\""], "");
    assert!(!output.contains(['\u{1b}', '\u{7}']), "{output:?}");
}

#[test]
fn standard_input_and_extra_arguments_are_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"# more\nb2c.pipefail\nb2c.run=\"alpine\n echo\" b2c.swap=8x\n").unwrap();
    let path = file.path().to_str().unwrap();
    let line = "b2c.extra_args_url=http://u:p@ci-gateway/args b2c.run=busybox\n";
    let (code, output, _) = check(&["--extra-args", path, "-"], line);
    assert!(
        output.contains(
            "Extra arguments: fetched from http://***@ci-gateway/args; what they say is part of this list\n"
        ),
        "{output}"
    );
    assert!(output.contains("Step 2 of 2: docker.io/library/alpine:latest runs echo\n"), "{output}");
    assert!(output.contains("\n --> extra arguments, line 4, column 17\n  |\n  |  echo\" b2c.swap=8x\n  |                 ^^\n"), "{output}");
    assert_eq!(code, 2);
    let (code, output, _) = check(&["-"], line);
    assert!(output.contains("--extra-args FILE reads them here"), "{output}");
    assert_eq!(code, 0);
}

#[test]
fn arguments_that_make_no_sense_are_errors() {
    for (arguments, message) in [
        (
            &[][..],
            "b2c check: no command line: b2c check 'COMMAND LINE', or b2c check - to read it from standard input\n",
        ),
        (
            &["b2c.run=a", "b2c.pipefail"],
            "b2c check: a second command line, \"b2c.pipefail\": put the whole of it in one pair of single quotes\n",
        ),
        (
            &["--extra-args", "/nonexistent", "x"],
            "b2c check: /nonexistent: No such file or directory (os error 2)\n",
        ),
        (&["--nonsense"], "b2c check: invalid option '--nonsense'\n"),
    ] {
        assert_eq!(check(arguments, ""), (2, String::new(), message.to_owned()));
    }
    assert_eq!(check(&["--help"], "").0, 0);
}

#[test]
fn where_things_come_from_is_told() {
    let story = story(
        "b2c.ca=https://me:secret@h/ca.pem b2c.ca=/etc/farm.pem,sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         b2c.registry_mirror=docker.io=10.0.0.1:5000,m/hub,insecure b2c.login=r:5000,me,secret,too",
    );
    let told = |line: &str| assert!(story.contains(line), "{story}");
    told("Trusted certificates: fetched from https://***@h/ca.pem\n");
    told("Trusted certificates: in /etc/farm.pem, if the SHA-256 is right\n");
    told("Images: those of docker.io are looked for at 10.0.0.1:5000, m/hub (insecure), and then there\n");
    told("Registry login: r:5000 with a user and a password\n");
    assert!(!story.contains("secret"), "{story}");
}

#[test]
fn extra_arguments_of_every_kind_are_read_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let own = file("own", "# ours\nb2c.hostname=own b2c.extra_args_url=http://h/");
    let (other, fetched) =
        (file("other", "b2c.hostname=other\nb2c.iface=x,address=y"), file("fetched", "b2c.hostname=fetched"));
    let (code, output, _) =
        check(&["--args", &own, "--args", &other, "--extra-args", &fetched, "b2c.hostname=line"], "");
    assert!(output.contains("Host name: fetched\n") && output.contains("is part of this list"), "{output}");
    assert!(output.contains(&format!(" --> {other}, line 2, column 21\n")) && code == 2, "{output}");
    let (_, output, _) = check(&["--args", &own, "b2c.hostname=line"], "");
    assert!(output.contains("Host name: own\n") && output.contains("may change everything"), "{output}");
}
