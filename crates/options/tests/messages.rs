//! The lines that a person reads: one for each way in which a text can be wrong, and what becomes of the option then.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::{
    Budget, Cache, CacheDevice, Fatal, Fetched, Link, Method, ModuleSource, NtpPeer, Options, Parsed,
    Severity, parse,
};
use std::time::Duration;

/// `error: …` or `warning: …`, the underlined text behind it.
fn lines(texts: &[&str]) -> Vec<String> {
    let parsed = parse(texts);
    let line = |diagnostic: &options::Diagnostic| {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = format!("{severity}: {diagnostic} | {}", &texts[diagnostic.text][diagnostic.span.clone()]);
        assert!(!diagnostic.to_string().contains('\n'), "{line}");
        line
    };
    parsed.diagnostics.iter().map(line).collect()
}

#[track_caller]
fn assert_line(text: &str, expected: &str) {
    assert_eq!(lines(&[text]), [expected], "{text}");
}

#[track_caller]
fn assert_fine(text: &str) -> Options {
    assert_eq!(lines(&[text]), [""; 0], "{text}");
    parse(&[text]).options
}

/// All but one field as by default would not be noticed: the whole has to be as it was.
#[track_caller]
fn assert_default_after(text: &str) -> Parsed {
    let parsed = parse(&[text]);
    assert_eq!(parsed.options, Options::default(), "{text}");
    parsed
}

#[test]
fn an_interface_is_told_by_its_mac_too() {
    let options = parse(&["b2c.iface=52:54:00:aB:cd:ef,vlan=5,mtu=1400,optional,auto"]).options;
    let iface = &options.iface[0];
    assert_eq!(iface.link, Link::Mac([0x52, 0x54, 0, 0xab, 0xcd, 0xef]));
    assert_eq!(iface.link.to_string(), "52:54:00:ab:cd:ef");
    assert_eq!(
        (iface.vlan, iface.mtu, iface.optional, iface.method),
        (Some(5), Some(1400), true, Method::Auto)
    );
}

#[test]
fn unknown_option_names_the_closest_one() {
    assert_line(
        "b2c.contianer=\"-ti img\"",
        "warning: unknown option b2c.contianer is ignored; the closest known one is b2c.container | b2c.contianer",
    );
    assert_line("b2c.", "warning: unknown option b2c. is ignored; the closest known one is b2c.ca | b2c.");
    assert_line(
        "b2c.pipe-fail",
        "warning: unknown option b2c.pipe-fail is ignored; the closest known one is b2c.pipefail | b2c.pipe-fail",
    );
}

#[test]
fn words_of_others_are_left_alone() {
    let options = assert_fine(
        "SALAD.machine_id=b4:2e:99 nouveau.config=NvGspRm=1 quiet #!jinja2 extra=\"\" ip console=ttyS0,115200 .x x. =",
    );
    let params = [("SALAD", "machine_id=b4:2e:99"), ("nouveau", "config=NvGspRm=1")];
    assert_eq!(options.module_params, params.map(|(module, param)| (module.to_owned(), param.to_owned())));
}

#[test]
fn module_parameters_fold_dashes_and_keep_quotes() {
    let options = assert_fine("snd-hda-intel.model=a-b i915.flag dyndbg.x=\"a b\" b2c.pipefail");
    let params = [("snd_hda_intel", "model=a-b"), ("i915", "flag"), ("dyndbg", "x=\"a b\"")];
    assert_eq!(options.module_params, params.map(|(module, param)| (module.to_owned(), param.to_owned())));
}

#[test]
fn unterminated_quote_of_the_command_line_warns() {
    assert_line(
        "b2c.run=\"-ti img quiet",
        "warning: a quote that is opened is not closed: its value runs to the end of the text; close it with \" | \"",
    );
    assert_eq!(parse(&["b2c.run=\"-ti img quiet"]).options.run[0].text, "-ti img quiet");
}

#[test]
fn a_cut_command_line_warns() {
    let line = |length: usize| format!("b2c.pipefail {}", "x".repeat(length - 13));
    assert_fine(&line(2046));
    let found = lines(&[&format!("{}\n", line(2047))]);
    assert_eq!(
        found,
        [
            "warning: the command line is 2047 bytes long: kernels cut it at 2047; move options to a text that b2c.extra_args_url names | x"
        ]
    );
    assert_eq!(lines(&["", &line(3000)]), [""; 0], "extra arguments may be long");
}

