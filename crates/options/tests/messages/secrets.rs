//! What is never shown.

use crate::support::assert_fine;
use options::{Fetched, ModuleSource, parse};

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
