//! Images that mirrors have, or do not have. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Authority, Fault, Faults, Image as Source, Layer, Registry, RegistryOptions, Tokens};
use image::registry::Limits;
use image::{Credentials, Keyring, Mirror};
use std::time::Duration;
use support::{LIMITS, Machine, noise, read, small};

fn mirror(registry: &str, host: &str, prefix: &str) -> Mirror {
    Mirror { registry: registry.into(), host: host.into(), prefix: prefix.into(), insecure: true }
}

/// A machine that knows these mirrors of `registry`.
fn machine(registry: &str, hosts: &[&str]) -> Machine {
    let mut machine = Machine::new();
    machine.options.mirrors = hosts.iter().map(|host| mirror(registry, host, "")).collect();
    machine
}

fn asked(front: &Faults, what: &str) -> usize {
    front.requests().iter().filter(|request| request.path.contains(what)).count()
}

#[test]
fn a_mirror_has_what_the_registry_would_give() {
    small("mirrored").push(Registry::shared(), "library/mirrored:1");
    let registry = Registry::shared().address();
    let mut machine = machine("docker.io", &[&registry]);
    assert_eq!(read(&machine.pull("mirrored:1").unwrap(), "file"), "mirrored");
    // The store knows it by its own name.
    machine.options.policy = image::Policy::Never;
    machine.options.mirrors.clear();
    assert_eq!(read(&machine.pull("docker.io/library/mirrored:1").unwrap(), "file"), "mirrored");
}

#[test]
fn a_prefix_stands_before_the_name() {
    small("below").push(Registry::shared(), "hub/deep/a/b:1");
    let mut machine = Machine::new();
    machine.options.mirrors = vec![mirror("r.invalid:5000", &Registry::shared().address(), "hub/deep")];
    assert_eq!(read(&machine.pull("r.invalid:5000/a/b:1").unwrap(), "file"), "below");
}

#[test]
fn mirrors_of_other_registries_are_not_asked() {
    small("own").push(Registry::shared(), "others");
    let front = Faults::before(Registry::shared());
    let address = Registry::shared().address();
    let machine = machine("docker.io", &[&front.address()]);
    assert_eq!(read(&machine.pull(&format!("{address}/others")).unwrap(), "file"), "own");
    assert!(front.requests().is_empty());
}

#[test]
fn one_that_fails_is_passed_over() {
    for (name, fault) in [
        ("down", None),
        ("missing", Some(Fault::Status(404, None))),
        ("denied", Some(Fault::Status(403, None))),
        ("broken", Some(Fault::Status(500, None))),
        ("busy", Some(Fault::Status(429, Some(60)))),
        ("cut", Some(Fault::CutAfter(0))),
    ] {
        let name = format!("passed-over-{name}");
        small(&name).push(Registry::shared(), &name);
        let fronts = [0; 3].map(|_| Faults::before(Registry::shared()));
        let [bad, good, registry] = &fronts;
        match fault {
            None => bad.down(),
            Some(fault) => bad.always("/v2/", fault),
        }
        let machine = machine(&registry.address(), &[&bad.address(), &good.address()]);
        let image = machine.pull(&format!("{}/{name}", registry.address())).unwrap();
        assert_eq!(read(&image, "file"), name);
        assert!(asked(good, "/blobs/") > 0 && registry.requests().is_empty(), "{name}");
    }
}

/// Each step of a pipeline pulls; only the first one waits for a mirror that is not there.
#[test]
fn one_that_cannot_be_reached_is_not_waited_for_again() {
    let limits = Limits { absence: Duration::from_secs(3600), ..LIMITS };
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    let pull = |name: &str| {
        small(name).push(Registry::shared(), name);
        machine.pull_within(&format!("{}/{name}", registry.address()), limits).unwrap();
    };
    pull("absent-0");
    assert!(!mirror.requests().is_empty() && registry.requests().is_empty());
    mirror.down();
    pull("absent-1");
    mirror.up();
    let (at_mirror, at_registry) = (mirror.requests().len(), registry.requests().len());
    pull("absent-2");
    assert_eq!(mirror.requests().len(), at_mirror);
    assert!(registry.requests().len() > at_registry);
    // Another boot, or a while later.
    machine.pull(&format!("{}/absent-2", registry.address())).unwrap();
    assert!(mirror.requests().len() > at_mirror);
}

/// A laboratory that reaches no registry must not wait for minutes after its mirror was restarted.
#[test]
fn one_that_could_not_be_reached_is_asked_again_if_it_is_all_there_is() {
    let limits = Limits { absence: Duration::from_secs(3600), ..LIMITS };
    small("all").push(Registry::shared(), "all-there-is");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    let name = format!("{}/all-there-is", registry.address());
    mirror.down();
    registry.down();
    machine.pull_within(&name, limits).unwrap_err();
    mirror.up();
    assert_eq!(read(&machine.pull_within(&name, limits).unwrap(), "file"), "all");
}

/// A captive portal, or whatever else listens there.
#[test]
fn one_that_gives_something_else_than_a_manifest_is_passed_over() {
    for (name, fault) in [("page", Fault::Status(200, None)), ("no-json", Fault::Corrupt(0))] {
        let name = format!("something-else-{name}");
        small(&name).push(Registry::shared(), &name);
        let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
        mirror.always("/manifests/", fault);
        let machine = machine(&registry.address(), &[&mirror.address()]);
        let image = machine.pull(&format!("{}/{name}", registry.address())).unwrap();
        assert_eq!(read(&image, "file"), name);
        assert!(asked(&mirror, "/manifests/") > 0 && asked(&registry, "/manifests/") > 0);
    }
}

