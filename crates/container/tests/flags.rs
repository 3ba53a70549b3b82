//! The flags of a container line, through the public interface.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use container::flags::table::{Action, Value, flags};
use container::flags::{EnvArg, FlagError, MountKind, PullPolicy, Reason, RunRequest, Systemd, parse};
use std::path::{Path, PathBuf};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// `line` is flags only; the image is `img`.
fn given(line: &str) -> RunRequest {
    parse(&words(&format!("{line} img"))).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn wrong(line: &str) -> FlagError {
    parse(&words(&format!("{line} img"))).err().unwrap_or_else(|| panic!("{line}: accepted"))
}

#[test]
fn defaults_are_boot2containers() {
    let request = given("");
    assert!(request.privileged && request.tls_verify && request.namespaces.pid && request.namespaces.uts);
    assert!(!request.namespaces.network, "--network=host");
    assert_eq!(request.pull, PullPolicy::Always);
    assert!(!request.terminal && !request.stdin);
    assert_eq!((request.stop_signal, request.stop_timeout, request.umask), (None, 10, 0o022));
}

#[test]
fn lines_of_real_users() {
    for (line, image, command) in [
        ("docker://registry.freedesktop.org/mupuf/machine_registration:latest", "docker:", ""),
        ("-ti --tls-verify=false docker://ci-gateway:8002/x/y:latest register", "docker:", "register"),
        ("-v /container/tmp:/storage docker://10.42.0.1:8002/tests/mesa:12345", "docker:", ""),
        ("-v 42-results:/results -e CI_JOB_ID=42 --tls-verify=false docker://REG/reaper", "docker:", ""),
        ("-ti --dns=none -v tmp:/mnt/tmp --entrypoint=/bin/init docker://x", "docker:", ""),
        (
            "-v job:/job -w /job -v traces:/traces -w /job docker://img  /entrypoint-dxvk",
            "docker:",
            "/entrypoint-dxvk",
        ),
        (
            "--tls-verify=false -t ci-gateway:8002/x:latest echo Hello world",
            "ci-gateway:",
            "echo Hello world",
        ),
        ("--privileged --tls-verify=false --pid=host REG/telegraf:latest", "REG/", ""),
        (
            "-t -v job:/results REGISTRY/igt:master igt_runner -o /results",
            "REGISTRY/",
            "igt_runner -o /results",
        ),
        (
            "--env-file /user/job.env --net=host alpine sh -euc -o pipefail x",
            "alpine",
            "sh -euc -o pipefail x",
        ),
    ] {
        let request = parse(&words(line)).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(request.image.starts_with(image), "{line}: {}", request.image);
        assert_eq!(request.command.join(" "), command, "{line}");
    }
}

#[test]
fn switches_and_values_are_written_in_many_ways() {
    for line in ["-ti", "-it", "-i -t", "--tty --interactive", "--tty=true -i=1", "-it=true"] {
        let request = given(line);
        assert!(request.terminal && request.stdin, "{line}");
    }
    let request = given("-it=false");
    assert!(request.stdin && !request.terminal);
    for line in ["-eK=a=b", "-e K=a=b", "--env K=a=b", "--env=K=a=b", "-e=K=a=b", "-teK=a=b", "-te K=a=b"] {
        assert_eq!(given(line).env, [EnvArg::Set("K".into(), "a=b".into())], "{line}");
    }
    assert_eq!(given("-w /a -w /b").workdir.as_deref(), Some(Path::new("/b")), "the last one wins");
    assert_eq!(given("-w /b/../a//.").workdir.as_deref(), Some(Path::new("/a")));
    assert!(!given("--net=none --network host").namespaces.network);
}

#[test]
fn flags_end_at_the_image() {
    let request = parse(&words("-t img -i --privileged=false")).unwrap();
    assert!(!request.stdin && request.privileged);
    assert_eq!(request.command, ["-i", "--privileged=false"]);
    let request = parse(&words("-t -- -img x")).unwrap();
    assert_eq!((request.image.as_str(), request.command.len()), ("-img", 1));
    // A switch does not take the next word: this is podman's own trap, and the image is called "false".
    assert_eq!(parse(&words("--privileged false img")).unwrap().image, "false");
}

#[test]
fn mistakes_name_the_flag_and_the_word() {
    for (line, word, text) in [
        ("--evn K=V", 0, "--evn: podman run has no such flag; did you mean --env?"),
        ("-t --frobnicate", 1, "--frobnicate: podman run has no such flag"),
        ("-tX", 0, "-X: podman run has no such flag"),
        ("-t --tls-verify=nope", 1, "--tls-verify=nope: write true or false"),
        ("--memory 2x", 1, "--memory=2x: not a size; write a number with b, k, m or g, such as 512m"),
        ("--memory=2x", 0, "--memory=2x: not a size; write a number with b, k, m or g, such as 512m"),
        (
            "-t --pod=p",
            1,
            "--pod: not supported here: there are no pods; services and steps share the machine's network",
        ),
        (
            "--uts=host -h x",
            1,
            "--hostname: would rename the machine with --uts=host; use b2c.hostname for that",
        ),
        ("-v /etc:/etc:U", 1, "--volume=/etc:/etc:U: /etc is the machine's, and no container's user gets it"),
        ("--tmpfs /a:U", 1, "--tmpfs=/a:U: write uid= and gid= instead of U"),
        ("-v a:b:c:d", 1, "--volume=a:b:c:d: too many colons; write SOURCE:DESTINATION[:OPTIONS]"),
    ] {
        let error = wrong(line);
        assert_eq!((error.word, error.to_string().as_str()), (word, text), "{line}");
    }
}

#[test]
fn incomplete_lines() {
    for (line, word) in [("", 0), ("-t", 1), ("-t --", 2), ("--name x", 2)] {
        let error = parse(&words(line)).unwrap_err();
        assert_eq!((error.word, &error.reason), (word, &Reason::NoImage), "{line}");
    }
    let error = parse(&words("-t -v")).unwrap_err();
    assert_eq!(error.to_string(), "--volume: its value is missing: write --volume=[SOURCE:]PATH[:OPTIONS]");
    assert_eq!(error.word, 1);
    assert_eq!(parse(&["".into()]).unwrap_err().reason, Reason::NoImage);
}

#[test]
fn every_refused_flag_is_refused_by_name() {
    for flag in flags() {
        let Action::Refused(why) = flag.action else { continue };
        for name in std::iter::once(&flag.long).chain(flag.aliases) {
            let line = [format!("--{name}=1"), "img".into()];
            assert_eq!(parse(&line).unwrap_err().reason, Reason::Refused { flag: flag.long, why });
        }
        if let Some(letter) = flag.short {
            assert!(matches!(parse(&[format!("-{letter}")]).unwrap_err().reason, Reason::Refused { .. }));
        }
    }
}

#[test]
fn every_flag_without_effect_is_accepted() {
    for flag in flags() {
        let Action::Ignored(_) = flag.action else { continue };
        let value = if flag.value == Value::Switch { "true" } else { "x" };
        let line = [format!("--{}={value}", flag.long), "img".into()];
        assert!(parse(&line).is_ok(), "{line:?}");
    }
    assert_eq!(parse(&words("-d --rm -l a=b --log-driver none -q -p 80:80 img x")).unwrap().command, ["x"]);
    assert!(parse(&words("--rm=perhaps img")).is_err());
}

#[test]
fn volumes() {
    for (text, destination, kind) in [
        ("/a:/b", "/b", MountKind::Bind("/a".into())),
        ("/container/tmp/:/storage/", "/storage", MountKind::Bind("/container/tmp".into())),
        ("./x:/b", "/b", MountKind::Bind("/x".into())),
        ("job-1234.x:/b:z,ro", "/b", MountKind::Volume("job-1234.x".into())),
        ("/b/../c", "/c", MountKind::Anonymous),
    ] {
        let request = given(&format!("-v {text}"));
        let [mount] = &request.mounts[..] else { panic!("{text}") };
        assert_eq!((mount.destination.as_path(), &mount.kind), (Path::new(destination), &kind), "{text}");
    }
    let request = given("-v job:/a -v job:/b --mount type=volume,source=perm,target=/c -v /d -v /x:/y");
    assert_eq!(request.named_volumes().into_iter().collect::<Vec<_>>(), ["job", "perm"]);
    let image = image::ImageConfig {
        volumes: ["/data", "relative/", "/d", "/y", "/"]
            .map(|path| (path.into(), serde_json::json!({})))
            .into(),
        ..Default::default()
    };
    let own: Vec<PathBuf> = request.anonymous_volumes(&image).into_iter().collect();
    assert_eq!(own, ["/d", "/data", "/relative"].map(PathBuf::from));
    assert_eq!(given("-v /d --image-volume=ignore").anonymous_volumes(&image).len(), 1);
}

#[test]
fn mount_options() {
    const RDONLY: u64 = 1;
    const NOSUID: u64 = 2;
    const NODEV: u64 = 4;
    const NOEXEC: u64 = 8;
    const SLAVE_REC: u64 = (1 << 19) | (1 << 14);
    for (line, flags, data) in [
        ("-v /a:/b", 0, ""),
        ("-v /a:/b:ro,nosuid", RDONLY | NOSUID, ""),
        ("-v /a:/b:ro,rw", 0, ""),
        ("--tmpfs /b", NOSUID | NODEV | NOEXEC, ""),
        ("--tmpfs /b:exec,size=1g,mode=700", NOSUID | NODEV, "size=1g,mode=700"),
        ("--mount type=bind,src=/a,dst=/b,ro=true", RDONLY, ""),
        ("--mount type=bind,src=/a,dst=/b,readonly", RDONLY, ""),
        ("--mount type=bind,src=/a,dst=/b,ro=false", 0, ""),
        (
            "--mount type=tmpfs,dst=/b,tmpfs-size=1k,tmpfs-mode=0700",
            NOSUID | NODEV | NOEXEC,
            "size=1024,mode=0700",
        ),
        ("--mount type=devpts,dst=/b,max=5,gid=5", 0, "max=5,gid=5"),
    ] {
        let request = given(line);
        let options = &request.mounts[0].options;
        assert_eq!((options.flags, options.data.join(",").as_str()), (flags, data), "{line}");
    }
    for line in ["-v /a:/b:rslave", "--mount type=bind,src=/a,dst=/b,bind-propagation=rslave"] {
        assert_eq!(given(line).mounts[0].options.propagation, SLAVE_REC, "{line}");
    }
    assert!(given("-v /a:/b:bind").mounts[0].options.non_recursive);
    assert!(given("-v a:/b:nocopy").mounts[0].options.no_copy);
    assert!(wrong("-v /a:/b --tmpfs /b").to_string().contains("/b already has a mount"));
}

#[test]
fn flags_that_exclude_each_other() {
    for line in [
        "--dns none --dns 1.1.1.1",
        "--network none --dns 1.1.1.1",
        "--no-hosts --add-host a:1.1.1.1",
        "--uts host -h x",
        "--platform linux/arm64 --arch arm64",
        "--cpus 1 --cpu-quota 50000",
        "--memory-swap 1g",
        "--memory 1g --memory-swap 512m",
        "--memory 1g --memory-reservation 2g",
        "--cap-add KILL --cap-drop KILL",
        "--ipc host --shm-size 1g",
        "--sysctl net.core.somaxconn=1",
        "--ipc host --sysctl kernel.msgmax=1",
    ] {
        assert!(matches!(wrong(line).reason, Reason::Conflict { .. }), "{line}");
    }
    for line in [
        "--network none --sysctl net.core.somaxconn=1",
        "--network none --dns none",
        "--cpus 0 --cpu-quota 50000",
    ] {
        given(line);
    }
}

#[test]
fn entrypoints() {
    let entrypoint =
        |text: &str| parse(&[format!("--entrypoint={text}"), "img".into()]).unwrap().entrypoint.unwrap();
    assert_eq!(entrypoint("/bin/init"), ["/bin/init"]);
    assert_eq!(entrypoint(r#"["/a", "b c"]"#), ["/a", "b c"]);
    assert_eq!(entrypoint("[not json"), ["[not json"]);
    assert!(entrypoint("").is_empty());
    assert!(entrypoint("[]").is_empty());
}

#[test]
fn messages_are_one_short_line() {
    let long = "x".repeat(1 << 20);
    for value in ["a\nb", "\u{1b}[31mred", long.as_str()] {
        for words in [
            vec![format!("--{value}")],
            vec!["--memory".into(), value.into()],
            vec![format!("--mount=type={value}")],
        ] {
            let line = parse(&words).unwrap_err().to_string();
            assert!(
                !line.contains(char::is_control) && line.len() < 2000,
                "{}",
                &line[..line.len().min(500)]
            );
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", given("--creds me:hunter2")).contains("hunter2"));
    for line in [
        "--creds=:hunter2",
        "--creds :hunter2",
        "-creds=me:hunter2",
        "-itcreds=me:hunter2",
        "--cred=me:hunter2",
        "--creds=me:hunter2 --nope",
        "--creds=me:hunter2 --memory=x",
    ] {
        let error = parse(&words(line)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{line}: {error:?}");
    }
}

#[test]
fn systemd_modes() {
    assert_eq!(given("").systemd, Systemd::Detect);
    assert_eq!(given("--systemd=always").systemd, Systemd::Always);
    assert_eq!(given("--systemd=false").systemd, Systemd::Never);
}

/// docs/run-flags.md says what the table says. `UPDATE_DOCS=1` writes it.
#[test]
fn docs_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/run-flags.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, container::flags::docs()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == container::flags::docs(),
        "stale: run UPDATE_DOCS=1 cargo test -p container --test flags"
    );
}

proptest::proptest! {
    #[test]
    fn no_words_make_it_panic(
        words in proptest::collection::vec("-{0,2}[a-zA-Z-]{0,6}[=:,/.]?\\PC{0,8}", 0..6)
    ) {
        if let Err(error) = parse(&words) {
            assert!(error.word <= words.len());
            let line = error.to_string();
            assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn no_value_makes_a_flag_panic(index in 0..200_usize, value in "[0-9a-z=:,/.\\[\\]\" é-]{0,20}") {
        let all: Vec<_> = flags().collect();
        let name = all[index % all.len()].long;
        _ = parse(&[format!("--{name}={value}"), "img".into()]);
        _ = parse(&[format!("--{name}"), value, "img".into()]);
    }
}
