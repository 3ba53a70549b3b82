//! Reaching things: through a proxy, from mirrors, with private authorities and logins.

use crate::support::{busybox, expect_hidden, push};
use harness::{Authority, Boot, Image, Proxy, Registry, RegistryOptions, WebServer};
use sha2::{Digest, Sha256};

fn pull(image: &str, what: &str) -> String {
    b2c::vm::option("b2c.run", &format!("{image} echo {what}"))
}

/// As `sha256sum` prints it.
fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secure_registry(authority: &Authority) -> Registry {
    let tls = Some(authority.sign(&["10.0.2.2", "localhost"]));
    let registry = Registry::start_with(&RegistryOptions { tls, users: Vec::new() });
    Image::busybox().push(&registry, "busybox:latest");
    registry
}

/// `localhost` is the computer that the proxy runs on: nobody else reaches the registry by that name.
#[test]
fn images_come_through_a_proxy() {
    let (proxy, authority) = (Proxy::start(), Authority::new());
    let secure = secure_registry(&authority);
    busybox();
    let plain = format!("localhost:{}", Registry::shared().port());
    let words = [
        format!("b2c.proxy=https={0},http={0},no=10.0.2.2", proxy.url()),
        pull(&format!("--tls-verify=false {plain}/busybox"), "by its whole URL"),
        pull(&format!("localhost:{}/busybox", secure.port()), "through a tunnel"),
        pull(&format!("--tls-verify=false {}", busybox()), "without it"),
    ];
    let boot = Boot::new(&words.join(" ")).extra_cpio([("etc/ssl/certs/farm.pem", authority.certificate())]);
    let outcome = boot.run();
    outcome
        .expect_line("by its whole URL")
        .expect_line("through a tunnel")
        .expect_line("without it")
        .expect_status(0);
    assert!(proxy.heard(&format!("GET http://{plain}/v2/busybox/manifests/latest")));
    assert!(proxy.heard(&format!("CONNECT localhost:{}", secure.port())) && !proxy.heard("10.0.2.2"));
    expect_hidden(&outcome, Proxy::PASSWORD);
}

#[test]
fn a_proxy_that_is_down_is_named() {
    let words = "b2c.proxy=http=http://10.0.2.2:9,https=http://me:hunter2@10.0.2.2:9 b2c.extra_args_url=http://h.invalid/x";
    let outcome = Boot::new(words).run();
    outcome
        .expect("ERROR: b2c.extra_args_url=http://h.invalid/x: cannot connect to the proxy 10.0.2.2:9 (b2c.proxy)")
        .expect_status(1);
    expect_hidden(&outcome, "hunter2");
}

#[test]
fn mirrors_stand_in_for_a_registry_that_is_out_of_reach() {
    let name = push(&Image::busybox(), "hub/library/mirrored:1");
    let mirror = name.strip_suffix("/library/mirrored:1").unwrap();
    let words = format!(
        "b2c.registry_mirror=docker.io=10.0.2.2:9,{mirror},insecure {}",
        pull("mirrored:1", "from a mirror")
    );
    let outcome = Boot::new(&words).run();
    outcome
        .expect("The mirror 10.0.2.2:9 is passed over: ")
        .expect("Pulled docker.io/library/mirrored:1")
        .expect_line("from a mirror")
        .expect_status(0);
}