#[test]
fn the_registry_is_asked_last() {
    small("last").push(Registry::shared(), "asked-last");
    let [bad, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    bad.always("/v2/", Fault::Status(404, None));
    let machine = machine(&registry.address(), &[&bad.address(), "mirror.invalid"]);
    let name = format!("{}/asked-last", registry.address());
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "last");
    registry.always("/v2/", Fault::Status(404, None));
    let message = machine.refused(&format!("{}/no-such", registry.address()));
    assert!(message.contains(&format!("{} does not have no-such", registry.address())), "{message}");
}

#[test]
fn a_blob_that_a_mirror_lacks_comes_from_the_next() {
    let pushed = small("partly").push(Registry::shared(), "partly");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    mirror.always(&pushed.layers[0], Fault::Status(404, None));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    assert_eq!(read(&machine.pull(&format!("{}/partly", registry.address())).unwrap(), "file"), "partly");
    let paths: Vec<String> = registry.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, [format!("/v2/partly/blobs/{}", pushed.layers[0])]);
}

/// An image of one large layer.
fn large() -> Source {
    Source::new().layer(Layer::new().file("noise", 0o644, noise(1_000_000, 3)).file("file", 0o644, "end"))
}

#[test]
fn a_blob_that_breaks_off_goes_on_at_the_next_place() {
    let pushed = large().push(Registry::shared(), "breaks-off");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    mirror.times(1, &pushed.layers[0], Fault::CutAfter(300_000));
    mirror.always(&pushed.layers[0], Fault::Status(404, None));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    assert_eq!(read(&machine.pull(&format!("{}/breaks-off", registry.address())).unwrap(), "file"), "end");
    let ranges: Vec<_> = registry.requests().into_iter().map(|request| request.range).collect();
    assert_eq!(ranges, [Some("bytes=300000-".to_owned())]);
}

/// Its manifest came from there: that it is restarted is no reason to leave it.
#[test]
fn a_mirror_that_has_answered_is_asked_again() {
    let pushed = large().push(Registry::shared(), "again");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    mirror.times(1, &pushed.layers[0], Fault::CutAfter(300_000));
    mirror.times(1, &pushed.layers[0], Fault::Status(503, None));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    assert_eq!(read(&machine.pull(&format!("{}/again", registry.address())).unwrap(), "file"), "end");
    assert_eq!((asked(&mirror, &pushed.layers[0]), registry.requests().len()), (3, 0));
}

#[test]
fn what_a_mirror_corrupts_comes_from_the_registry() {
    let pushed = large().push(Registry::shared(), "corrupting");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    mirror.always("/blobs/", Fault::Corrupt(10));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    let name = format!("{}/corrupting@{}", registry.address(), pushed.digest);
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "end");
    // A manifest by digest, too.
    mirror.always("/manifests/", Fault::Corrupt(10));
    let machine = self::machine(&registry.address(), &[&mirror.address()]);
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "end");
    registry.always("/blobs/", Fault::Corrupt(10));
    let machine = self::machine(&registry.address(), &[&mirror.address()]);
    assert!(machine.refused(&name).contains("corrupted"));
}

#[test]
fn what_the_store_has_will_do_while_nobody_answers() {
    small("kept").push(Registry::shared(), "kept-mirrored");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    let machine = machine(&registry.address(), &[&mirror.address()]);
    let name = format!("{}/kept-mirrored", registry.address());
    machine.pull(&name).unwrap();
    small("new").push(Registry::shared(), "kept-mirrored");
    registry.down();
    mirror.down();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "kept");
    mirror.up();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new", "the mirror is enough");
    mirror.always("/v2/", Fault::Status(404, None));
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new", "the registry decides, and is silent");
}

#[test]
fn a_mirror_has_credentials_of_its_own() {
    small("private").push(Registry::shared(), "private-mirrored");
    let [mirror, registry] = [0; 2].map(|_| Faults::before(Registry::shared()));
    mirror.demand_tokens(Tokens { user: Some(("m".into(), "mirror's".into())), ..Tokens::default() });
    let login = |registry: &str, user: &str, password: &str| Keyring::Login {
        registry: registry.into(),
        credentials: Credentials { user: user.into(), password: password.into() },
    };
    let mut machine = machine(&registry.address(), &[&mirror.address()]);
    machine.options.credentials = Some(Credentials { user: "r".into(), password: "registry's".into() });
    machine.options.keyrings =
        vec![login(&registry.address(), "r", "registry's"), login(&mirror.address(), "m", "mirror's")];
    let name = format!("{}/private-mirrored", registry.address());
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "private");
    assert!(registry.requests().is_empty());
    let shown: Vec<String> = mirror.requests().into_iter().filter_map(|it| it.authorization).collect();
    // base64 of r:
    assert!(!shown.iter().any(|it| it.starts_with("Basic cj")), "{shown:?}");
}

#[test]
fn only_an_insecure_mirror_may_show_any_certificate() {
    let tls = Some(Authority::new().sign(&["127.0.0.1"]));
    let secure = Registry::start_with(&RegistryOptions { tls, ..RegistryOptions::default() });
    small("secure").push(&secure, "secure");
    let mut machine = machine("r.invalid", &[&secure.address()]);
    assert_eq!(read(&machine.pull("r.invalid/secure").unwrap(), "file"), "secure");
    // Whatever --tls-verify says of the registry.
    machine = self::machine("r.invalid", &[&secure.address()]);
    machine.options.mirrors[0].insecure = false;
    assert!(machine.refused("r.invalid/secure").contains("r.invalid"));
}
