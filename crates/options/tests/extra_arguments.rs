//! Extra arguments: texts that the machine holds itself, and the one that it fetches.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use options::{CaSource, Options, parse, parse_texts, table};

fn lines(texts: &[&str], local: usize) -> Vec<String> {
    parse_texts(texts, local).diagnostics.iter().map(|it| format!("{}: {it}", it.text)).collect()
}

/// What an example refers to.
const GIVEN: &str = "b2c.minio=job,http://h,a,b b2c.filesystem=shared,src=/dev/sda1";

/// The kernel reads the one itself; the other leads to the last text.
const COMMAND_LINE_ONLY: [&str; 2] = ["ip", "b2c.extra_args_url"];

#[test]
fn every_option_means_the_same_in_every_text() {
    let shown = |options: &Options| format!("{options:#?}");
    for spec in table::all().filter(|spec| !COMMAND_LINE_ONLY.contains(&spec.name)) {
        // Where a line stands is a part of what is known of it.
        if spec.value.starts_with("\"[FLAGS]") {
            continue;
        }
        let first = parse(&[spec.example, GIVEN]);
        for texts in
            [["", spec.example, GIVEN, ""], ["", "", spec.example, GIVEN], ["", GIVEN, "", spec.example]]
        {
            let later = parse_texts(&texts, 3);
            assert_eq!(later.diagnostics, [], "{}", spec.example);
            let (first, later) = (shown(&first.options), shown(&later.options));
            // Two of a kind change places with the last.
            if !matches!(spec.name, "b2c.minio" | "b2c.filesystem") {
                assert_eq!(first, later, "{}", spec.example);
            }
        }
    }
}

#[test]
fn container_lines_add_up_over_all_texts() {
    let texts =
        ["b2c.run=a b2c.run_post=p", "b2c.run=b b2c.run_service=s", "b2c.run=c", "b2c.run=d b2c.run_post=q"];
    let parsed = parse_texts(&texts, 3);
    let texts =
        |lines: &[options::ContainerLine]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&parsed.options.run), ["a", "b", "c", "d"]);
    assert_eq!(texts(&parsed.options.run_post), ["p", "q"]);
    assert_eq!(texts(&parsed.options.run_service), ["s"]);
}

#[test]
fn of_scalars_the_last_text_wins() {
    let texts = ["b2c.hostname=a", "b2c.hostname=b", "b2c.pipefail", "b2c.hostname=c"];
    assert_eq!(parse_texts(&texts[..3], 3).options.hostname.as_deref(), Some("b"));
    assert_eq!(parse_texts(&texts, 3).options.hostname.as_deref(), Some("c"));
}

#[test]
fn texts_of_the_machine_may_name_the_one_that_is_fetched() {
    let texts = ["", "b2c.extra_args_url=http://a/", "b2c.extra_args_url=http://b/"];
    assert_eq!(lines(&texts, 3), [""; 0]);
    assert_eq!(parse_texts(&texts, 3).options.extra_args_url.as_deref(), Some("http://b/"));
    let ignored = "2: b2c.extra_args_url: `http://b/` is ignored: extra arguments do not name further ones";
    assert_eq!(lines(&texts, 2), [ignored]);
}

#[test]
fn names_may_come_with_the_text_that_is_still_to_be_fetched() {
    let texts = ["", "b2c.extra_args_url=http://a/ b2c.cache_device=fs", "b2c.filesystem=fs,src=/dev/sda1"];
    assert_eq!(lines(&texts[..2], 2), [""; 0]);
    assert_eq!(lines(&texts, 2), [""; 0]);
    assert_eq!(lines(&[texts[0], texts[1], ""], 2).len(), 1);
}

#[test]
fn the_kernel_reads_ip_on_its_own_command_line_only() {
    let expected =
        "1: ip: `dhcp` is ignored: the kernel reads it, and only on its command line; use b2c.iface";
    assert_eq!(lines(&["", "ip=dhcp"], 2), [expected]);
    assert_eq!(parse_texts(&["", "ip=dhcp"], 2).options.ip, None);
}

#[test]
fn passwords_keep_their_commas() {
    let options = parse(&["\"b2c.login=r.example:5000,me,a,b c\" b2c.login=docker.io,you,"]).options;
    let logins: Vec<_> = options
        .login
        .iter()
        .map(|it| (it.registry.as_str(), it.user.as_str(), it.password.reveal().as_str()))
        .collect();
    assert_eq!(logins, [("r.example:5000", "me", "a,b c"), ("docker.io", "you", "")]);
    assert!(!format!("{options:?}").contains("a,b c"));
}

#[test]
fn mirrors_keep_their_order() {
    let text =
        "b2c.registry_mirror=docker.io=10.0.0.1:5000,[::1]:5000/hub/x,insecure b2c.registry_mirror=r:1=m";
    let options = parse(&[text]).options;
    let shown: Vec<_> = options
        .registry_mirror
        .iter()
        .map(|it| {
            let mirrors: Vec<_> = it.mirrors.iter().map(|it| format!("{} {}", it.host, it.prefix)).collect();
            format!("{}: {} {}", it.registry, mirrors.join(", "), it.insecure)
        })
        .collect();
    assert_eq!(shown, ["docker.io: 10.0.0.1:5000 , [::1]:5000 hub/x true", "r:1: m  false"]);
}

#[test]
fn certificates_may_be_pinned() {
    let pin = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    let options = parse(&[&format!("b2c.ca=http://h/a,b?x=1,sha256={pin} b2c.ca=/etc/ca.pem")]).options;
    assert_eq!(options.ca[0].source, CaSource::Url("http://h/a,b?x=1".to_owned()));
    assert_eq!(options.ca[0].sha256, Some(pin.to_ascii_lowercase()));
    assert_eq!(
        (&options.ca[1].source, &options.ca[1].sha256),
        (&CaSource::File("/etc/ca.pem".into()), &None)
    );
}
