//! The test servers themselves, against clients that are not ours.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::{
    Authority, Compression, Fault, Faults, Format, Image, Layer, Registry, RegistryOptions, Tokens,
    push_index,
};
use std::process::Command;

fn curl(arguments: &[&str]) -> (String, bool) {
    let output = Command::new("curl").args(["-sS", "-m", "20"]).args(arguments).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

#[test]
fn images_of_every_kind_are_in_the_registry() {
    let registry = Registry::shared();
    for format in [Format::Oci, Format::Docker] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let layer = Layer::new().file("hello", 0o644, "hello").compression(compression);
            let image = Image::new().layer(layer).format(format);
            let pushed = image.push(registry, "harness/kinds:latest");
            let index = push_index(registry, "harness/kinds:index", &[&pushed]);
            let url = format!("http://{}/v2/harness/kinds/manifests/{}", registry.address(), index.digest);
            let (text, _) = curl(&["-H", "Accept: application/vnd.oci.image.index.v1+json", &url]);
            assert!(text.contains(&pushed.digest), "{text}");
        }
    }
}

#[test]
fn busybox_is_small_and_unpacks() {
    let registry = Registry::shared();
    let pushed = Image::busybox().push(registry, "harness/busybox");
    let url = format!("http://{}/v2/harness/busybox/blobs/{}", registry.address(), pushed.layers[0]);
    let output = Command::new("sh").args(["-c", "curl -sS \"$1\" | tar -tz", "sh", &url]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.lines().any(|line| line == "bin/sh"), "{list}");
}

#[test]
fn users_and_certificates_are_checked() {
    let authority = Authority::new();
    let options = RegistryOptions {
        tls: Some(authority.sign(&["localhost", "127.0.0.1"])),
        users: vec![("anna".into(), "secret".into())],
    };
    let registry = Registry::start_with(&options);
    Image::new().layer(Layer::new()).push(&registry, "harness/private");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.certificate()).unwrap();
    let ca = file.path().to_str().unwrap();
    let url = format!("https://localhost:{}/v2/harness/private/tags/list", registry.port());
    assert!(!curl(&[&url]).1, "the authority is not trusted");
    let denied = curl(&["--cacert", ca, &url]).0;
    assert!(denied.contains("UNAUTHORIZED"), "{denied}");
    let list = curl(&["--cacert", ca, "-u", "anna:secret", &url]).0;
    assert!(list.contains("latest"), "{list}");
}

#[test]
fn faults_are_what_they_say() {
    let registry = Registry::shared();
    let blob: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let digest = registry.push_blob("harness/faults", &blob);
    let fetch = |faults: &Faults, more: &[&str]| {
        let url = format!("http://{}/v2/harness/faults/blobs/{digest}", faults.address());
        let mut curl = Command::new("curl");
        let output =
            curl.args(["-sS", "-m", "20", "-D", "/dev/stderr"]).args(more).arg(url).output().unwrap();
        (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let faults = Faults::before(registry);
    assert_eq!(fetch(&faults, &[]).0, blob, "no fault");
    faults.times(1, "/blobs/", Fault::CutAfter(5000));
    assert_eq!(fetch(&faults, &[]).0, blob[..5000]);
    assert_eq!(fetch(&faults, &["-r", "5000-"]).0, blob[5000..], "the fault happens once");
    faults.times(1, "/blobs/", Fault::Corrupt(7));
    let corrupt = fetch(&faults, &[]).0;
    assert_eq!((corrupt.len(), corrupt[7], &corrupt[8..]), (blob.len(), !blob[7], &blob[8..]));
    faults.times(1, "/blobs/", Fault::IgnoreRange);
    let (whole, head) = fetch(&faults, &["-r", "5000-"]);
    assert!(whole == blob && head.contains(" 200 "), "{head}");
    faults.times(1, "/blobs/", Fault::Status(429, Some(3)));
    let (_, head) = fetch(&faults, &[]);
    assert!(head.contains(" 429 ") && head.contains("Retry-After: 3"), "{head}");
    faults.times(1, "/blobs/", Fault::Redirect("http://127.0.0.1:1/gone".into()));
    let (_, head) = fetch(&faults, &[]);
    assert!(head.contains(" 307 ") && head.contains("Location: http://127.0.0.1:1/gone"), "{head}");
    faults.down();
    assert!(fetch(&faults, &[]).1.contains("onnect"), "refused");
    faults.up();
    assert_eq!(fetch(&faults, &["--retry", "5", "--retry-connrefused", "--retry-delay", "1"]).0, blob);
    assert!(faults.requests().iter().any(|it| it.range.as_deref() == Some("bytes=5000-")));
}

#[test]
fn tokens_are_demanded_and_wear_out() {
    let registry = Registry::shared();
    let digest = registry.push_blob("harness/tokens", b"blob");
    let faults = Faults::before(registry);
    faults.demand_tokens(Tokens { requests: Some(1), user: Some(("anna".into(), "secret".into())) });
    let url = format!("http://{}/v2/harness/tokens/blobs/{digest}", faults.address());
    let refused = curl(&["-i", &url]).0;
    assert!(
        refused.contains("Bearer realm=") && refused.contains("repository:harness/tokens:pull"),
        "{refused}"
    );
    let token_url = format!("http://{}/token", faults.address());
    assert!(curl(&["-i", &token_url]).0.contains(" 401 "), "no password, no token");
    assert!(curl(&["-u", "anna:secret", &token_url]).0.contains("token-0"));
    let with_token = ["-H", "Authorization: Bearer token-0", &url];
    assert_eq!(curl(&with_token).0, "blob");
    assert_ne!(curl(&with_token).0, "blob", "the token is worn out");
}
