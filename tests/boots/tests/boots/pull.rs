//! Images from real registries, and from registries that fail.

use crate::support::{HTTP, busybox, push};
use harness::{
    Authority, Boot, Compression, Fault, Faults, Image, Layer, Registry, RegistryOptions, Tokens, push_index,
};
use std::thread;
use std::time::Duration;

/// A pipeline of one step.
fn boot(image: &str, command: &str) -> Boot {
    Boot::new(&b2c::vm::option("b2c.run", &format!("{HTTP} {image} {command}")))
}

/// A registry of its own with busybox in it, behind a front that fails.
fn failing_registry() -> (Registry, Faults, String) {
    let registry = Registry::start();
    Image::busybox().push(&registry, "busybox:latest");
    let faults = Faults::before(&registry);
    let name = format!("{}/busybox:latest", faults.guest_address());
    (registry, faults, name)
}

#[test]
fn an_image_by_digest() {
    let pushed = Image::busybox().push(Registry::shared(), "by-digest:latest");
    let name = format!("docker://{}/by-digest@{}", Registry::shared().guest_address(), pushed.digest);
    boot(&name, "echo pinned").run().expect_line("pinned").expect_status(0);
}

#[test]
fn gzip_zstd_and_plain_layers_in_one_image() {
    let layer = |name: &str, compression| Layer::new().file(name, 0o644, name).compression(compression);
    let image = Image::busybox()
        .layer(layer("gzip", Compression::Gzip))
        .layer(layer("zstd", Compression::Zstd))
        .layer(layer("plain", Compression::None).white_out("etc/group"));
    let name = push(&image, "compressions:latest");
    let outcome =
        boot(&name, "sh -c 'echo $(cat /gzip /zstd /plain); test -e /etc/group || echo whited out'").run();
    outcome.expect_line("gzipzstdplain").expect_line("whited out").expect_status(0);
}

#[test]
fn the_machines_platform_is_chosen() {
    let registry = Registry::shared();
    let ours = Image::busybox().push(registry, "platforms:ours");
    let other = Image::new()
        .architecture("s390x")
        .layer(Layer::new().file("x", 0o644, ""))
        .push(registry, "platforms:other");
    push_index(registry, "platforms:both", &[&other, &ours]);
    push_index(registry, "platforms:none", &[&other]);
    let address = registry.guest_address();
    boot(&format!("{address}/platforms:both"), "echo ours").run().expect_line("ours").expect_status(0);
    boot(&format!("{address}/platforms:none"), "true").run().expect("s390x").expect_status(1);
}

#[test]
fn a_registry_that_is_down_for_ten_seconds() {
    let (_registry, faults, name) = failing_registry();
    faults.down();
    let mut vm = boot(&name, "echo here at last").spawn();
    vm.wait_for("Create the container", Duration::from_secs(60));
    thread::sleep(Duration::from_secs(10));
    faults.up();
    vm.finish().expect_line("here at last").expect_status(0);
}

#[test]
fn wrong_names_say_what_is_wrong() {
    let address = Registry::shared().guest_address();
    busybox();
    let words = [format!("{address}/no-such-image:latest"), format!("{address}/busybox:no-such-tag")]
        .map(|image| b2c::vm::option("b2c.run", &format!("{HTTP} {image} true")));
    let outcome = Boot::new(&words.join(" ")).run();
    outcome.expect("no-such-image:latest").expect("busybox:no-such-tag").expect_status(1);
    let errors =
        outcome.lines.iter().filter(|line| line.contains("ERROR: Could not create the container")).count();
    assert_eq!(errors, 2, "{}", outcome.tail());
}

#[test]
fn a_wrong_host_says_so() {
    boot("no-such-host.invalid/x:latest", "true").run().expect("no-such-host.invalid").expect_status(1);
}

#[test]
fn a_private_authority_is_trusted_when_its_certificate_is_in_the_initramfs() {
    let authority = Authority::new();
    let registry = Registry::start_with(&RegistryOptions {
        tls: Some(authority.sign(&["10.0.2.2"])),
        users: Vec::new(),
    });
    Image::busybox().push(&registry, "busybox:latest");
    let words = format!("b2c.run=\"{}/busybox:latest echo over https\"", registry.guest_address());
    let trusted = Boot::new(&words).extra_cpio([("etc/ssl/certs/farm.pem", authority.certificate())]).run();
    trusted.expect_line("over https").expect_status(0);
    let other = Authority::new().certificate();
    let refused = Boot::new(&words).extra_cpio([("etc/ssl/certs/other.pem", other)]).run();
    refused.expect("certificate").expect_no("over https\r\n").expect_status(1);
}

#[test]
fn tokens_and_passwords() {
    let (_registry, faults, name) = failing_registry();
    faults.demand_tokens(Tokens { requests: Some(2), user: None });
    boot(&name, "echo with a token").run().expect_line("with a token").expect_status(0);

    let users = vec![("me".to_owned(), "secret".to_owned())];
    let registry = Registry::start_with(&RegistryOptions { tls: None, users });
    Image::busybox().push(&registry, "busybox:latest");
    let address = registry.guest_address();
    let outcome = boot(&format!("--creds me:secret {address}/busybox:latest"), "echo let in").run();
    outcome.expect_line("let in").expect_status(0);
    // base64 of me:secret
    let file = format!(r#"{{"auths": {{"{address}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#);
    let outcome = boot(&format!("{address}/busybox:latest"), "echo known")
        .extra_cpio([("root/.docker/config.json", file)])
        .run();
    outcome.expect_line("known").expect_status(0);
    boot(&format!("{address}/busybox:latest"), "true").run().expect("401").expect_status(1);
}

#[test]
fn a_connection_that_is_cut_in_the_middle_of_a_layer() {
    let (_registry, faults, name) = failing_registry();
    faults.times(3, "/blobs/", Fault::CutAfter(200_000));
    boot(&name, "echo whole").run().expect_line("whole").expect_status(0);
    assert!(faults.requests().iter().any(|request| request.range.is_some()), "the rest was asked for");
}

#[test]
fn a_corrupted_blob_is_never_run() {
    let (_registry, faults, name) = failing_registry();
    faults.always("/blobs/", Fault::Corrupt(100_000));
    boot(&name, "echo corrupted").run().expect("sha256:").expect_no("corrupted\r\n").expect_status(1);
}