#[test]
fn the_last_scalar_wins_and_lists_add_up() {
    let extra = "# one\n\nb2c.run=\"b\nc\" b2c.ntp_peer=auto unknown=1\r\nb2c.container=d";
    assert_eq!(lines(&["b2c.run=a b2c.ntp_peer=ci-gateway", extra]), [""; 0]);
    let options = parse(&["b2c.run=a b2c.ntp_peer=ci-gateway", extra]).options;
    assert_eq!(options.run.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["a", "b\nc", "d"]);
    assert_eq!(options.run.iter().map(|line| line.source).collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!(options.ntp_peer, NtpPeer::Auto);
}

#[test]
fn container_lines_that_cannot_be_read_keep_everything_from_running() {
    for (text, line, failed_by) in [
        (
            "b2c.run=\"img 'a b\" x",
            "error: b2c.run: `'a b` has an opening ' without a closing one; close it, or write \\' for a plain one | 'a b",
            "img 'a b",
        ),
        (
            "b2c.service=\"img \\\"a b\"",
            "error: b2c.service: `\"a b` has an opening \" without a closing one; close it, or write '\\\"' for a plain one | \"a b",
            "img \"a b",
        ),
        (
            "b2c.run_post=\"img \\\"${A-b}\\\"\"",
            "error: b2c.run_post: `${A-b}` is not a variable: only ${NAME} is known; use single quotes to leave it to a shell in the container | ${A-b}",
            "img \"${A-b}\"",
        ),
        (
            "b2c.run=",
            "error: b2c.run needs a value; write b2c.run=\"[FLAGS] IMAGE [COMMAND…]\" | b2c.run",
            "",
        ),
        (
            "b2c.container",
            "error: b2c.container needs a value; write b2c.container=\"[FLAGS] IMAGE [COMMAND…]\" | b2c.container",
            "",
        ),
        ("b2c.run=\"  \"", "error: b2c.run: `  ` is empty; write at least an image |   ", "  "),
    ] {
        assert_line(text, line);
        assert_eq!(
            assert_default_after(text).fatal,
            Some(Fatal::ContainerLine(failed_by.to_owned())),
            "{text}"
        );
    }
}

#[test]
fn command_substitution_is_not_done_and_warns() {
    let text = "b2c.run=\"img sh -c $(id) `id`\"";
    let why = "is command substitution, which is not done: it is passed on as it is; let a shell in the container do it: sh -c '…'";
    assert_eq!(
        lines(&[text]),
        [
            format!("warning: b2c.run: `$(` {why} | $("),
            format!("warning: b2c.run: ``` {why} | `"),
            format!("warning: b2c.run: ``` {why} | `"),
        ]
    );
    assert_fine("b2c.run=\"img sh -c '$(id) `id`' a|b;c >d\"");
}

#[test]
fn single_quotes_keep_a_variable_for_the_container() {
    let options = assert_fine(r#"b2c.run="img sh -c 'echo $PWD' \"$B2C_X\"""#);
    let words = options.run[0].expand(&|name| Some(format!("<{name}>")));
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["img", "sh", "-c", "echo $PWD", "<B2C_X>"]);
}

#[test]
fn quotes_are_plain_as_the_help_says() {
    let options = assert_fine(r#"b2c.run="img '\"' \'""#);
    let words = options.run[0].expand(&|_| None);
    assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["img", "\"", "'"]);
}

#[test]
fn spans_of_words_survive_escaped_quotes() {
    let text = r#"é b2c.run="-e \"A=é b\" 'i'm\"g\"" b"#;
    let line = &parse(&[text]).options.run[0];
    let words = line.expand(&|_| None);
    let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), &text[word.span.clone()])).collect();
    assert_eq!(words, [("-e", "-e"), ("A=é b", r#""A=é b\""#), ("img", r#"'i'm\"g\""#)].map(|(a, b)| (a, b)));
}

#[test]
fn shell_operators_in_a_command_list_warn() {
    assert_line(
        "b2c.shutdown_cmd=\"sync & poweroff -f\"",
        "warning: b2c.shutdown_cmd: `&` is a shell operator, and there is no shell: it is passed on as it is; \
         separate commands by ; or quote the character | &",
    );
    assert_fine("b2c.reboot_cmd=\"echo 'a & b'; reboot -f\"");
}

/// Every option with values that it cannot take: the line, and the default stays.
#[test]
fn bad_values_are_said_and_left_out() {
    for (text, line) in [
        (
            "b2c.cache_device=/dev/../x",
            "error: b2c.cache_device: `/dev/../x` is not a device; write its path, such as /dev/sda1 | /dev/../x",
        ),
        (
            "b2c.cache_device=a/b",
            "error: b2c.cache_device: `a/b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a/b",
        ),
        (
            "b2c.cache_device=auto,budget=0%",
            "error: b2c.cache_device: `0` is not a whole number from 1 to 100 | 0",
        ),
        (
            "b2c.cache_device=auto,budget=lots",
            "error: b2c.cache_device: `lots` is not a size; write a number and K, M, G or T, such as 8G | lots",
        ),
        (
            "b2c.cache_device=auto,budget",
            "error: b2c.cache_device: `budget` needs a value; write budget=… | budget",
        ),
        (
            "b2c.swap=8x",
            "error: b2c.swap: `8x` is not a size; write a number and K, M, G or T, such as 8G | 8x",
        ),
        ("b2c.swap=8G,swappiness=201", "error: b2c.swap: `201` is not a whole number from 0 to 200 | 201"),
        (
            "b2c.swap=",
            "error: b2c.swap needs a value; write b2c.swap=SIZE[,swappiness=N] | /dev/X[,swappiness=N] | b2c.swap",
        ),
        (
            "b2c.ntp_peer=http://x",
            "error: b2c.ntp_peer: `http://x` is not a host name or an IP address; write one alone, such as ci-gateway or 10.42.0.1 | http://x",
        ),
        (
            "b2c.iface=,dhcp",
            "error: b2c.iface: an empty value is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | ",
        ),
        (
            "b2c.iface=address=10.0.0.1/24",
            "error: b2c.iface: `address=10.0.0.1/24` is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | address=10.0.0.1/24",
        ),
        (
            "b2c.iface=52:54:00:12:34:5g,dhcp",
            "error: b2c.iface: `52:54:00:12:34:5g` is not the name of an interface; begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56 | 52:54:00:12:34:5g",
        ),
        (
            "b2c.iface=eth0,vlan=4095,dhcp",
            "error: b2c.iface: `4095` is not a whole number from 1 to 4094 | 4095",
        ),
        ("b2c.iface=eth0,vlan", "error: b2c.iface: `vlan` needs a value; write vlan=… | vlan"),
        (
            "b2c.hostname=\"a b\"",
            "error: b2c.hostname: `a b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a b",
        ),
        (
            "b2c.minio=job,http://h,a",
            "error: b2c.minio: `job,http://h,***` has not four parts; write ALIAS,URL,ACCESS,SECRET | job,http://h,a",
        ),
        (
            "b2c.minio=job,h,a,b",
            "error: b2c.minio: `h` is not a URL; write http://HOST/… or https://HOST/… | h",
        ),
        (
            "b2c.filesystem=fs,type=nfs",
            "error: b2c.filesystem: `fs,type=nfs` lacks src=; say what is mounted: src=/dev/sda1 | fs,type=nfs",
        ),
        (
            "b2c.nbd=/dev/sda,host=h,port=1",
            "error: b2c.nbd: `/dev/sda` is not an NBD device; begin with one, such as /dev/nbd0 | /dev/sda",
        ),
        ("b2c.nbd=/dev/nbd0,host=h,port=0", "error: b2c.nbd: `0` is not a whole number from 1 to 65535 | 0"),
        (
            "b2c.nbd=/dev/nbd0,port=1",
            "error: b2c.nbd: `/dev/nbd0,port=1` lacks host=; name the server: host=10.42.0.1 | /dev/nbd0,port=1",
        ),
        (
            "b2c.nbd=/dev/nbd0,host=h",
            "error: b2c.nbd: `/dev/nbd0,host=h` lacks port=; name the server's port: port=10809 | /dev/nbd0,host=h",
        ),
        (
            "b2c.storage=additionalimagestores",
            "error: b2c.storage: `additionalimagestores` needs a value; write additionalimagestores=… | additionalimagestores",
        ),
        (
            "b2c.storage=x=fs",
            "warning: b2c.storage: `x=fs` is not known and ignored; write additionalimagestores=FILESYSTEM | x=fs",
        ),
        (
            "b2c.report=serial",
            "error: b2c.report: `serial` is not known; write console, file:VOLUME/PATH, http://HOST/…, https://HOST/…, virtio or debug-exit | serial",
        ),
        ("b2c.report=file:job", "error: b2c.report: `job` has no path; write file:VOLUME/PATH | job"),
        (
            "b2c.report=file:job/../x",
            "error: b2c.report: `../x` is not a path in a volume; write its names, with / between them | ../x",
        ),
        (
            "b2c.report=file:-/x",
            "error: b2c.report: `-` is not a name; use letters, digits, _ . - and start with a letter or a digit | -",
        ),
        (
            "b2c.report=ftp://h/x",
            "error: b2c.report: `ftp://h/x` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/x",
        ),
        (
            "b2c.proxy=ftp=http://h",
            "error: b2c.proxy: `ftp` is not known; write https=URL, http=URL or no=HOSTS | ftp",
        ),
        (
            "b2c.proxy=https=h:3128",
            "error: b2c.proxy: `h:3128` is not a URL; write http://HOST/… or https://HOST/… | h:3128",
        ),
        (
            "b2c.ca=ca.pem",
            "error: b2c.ca: `ca.pem` is neither a URL nor a path; write http://HOST/…, https://HOST/… or /path/in/the/initramfs.pem | ca.pem",
        ),
        (
            "b2c.ca=ftp://h/ca.pem",
            "error: b2c.ca: `ftp://h/ca.pem` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/ca.pem",
        ),
        (
            "b2c.ca=/ca.pem,sha256=12",
            "error: b2c.ca: `12` is not a SHA-256; write the 64 hex digits that sha256sum prints | 12",
        ),
        (
            "b2c.registry_mirror=docker.io",
            "error: b2c.registry_mirror: `docker.io` names no mirror; write REGISTRY=MIRROR[,MIRROR…][,insecure] | docker.io",
        ),
        (
            "b2c.registry_mirror=docker.io=insecure",
            "error: b2c.registry_mirror: `docker.io=insecure` names no mirror; write REGISTRY=MIRROR[,MIRROR…][,insecure] | docker.io=insecure",
        ),
        (
            "b2c.registry_mirror=https://docker.io=m",
            "error: b2c.registry_mirror: `https://docker.io` is not a registry; write HOST[:PORT], without http:// | https://docker.io",
        ),
        (
            "b2c.registry_mirror=docker.io=http://m/x",
            "error: b2c.registry_mirror: `http://m/x` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | http://m/x",
        ),
        (
            "b2c.registry_mirror=docker.io=m:5000/../x",
            "error: b2c.registry_mirror: `m:5000/../x` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | m:5000/../x",
        ),
        (
            "b2c.registry_mirror=docker.io=me:hunter2@m",
            "error: b2c.registry_mirror: `***@m` is not a mirror; write HOST[:PORT][/PREFIX], without http:// | me:hunter2@m",
        ),
        ("b2c.login=r", "error: b2c.login: `***` has not three parts; write REGISTRY,USER,PASSWORD | r"),
        (
            "b2c.login=r:5000,hunter2",
            "error: b2c.login: `r:5000,***` has not three parts; write REGISTRY,USER,PASSWORD | r:5000,hunter2",
        ),
        (
            "b2c.login=http://r,me,hunter2",
            "error: b2c.login: `http://r` is not a registry; write HOST[:PORT], without http:// | http://r",
        ),
        (
            "b2c.insmods=a.ko,../b.ko",
            "error: b2c.insmods: `../b.ko` is not a file below /usr_mods; write its name, such as nbd.ko | ../b.ko",
        ),
        (
            "b2c.keymap=/x",
            "error: b2c.keymap: `/x` is not a name; use letters, digits, _ . - and start with a letter or a digit | /x",
        ),
        (
            "b2c.watchdog=5",
            "error: b2c.watchdog: `5` is not a whole number from 10 to 3600; or write off | 5",
        ),
        (
            "b2c.watchdog=no",
            "error: b2c.watchdog: `no` is not a whole number from 10 to 3600; or write off | no",
        ),
        (
            "b2c.timeout=90",
            "error: b2c.timeout: `90` is not a duration; write a number and s, m, h, d or w, such as 90m | 90",
        ),
        (
            "b2c.timeout=0s",
            "error: b2c.timeout: `0s` is not a duration; write a number and s, m, h, d or w, such as 90m | 0s",
        ),
        (
            "b2c.poweroff_delay=soon",
            "error: b2c.poweroff_delay: `soon` is not a whole number from 0 to 31536000 | soon",
        ),
        (
            "b2c.poweroff_delay=-1",
            "error: b2c.poweroff_delay: `-1` is not a whole number from 0 to 31536000 | -1",
        ),
        (
            "b2c.shutdown_cmd=\"echo 'x\"",
            "error: b2c.shutdown_cmd: `'x` has an opening ' without a closing one; close it, or write \\' for a plain one | 'x",
        ),
        ("b2c.reboot_cmd=;", "error: b2c.reboot_cmd: `;` is empty; write at least one command | ;"),
    ] {
        assert_line(text, line);
        assert!(!assert_default_after(text).is_fatal(), "{text}");
    }
}

#[test]
fn modules_that_cannot_be_understood_keep_everything_from_running() {
    for (text, line) in [
        (
            "b2c.modules=ftp://h/a",
            "error: b2c.modules: `ftp://h/a` is not a URL; write http://HOST/… or https://HOST/… | ftp://h/a",
        ),
        (
            "b2c.modules=http://h/a,sha256=abc",
            "error: b2c.modules: `abc` is not a SHA-256: that has 64 hex digits; write what sha256sum prints | abc",
        ),
        (
            "b2c.modules=h/a,sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
            "error: b2c.modules: `sha256=0123456789abcdef0123456789abcdef0123456789abcdef012345…` is for archives; write h/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef | sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
        ),
        (
            "b2c.modules=h/a,tls-verify=no",
            "error: b2c.modules: `no` is not true or false; write tls-verify=false | no",
        ),
        (
            "b2c.modules=h/a,tls_verify=false",
            "error: b2c.modules: `tls_verify=false` is not known; the closest known key is tls-verify | tls_verify=false",
        ),
        (
            "b2c.modules=,tls-verify=false",
            "error: b2c.modules: `,tls-verify=false` names nothing to fetch; begin with a URL or an image | ,tls-verify=false",
        ),
    ] {
        assert_line(text, line);
        assert_eq!(assert_default_after(text).fatal, Some(Fatal::ModuleSetup), "{text}");
    }
    let many = "b2c.modules=img ".repeat(17);
    assert_eq!(
        lines(&[&many]),
        ["error: b2c.modules: `img` is one too many: 16 are possible; put several into one image | img"]
    );
}

#[test]
fn sources_of_modules() {
    let digits = "0123456789abcdef".repeat(4);
    let options = assert_fine(&format!(
        "b2c.modules=http://h/a.cpio,sha256={digits} b2c.modules=docker://h:1/a:1,tls-verify=false b2c.modules=alpine"
    ));
    let archive = Fetched::Archive { url: "http://h/a.cpio".into(), sha256: Some(digits) };
    let image = |name: &str| Fetched::Image(name.into());
    let expected = [(archive, true), (image("docker://h:1/a:1"), false), (image("alpine"), true)];
    assert_eq!(options.modules, expected.map(|(what, tls_verify)| ModuleSource { what, tls_verify }));
}

#[test]
fn a_bad_url_for_extra_arguments_keeps_everything_from_running() {
    assert_line(
        "b2c.extra_args_url=ci-gateway/args",
        "error: b2c.extra_args_url: `ci-gateway/args` is not a URL; write http://HOST/… or https://HOST/… | ci-gateway/args",
    );
    assert_eq!(assert_default_after("b2c.extra_args_url=ci-gateway/args").fatal, Some(Fatal::ExtraArgs));
    assert_eq!(
        lines(&["b2c.extra_args_url=http://a/", "b2c.extra_args_url=http://b/"]),
        [
            "warning: b2c.extra_args_url: `http://b/` is ignored: extra arguments do not name further ones | http://b/"
        ]
    );
}

#[test]
fn a_machine_may_hang_for_a_while_and_a_boot_take_one() {
    let minute = Duration::from_secs(60);
    assert_eq!((Options::default().watchdog, Options::default().timeout), (Some(minute), None));
    let options = assert_fine("b2c.watchdog=3600 b2c.timeout=90m");
    assert_eq!((options.watchdog, options.timeout), (Some(60 * minute), Some(90 * minute)));
    assert_eq!(assert_fine("b2c.watchdog=10 b2c.watchdog=off").watchdog, None);
}

#[test]
fn pipefail_takes_what_a_switch_takes() {
    for (text, on) in [
        ("b2c.pipefail", true),
        ("b2c.pipefail=", true),
        ("b2c.pipefail=1", true),
        ("b2c.pipefail=off", false),
    ] {
        assert_eq!(assert_fine(text).pipefail, on, "{text}");
    }
    assert_line(
        "b2c.pipefail=something",
        "warning: b2c.pipefail: `something` is no value for a switch: it is on; write b2c.pipefail alone | something",
    );
    assert!(parse(&["b2c.pipefail=something"]).options.pipefail);
}

#[test]
fn an_interface_keeps_its_good_parts() {
    let text = "b2c.iface=eth0,address=10.0.0.300/24,nameserver=10.0.0.1,gatway=10.0.0.1,dhcp,route=10.1.0.0/16,address=10.0.0.2,mtu=68";
    assert_eq!(
        lines(&[text]),
        [
            "error: b2c.iface: `10.0.0.300` is not an IP address | 10.0.0.300",
            "warning: b2c.iface: `gatway=10.0.0.1` is not known and ignored; the closest known word is gateway | gatway=10.0.0.1",
            "error: b2c.iface: `10.1.0.0/16` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | 10.1.0.0/16",
            "error: b2c.iface: `10.0.0.2` lacks its prefix length; write 10.0.0.2/24 | 10.0.0.2",
            "error: b2c.iface: `68` is not a whole number from 576 to 65535 | 68",
        ]
    );
    let iface = &parse(&[text]).options.iface[0];
    assert_eq!(
        (iface.link.to_string().as_str(), iface.nameservers.len(), iface.method),
        ("eth0", 1, Method::Dhcp)
    );
    assert!(iface.addresses.is_empty() && iface.gateways.is_empty() && iface.routes.is_empty());
}

#[test]
fn routes_of_both_families() {
    let options = assert_fine(
        "b2c.iface=e,route=10.1.0.0/16:10.0.0.1,route=10.2.0.1:10.0.0.1,route=default:fe80::1,route=fd00::/8:fe80::1",
    );
    let routes = &options.iface[0].routes;
    let shown: Vec<String> = routes
        .iter()
        .map(|route| {
            format!("{:?} {}", route.destination.map(|to| format!("{}/{}", to.ip, to.prefix)), route.via)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Some(\"10.1.0.0/16\") 10.0.0.1",
            "Some(\"10.2.0.1/32\") 10.0.0.1",
            "None fe80::1",
            "Some(\"fd00::/8\") fe80::1"
        ]
    );
    assert_line(
        "b2c.iface=e,route=1:2::3:4",
        "error: b2c.iface: `1:2::3:4` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | 1:2::3:4",
    );
    assert_line(
        "b2c.iface=e,route=::1:::2:::3",
        "error: b2c.iface: `::1:::2:::3` is not a route; write DEST:VIA, such as 10.1.0.0/16:10.42.0.1 | ::1:::2:::3",
    );
    assert_line(
        "b2c.iface=e,route=::1:2:3::4",
        "error: b2c.iface: `::1:2:3::4` can be read in several ways; write the destination as IP/PREFIX | ::1:2:3::4",
    );
}

const GIVEN: &str = " b2c.minio=gw,http://h,a,b";

#[test]
fn unknown_words_of_a_volume_are_b2c_warnings() {
    let text = format!("b2c.volume=job,mirorr=x,mirror=gw/b,pull_on=pipeline_start|pipeline_strat{GIVEN}");
    assert_eq!(
        lines(&[&text]),
        [
            "warning: B2C_WARNING: b2c.volume: unknown key `mirorr` is ignored; the closest known one is mirror | mirorr",
            "warning: B2C_WARNING: b2c.volume: unknown condition `pipeline_strat` is ignored; the closest known one is pipeline_start | pipeline_strat",
        ]
    );
    let parsed = parse(&[&text]);
    assert!(parsed.options.volume[0].pull_on.pipeline_start && !parsed.is_fatal());
}

#[test]
fn changes_covers_the_other_conditions() {
    let text = format!("b2c.volume=job,push_to=gw/b,push_on=changes|pipeline_end{GIVEN}");
    assert_eq!(
        lines(&[&text]),
        [
            "warning: B2C_WARNING: b2c.volume: `changes|pipeline_end` holds more than changes; changes covers the others, which are ignored | changes|pipeline_end"
        ]
    );
    let volume = &parse(&[&text]).options.volume[0];
    assert!(volume.push_on.changes && !volume.push_on.pipeline_end && volume.pull_from.is_none());
}

#[test]
fn volumes_that_cannot_be_set_up_keep_everything_from_running() {
    for (text, line) in [
        (
            "b2c.volume=job,expiration=tomorrow",
            "error: Unknown value for expiration: tomorrow; b2c.volume takes never, pipeline_end, a duration such as 12h or a date such as 2027-01-31 | tomorrow",
        ),
        ("b2c.volume=", "error: b2c.volume needs a value; write b2c.volume=NAME[,KEY[=VALUE]]… | b2c.volume"),
        (
            "b2c.volume=a/b",
            "error: b2c.volume: `a/b` is not a name; use letters, digits, _ . - and start with a letter or a digit | a/b",
        ),
        ("b2c.volume=a,mirror", "error: b2c.volume: `mirror` needs a value; write mirror=… | mirror"),
        (
            "b2c.volume=a,mirror=gw",
            "error: b2c.volume: `gw` is not ALIAS/BUCKET[/path]; write the alias of a b2c.minio and a bucket | gw",
        ),
        (
            "b2c.volume=a,fscrypt_key=",
            "error: b2c.volume: `fscrypt_key=` needs a value; write fscrypt_key=… | fscrypt_key=",
        ),
        (
            "b2c.volume=a,fscrypt_key=c2hvcnQ=",
            "error: b2c.volume: `***` is not an fscrypt_key; give 16 to 64 bytes as base64: head -c 64 /dev/urandom | base64 -w0 | c2hvcnQ=",
        ),
        (
            "b2c.volume=a,encrypt_key=short",
            "error: b2c.volume: `***` is not an encrypt_key; give 32 characters, or 32 bytes as base64 | short",
        ),
    ] {
        assert_line(text, line);
        assert_eq!(assert_default_after(text).fatal.unwrap().failed_by(), "Volume setup", "{text}");
    }
}

#[test]
fn names_for_each_other_have_to_be_given() {
    for (text, line, fatal) in [
        (
            "b2c.volume=a,mirror=gw/b,pull_on=changes",
            "error: b2c.volume: there is no b2c.minio named `gw`; add b2c.minio=gw,… or mend the name | gw",
            true,
        ),
        (
            "b2c.volume=a,filesystem=fs",
            "error: b2c.volume: there is no b2c.filesystem named `fs`; add b2c.filesystem=fs,… or mend the name | fs",
            true,
        ),
        (
            "b2c.cache_device=atuo",
            "error: b2c.cache_device: there is no b2c.filesystem named `atuo`; add b2c.filesystem=atuo,… or mend the name | atuo",
            false,
        ),
    ] {
        assert_line(text, line);
        assert_eq!(parse(&[text]).is_fatal(), fatal, "{text}");
    }
    let options = assert_fine("b2c.cache_device=fs b2c.filesystem=fs,src=/dev/sda1");
    assert_eq!(options.cache.device, CacheDevice::Filesystem("fs".to_owned()));
}

#[test]
fn what_follows_the_cache_device() {
    let cache = |text: &str| assert_fine(text).cache;
    let plain = Cache { device: CacheDevice::Auto, ..Cache::default() };
    assert_eq!(cache("b2c.cache_device=auto"), plain);
    assert_eq!(cache("b2c.cache_device=auto,"), plain);
    assert_eq!(
        cache("b2c.cache_device=/dev/sda,fstrim,budget=80%,required"),
        Cache {
            device: CacheDevice::Device("/dev/sda".into()),
            required: true,
            budget: Some(Budget::Percent(80)),
            fstrim: true
        }
    );
    assert_eq!(cache("b2c.cache_device=reset,budget=20G").budget, Some(Budget::Bytes(20 << 30)));
    assert_line(
        "b2c.cache_device=auto,requierd",
        "warning: b2c.cache_device: `requierd` is not known and ignored; the closest known word is required | requierd",
    );
    assert_line(
        "b2c.cache_device=none,required",
        "warning: b2c.cache_device: `required` has no meaning without a cache; name a device instead of none | required",
    );
    assert!(!parse(&["b2c.cache_device=none,required"]).options.cache.required);
}

/// Whoever cannot do without a cache must not be given memory because of a misspelling.
#[test]
fn a_required_cache_that_is_not_understood_is_fatal() {
    for value in ["/dev/../x,required", "a/b,required", "atuo,required", "auto,budget=1x,required"] {
        assert_eq!(parse(&[&format!("b2c.cache_device={value}")]).fatal, Some(Fatal::Cache), "{value}");
    }
    for value in ["auto,required", "/dev/../x", "none,required"] {
        assert_eq!(parse(&[&format!("b2c.cache_device={value}")]).fatal, None, "{value}");
    }
}

/// Fuzzing found a newline in a help text.
#[test]
fn names_that_are_missing_forge_no_lines() {
    let parsed = parse(&["\"b2c.volume=a,mirror=g\nw/b\" \"b2c.cache_device=/dev/a\x1b[2J\""]);
    let lines: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.ends_with(r"add b2c.minio=g\nw,… or mend the name")), "{lines:?}");
    let device = r"b2c.cache_device: `/dev/a\u{1b}[2J` is not a device; write its path, such as /dev/sda1";
    assert!(lines.iter().any(|line| line == device), "{lines:?}");
}

#[test]
fn names_may_come_with_the_extra_arguments() {
    let first = "b2c.extra_args_url=http://h b2c.volume=a,mirror=gw/b,pull_on=changes";
    assert_fine(first);
    assert_eq!(lines(&[first, "b2c.minio=gw,http://h,a,b"]), [""; 0]);
    assert_eq!(lines(&[first, ""]).len(), 1);
}

#[test]
fn the_top_of_a_file_system_cannot_be_encrypted() {
    let text =
        "b2c.filesystem=fs,src=/dev/sda1 b2c.volume=v,fscrypt_key=QUJDREVGR0hJSktMTU5PUA==,filesystem=fs";
    assert_line(
        text,
        "error: b2c.volume: `v` has both filesystem and fscrypt_key; the topmost folder of a file system cannot be encrypted; name the file system by b2c.cache_device instead | v",
    );
    assert_eq!(parse(&[text]).fatal, Some(Fatal::VolumeSetup));
}

#[test]
fn mirrors_that_are_never_made_warn() {
    for (keys, line) in [
        ("mirror=gw/b", "`v` is never mirrored; say when: pull_on=pipeline_start, push_on=changes"),
        ("pull_from=gw/b", "`v` is never pulled; say when: pull_on=pipeline_start, push_on=changes"),
        ("push_to=gw/b", "`v` is never pushed; say when: pull_on=pipeline_start, push_on=changes"),
        (
            "push_to=gw/b,push_on=changes,pull_on=changes",
            "`v` has nothing to be pulled from; say where: mirror=ALIAS/BUCKET",
        ),
        ("push_on=changes", "`v` has nowhere to be pushed to; say where: mirror=ALIAS/BUCKET"),
    ] {
        let text = format!("b2c.volume=v,{keys}{GIVEN}");
        let expected = format!("warning: B2C_WARNING: b2c.volume: {line} | v,{keys}");
        assert_eq!(lines(&[&text]), [expected]);
    }
    for keys in ["mirror=gw/b,pull_on=changes", "push_to=gw/b,push_on=changes"] {
        assert_fine(&format!("b2c.volume=v,{keys}{GIVEN}"));
    }
}

#[test]
fn empty_exclude_is_ignored() {
    let options = assert_fine("b2c.volume=a,exclude=,exclude=*.tmp,exclude");
    assert_eq!(options.volume[0].exclude, ["*.tmp"]);
}

#[test]
fn secrets_are_never_shown() {
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
    let text = format!(
        "b2c.minio=a,http://u:hunter2@h,AK,hunter2 b2c.minio=http://h,AK,hunter2 b2c.minio=b,c,d,hunter2,hunter2 \
         b2c.volume=v,fscrypt_key={key},encrypt_key={key},filesystem=x b2c.volume=v,fscrypt_kye={key} \
         b2c.volume=v,fscrypt_key=hunter2 b2c.mino=a,b,c,hunter2 b2c.proxy=https=http://u:hunter2@h,x=y \
         b2c.report=http://u:hunter2@h/?t=hunter2 b2c.report=ftp://u:hunter2@h \
         b2c.proxy=https=http://u:hunter2@h b2c.filesystem=f,src=//h/s,opts=user=a|password=hunter2 \
         b2c.filesystem=f,src=//h/s,opts=user=a,password=hunter2 b2c.extra_args_url=ftp://u:hunter2@h b2c.modules=ftp://u:hunter2@h \
         b2c.extra_args_url=ftp://h/x?t=hunter2 b2c.ca=ftp://hunter2@h/x?hunter2 b2c.modules=ftp://u:/hunter2@h/x?hunter2 \
         b2c.modules=http://u:,hunter2@h,y=z b2c.modules=docker://u:hunter2@h/x,sha256=y b2c.ca=hunter2@h/x b2c.minio=a,ftp://hunter2@h/?hunter2,AK,hunter2 \
         b2c.proxy=https=http://u:a,hunter2@h,x=y b2c.proxy=http=http://u:,https=hunter2@h b2c.proxy=u:hunter2@h"
    );
    let parsed = parse(&[&text]);
    assert!(parsed.diagnostics.len() >= 8, "{:#?}", parsed.diagnostics);
    let mut options = parsed.options;
    // The URL of an endpoint is not a secret of ours; that it may hold one is looked after in messages.
    options.minio[0].url.clear();
    let shown = format!("{:?} {:?}", parsed.diagnostics, options);
    let messages: String = parsed.diagnostics.iter().map(ToString::to_string).collect();
    for secret in ["hunter2", key, &key[..20]] {
        assert!(!shown.contains(secret) && !messages.contains(secret), "{secret}: {shown}");
    }
    let hidden: Vec<&str> = parsed.secrets.iter().map(|(_, span)| &text[span.clone()]).collect();
    assert_eq!(
        text.matches("hunter2").count(),
        hidden.iter().map(|part| part.matches("hunter2").count()).sum::<usize>()
    );
    assert_eq!(options.minio[0].secret_key.reveal(), "hunter2");
}

#[test]
fn a_masked_text_is_the_text_without_its_secrets() {
    for (text, expected) in [
        ("quiet é b2c.run=alpine", "quiet é b2c.run=alpine"),
        (
            "a=b b2c.minio=\"gw,http://u:pw@h,AK,s=c\\\"r,t\" b2c.volume=v,fscrypt_key=MTIz,mirror=gw/b quiet",
            "a=b b2c.minio=\"gw,http://***@h,***,***\" b2c.volume=v,fscrypt_key=***,mirror=gw/b quiet",
        ),
        ("b2c.run=\"--creds 'me:s c' img\" b2c.vol=x,y", "b2c.run=\"--creds 'me:***' img\" b2c.vol=***"),
        ("b2c.volume=v,encrypt_key=\"a b\" x", "b2c.volume=v,encrypt_key=\"***\" x"),
        ("b2c.volume=v,encrypt_key=\"a b", "b2c.volume=v,encrypt_key=\"***"),
        ("b2c.minio=a,b,c,d b2c.minio=,,,", "b2c.minio=a,b,***,*** b2c.minio=,,,"),
        ("b2c.login=r,me,a,b b2c.login=secret", "b2c.login=r,*** b2c.login=***"),
        (
            "b2c.ca=http://u:pw@h/ca b2c.registry_mirror=r=u:p@m",
            "b2c.ca=http://***@h/ca b2c.registry_mirror=r=***@m",
        ),
        (
            "b2c.extra_args_url=https://token@h/x?sig=a b2c.modules=http://u:p/w@h/a.cpio?t=b,tls-verify=false b2c.modules=r:5000/i@sha256:c",
            "b2c.extra_args_url=https://***@h/x?*** b2c.modules=http://***@h/a.cpio?***,tls-verify=false b2c.modules=r:5000/i@sha256:c",
        ),
    ] {
        assert_eq!(parse(&[text]).masked(0, text), expected, "{text}");
    }
    let texts = ["b2c.volume=a,encrypt_key=x", "b2c.volume=b,encrypt_key=y\n"];
    assert_eq!(parse(&texts).masked(1, texts[1]), "b2c.volume=b,encrypt_key=***\n");
}

#[test]
fn passwords_in_container_lines_are_never_shown() {
    for line in [
        "--creds 'me:hunter2 img",
        "--creds=me:hunter2 'img",
        "-e 'A=b --creds me:hunter2 img",
        "--creds  me:hunter2 ${img",
    ] {
        let text = format!("b2c.run=\"{line}\"");
        let parsed = parse(&[&text]);
        let shown = format!("{:?} {:?}", parsed.diagnostics, parsed.fatal);
        assert!(parsed.is_fatal() && shown.contains("***") && !shown.contains("hunter2"), "{shown}");
    }
    let text = "b2c.run=\"--creds  me:hunter2 'docker://h:1/img' \"";
    let parsed = parse(&[text]);
    assert_eq!(&text[parsed.secrets[0].1.clone()], "hunter2");
    assert_eq!(parsed.options.run[0].shown(), "--creds  me:*** 'docker://h:1/img' ");
}

#[test]
fn control_characters_do_not_reach_the_console() {
    assert_line(
        "b2c.hostname=\"a\nb\u{1b}[0m\"",
        "error: b2c.hostname: `a\\nb\\u{1b}[0m` is not a name; use letters, digits, _ . - and start with a letter or a digit | a\nb\u{1b}[0m",
    );
}

#[test]
fn hostile_texts_give_a_bounded_number_of_lines() {
    let found = lines(&[&"b2c.x ".repeat(5000)]);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "warning: b2c.x: and more mistakes, which are not shown | b2c.x");
}

#[test]
fn a_password_may_hold_commas() {
    let options = assert_fine(
        "b2c.proxy=https=http://u:a,b@p:1,http=http://q,no=x,y b2c.modules=http://u:a,b@h/x.cpio,tls-verify=false",
    );
    let proxy = options.proxy.unwrap();
    assert_eq!((proxy.https.as_deref(), proxy.http.as_deref()), (Some("http://u:a,b@p:1"), Some("http://q")));
    assert_eq!(proxy.no, ["x", "y"]);
    assert_eq!(
        options.modules[0],
        ModuleSource {
            what: Fetched::Archive { url: "http://u:a,b@h/x.cpio".to_owned(), sha256: None },
            tls_verify: false
        }
    );
}