#[test]
fn authorities_are_fetched_before_anything_that_needs_them() {
    let authority = Authority::new();
    let registry = secure_registry(&authority);
    let plain = WebServer::start(None);
    let ca = plain.put("ca.pem", &authority.certificate());
    let words = pull(&format!("{}/busybox", registry.guest_address()), "over https");
    let outcome = Boot::new(&format!("b2c.ca={ca} {words}")).run();
    outcome
        .expect(&format!("The certificates of {ca} are trusted"))
        .expect_line("over https")
        .expect_status(0);

    for (bad, reason) in [
        (plain.put("page.html", "<html>"), "it holds no PEM certificate"),
        (plain.put("ca.pem", &authority.certificate()) + "x", "the server answers with status 404"),
        (format!("{ca},sha256={}", "0".repeat(64)), "its SHA-256 is "),
        ("/no/such.pem".to_owned(), "No such file or directory"),
    ] {
        let outcome = Boot::new(&format!("b2c.ca={bad} {words}")).run();
        outcome.expect("ERROR: b2c.ca=").expect(reason).expect("no known authority signed its certificate");
        outcome.expect_no("over https\r\n").expect_status(1);
    }
}

/// The extra arguments come over https from a server of a private authority, and name another authority, which is pinned.
#[test]
fn everything_over_https() {
    let (first, second) = (Authority::new(), Authority::new());
    let registry = secure_registry(&second);
    let web = WebServer::start(Some(&first.sign(&["10.0.2.2"])));
    let other = WebServer::start(Some(&second.sign(&["10.0.2.2"])));
    let ca = other.put("ca.pem", &second.certificate());
    let run = pull(&format!("{}/busybox", registry.guest_address()), "over https");
    let url = web.put("args", &format!("b2c.ca={ca},sha256={}\n{run}", sha256(&second.certificate())));
    let words = format!("b2c.ca=/user/farm.pem b2c.extra_args_url={url}");
    let outcome = Boot::new(&words).extra_cpio([("user/farm.pem", first.certificate())]).run();
    outcome.expect_line("over https").expect_status(0);
    let outcome = Boot::new(&format!("b2c.extra_args_url={url}")).run();
    outcome.expect("no known authority signed its certificate").expect_no("over https\r\n").expect_status(1);
}

/// That the file is pinned makes any server good enough for the file, but not for a password. It is asked more than once, and said once.
#[test]
fn a_password_is_not_sent_to_a_server_that_proves_nothing() {
    let authority = Authority::new();
    let web = WebServer::start(Some(&authority.sign(&["10.0.2.2"])));
    let pin = format!("sha256={}", sha256(&authority.certificate()));
    let ca = web.put("ca.pem", &authority.certificate());
    let words = |ca: &str| {
        format!("b2c.ca={ca},{pin} {}", pull(&format!("--tls-verify=false {}", busybox()), "all the same"))
    };
    let outcome = Boot::new(&words(&ca.replace("//", "//me:hunter2@"))).run();
    outcome.expect(&format!("ERROR: b2c.ca={ca}: TLS with ")).expect_line("all the same").expect_status(0);
    assert_eq!(outcome.console.matches("ERROR: b2c.ca=").count(), 1, "{}", outcome.console);
    expect_hidden(&outcome, "hunter2");
    Boot::new(&words(&ca)).run().expect(&format!("The certificates of {ca} are trusted")).expect_status(0);
}

#[test]
fn logins_are_for_whoever_names_no_credentials() {
    let users = vec![("me".to_owned(), "hunter2".to_owned())];
    let registry = Registry::start_with(&RegistryOptions { tls: None, users });
    Image::busybox().push(&registry, "busybox:latest");
    let address = registry.guest_address();
    let image = format!("--tls-verify=false {address}/busybox");
    let words = [
        format!("b2c.login={address},me,wrong b2c.login={address},me,hunter2"),
        pull(&image, "by login"),
        pull(&format!("--creds me:wrong --pull=always {image}"), "by wrong creds"),
    ];
    // A file of the initramfs is weaker. base64 of me:wrong
    let file = format!(r#"{{"auths": {{"{address}": {{"auth": "bWU6d3Jvbmc="}}}}}}"#);
    let outcome = Boot::new(&words.join(" ")).extra_cpio([("root/.docker/config.json", file)]).run();
    outcome.expect_line("by login").expect_no("by wrong creds\r\n").expect_status(1);
    expect_hidden(&outcome, "hunter2");
}
