//! Pulls from a real registry on loopback: formats, names, platforms, authentication, the store. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{
    Authority, Compression, Fault, Faults, Format, Image as Source, Layer, Registry, RegistryOptions, Tokens,
    push_index,
};
use image::{Credentials, Platform, Policy};
use serde_json::json;
use support::{Machine, noise, read, small};

fn address() -> String {
    Registry::shared().address()
}

#[test]
fn all_formats_are_pulled() {
    for format in [Format::Oci, Format::Docker] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let machine = Machine::new();
            let name = format!("formats-{format:?}-{compression:?}").to_lowercase();
            let source = Source::new()
                .format(format)
                .layer(Layer::new().file("low", 0o644, noise(300_000, 1)).compression(compression))
                .layer(Layer::new().file("file", 0o644, "up").compression(compression))
                .config("Cmd", json!(["a", "b"]));
            let pushed = source.push(Registry::shared(), &name);
            let image = machine.pull(&format!("docker://{}/{name}", address())).unwrap();
            assert_eq!(image.digest.to_string(), pushed.digest);
            assert_eq!(image.config.cmd, ["a", "b"]);
            assert_eq!(read(&image, "file"), "up");
            assert_eq!(std::fs::read(image.layers[0].join("low")).unwrap(), noise(300_000, 1));
            machine.assert_nothing_half_done();
        }
    }
}

#[test]
fn images_are_named_by_tag_and_by_digest() {
    let machine = Machine::new();
    let one = small("one").push(Registry::shared(), "names:one");
    let two = small("two").push(Registry::shared(), "names:two");
    let address = address();
    for (reference, digest) in [
        (format!("{address}/names:one"), &one.digest),
        (format!("docker://{address}/names:two"), &two.digest),
        (format!("{address}/names@{}", one.digest), &one.digest),
        // The digest decides.
        (format!("{address}/names:one@{}", two.digest), &two.digest),
    ] {
        assert_eq!(&machine.pull(&reference).unwrap().digest.to_string(), digest, "{reference}");
    }
}

#[test]
fn wrong_names_are_told() {
    let machine = Machine::new();
    small("x").push(Registry::shared(), "right:tag");
    let address = address();
    let message = machine.refused(&format!("{address}/right:wrong"));
    assert!(message.contains("right:wrong") && message.contains("check the spelling"), "{message}");
    let message = machine.refused(&format!("{address}/wrong:tag"));
    assert!(message.contains("wrong") && message.contains("404"), "{message}");
    let message = machine.refused("no-such-host.invalid:5000/a");
    assert!(message.contains("no-such-host.invalid") && message.contains("cannot be found"), "{message}");
    let message = machine.refused("127.0.0.1:1/a");
    assert!(message.contains("127.0.0.1:1") && message.contains("refused"), "{message}");
}

#[test]
fn an_index_leads_to_this_machine_s_image() {
    let registry = Registry::shared();
    let other = small("other").architecture("s390x").push(registry, "index:other");
    let own = small("own").push(registry, "index:own");
    let index = push_index(registry, "index:both", &[&other, &own]);
    let nested = push_index(registry, "index:nested", &[&index]);
    let machine = Machine::new();
    for reference in ["index:both".to_owned(), format!("index@{}", index.digest)] {
        let image = machine.pull(&format!("{}/{reference}", address())).unwrap();
        assert_eq!((image.digest.to_string(), read(&image, "file")), (own.digest.clone(), "own".into()));
    }
    // An index has no platform of its own.
    let text = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": index.digest, "size": index_size(&index.digest)},
    ]})
    .to_string();
    drop(nested);
    registry.push_manifest("index:nested", "application/vnd.oci.image.index.v1+json", text.as_bytes());
    assert_eq!(read(&machine.pull(&format!("{}/index:nested", address())).unwrap(), "file"), "own");
}

fn index_size(digest: &str) -> u64 {
    let request = net::http::Request::get(format!("http://{}/v2/index/manifests/{digest}", address()))
        .header("Accept", "application/vnd.oci.image.index.v1+json");
    let response = net::http::Client::new(net::http::Config::default()).send(&request).unwrap();
    std::io::copy(&mut response.into_reader(), &mut std::io::sink()).unwrap()
}

#[test]
fn an_image_for_other_machines_is_refused() {
    let registry = Registry::shared();
    let machine = Machine::new();
    let ours = Platform::host().to_string();
    let arm = small("x").architecture("arm").push(registry, "other:single");
    let mips = small("y").architecture("mips64le").push(registry, "other:second");
    push_index(registry, "other:index", &[&arm, &mips]);
    let message = machine.refused(&format!("{}/other:single", address()));
    assert!(message.contains("linux/arm") && message.contains(&ours), "{message}");
    let message = machine.refused(&format!("{}/other:index", address()));
    assert!(message.contains("linux/arm, linux/mips64le") && message.contains(&ours), "{message}");
}

#[test]
fn the_store_is_used_as_the_policy_says() {
    let front = Faults::before(Registry::shared());
    let name = format!("{}/policy:tag", front.address());
    small("old").push(Registry::shared(), "policy:tag");
    let mut machine = Machine::new();

    machine.options.policy = Policy::Never;
    assert!(machine.refused(&name).contains("--pull=never"));
    assert!(front.requests().is_empty());

    machine.options.policy = Policy::Missing;
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "old");
    let asked = front.requests().len();
    small("new").push(Registry::shared(), "policy:tag");
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "old");
    machine.options.policy = Policy::Never;
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "old");
    assert_eq!(front.requests().len(), asked, "the registry was asked for nothing");

    machine.options.policy = Policy::Always;
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new");
    let asked = front.requests().len();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new");
    let requests = front.requests();
    assert!(requests[asked..].iter().all(|r| r.method == "HEAD"), "{:?}", &requests[asked..]);

    front.always("/manifests/", Fault::Status(404, None));
    assert!(machine.refused(&name).contains("does not have"));
    machine.options.policy = Policy::Newer;
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new");
}

#[test]
fn a_pinned_image_in_the_store_needs_no_registry() {
    let front = Faults::before(Registry::shared());
    let pushed = small("pinned").push(Registry::shared(), "pinned");
    let machine = Machine::new();
    let name = format!("{}/pinned@{}", front.address(), pushed.digest);
    machine.pull(&name).unwrap();
    front.down();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "pinned");
}

#[test]
fn layers_are_fetched_once() {
    let front = Faults::before(Registry::shared());
    let shared = || Layer::new().file("shared", 0o644, noise(50_000, 3));
    let twice = Source::new().layer(shared()).layer(Layer::new().file("a", 0o644, "a")).layer(shared());
    twice.push(Registry::shared(), "once:first");
    Source::new()
        .layer(shared())
        .layer(Layer::new().file("b", 0o644, "b"))
        .push(Registry::shared(), "once:second");
    let machine = Machine::new();
    let image = machine.pull(&format!("{}/once:first", front.address())).unwrap();
    // Of two equal layers the upper one stays: overlayfs stacks a folder only once.
    assert_eq!((image.layers.len(), image.fetched.layers), (2, 2));
    assert!(image.layers[1].join("shared").exists() && image.fetched.bytes > 50_000);
    let image = machine.pull(&format!("{}/once:second", front.address())).unwrap();
    assert_eq!((image.layers.len(), machine.layers()), (2, 3));
    assert!(image.fetched.layers == 1 && image.fetched.bytes < 50_000, "{:?}", image.fetched);
    let blobs = front.requests().iter().filter(|r| r.path.contains("/blobs/")).count();
    assert_eq!(blobs, 2 + 3, "two configurations and three layers");
}

#[test]
fn an_empty_layer_is_a_layer() {
    let machine = Machine::new();
    let source = Source::new().layer(Layer::new().file("file", 0o644, "below")).layer(Layer::new());
    source.push(Registry::shared(), "empty-layer");
    let image = machine.pull(&format!("{}/empty-layer", address())).unwrap();
    assert_eq!((image.layers.len(), read(&image, "file")), (2, "below".into()));
}

#[test]
fn an_image_without_layers_cannot_be_run() {
    let machine = Machine::new();
    Source::new().push(Registry::shared(), "no-layers");
    assert!(machine.refused(&format!("{}/no-layers", address())).contains("nothing to run"));
}

#[test]
fn an_image_id_is_looked_up_in_the_store_only() {
    let machine = Machine::new();
    small("by id").push(Registry::shared(), "by-id");
    let image = machine.pull(&format!("{}/by-id", address())).unwrap();
    let manifest = machine.base.join("v1/blobs/sha256").join(image.digest.hex());
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let id = manifest["config"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(machine.pull(&id).unwrap().layers, image.layers);
    assert_eq!(machine.pull(id.strip_prefix("sha256:").unwrap()).unwrap().layers, image.layers);
    assert!(machine.refused(&"0".repeat(64)).contains("does not have it"));
}

#[test]
fn a_hostile_layer_is_refused() {
    let machine = Machine::new();
    let evil = Layer::new().symlink("a", "/").file("a/etc/evil", 0o644, "");
    Source::new().layer(evil).push(Registry::shared(), "hostile");
    let message = machine.refused(&format!("{}/hostile", address()));
    assert!(message.contains("a/etc/evil") && message.contains("symbolic link"), "{message}");
    assert_eq!(machine.layers(), 0);
    assert!(!std::path::Path::new("/etc/evil").exists());
}

/// Manifests by hand: each wrong in one way.
#[test]
fn manifests_that_cannot_be_right_are_refused() {
    let registry = Registry::shared();
    let pushed = small("base").push(registry, "by-hand:base");
    let machine = Machine::new();
    let image = machine.pull(&format!("{}/by-hand:base", address())).unwrap();
    let manifest = machine.base.join("v1/blobs/sha256").join(image.digest.hex());
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let layer = pushed.layers[0].clone();
    let wrong_diff_id = json!({
        "architecture": Platform::host().architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", "0".repeat(64))]},
    })
    .to_string();
    let wrong_config = registry.push_blob("by-hand", wrong_diff_id.as_bytes());
    for (tag, change, why) in [
        ("count", json!({"layers": []}), "0 layers, but its configuration has 1"),
        (
            "type",
            json!({"layers": [{"mediaType": "application/x", "digest": layer, "size": 1}]}),
            "application/x",
        ),
        (
            "packed",
            json!({"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "digest": layer,
                "size": manifest["layers"][0]["size"]}]}),
            "says that the layer is zstd, but it is gzip",
        ),
        (
            "size",
            json!({"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 7}]}),
            "but the manifest says 7",
        ),
        (
            "diff-id",
            json!({"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": wrong_config,
                "size": wrong_diff_id.len()}}),
            "once unpacked",
        ),
        (
            "chart",
            json!({"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": wrong_config, "size": 1}}),
            "helm",
        ),
    ] {
        let machine = Machine::new();
        let mut manifest = manifest.clone();
        manifest.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        registry.push_manifest(&format!("by-hand:{tag}"), media_type, manifest.to_string().as_bytes());
        let message = machine.refused(&format!("{}/by-hand:{tag}", address()));
        assert!(message.contains(why), "{tag}: {message}");
    }
}

#[test]
fn basic_authentication() {
    let users = vec![("user".to_owned(), "pass word".to_owned())];
    let registry = Registry::start_with(&RegistryOptions { users, ..RegistryOptions::default() });
    small("secret").push(&registry, "private/image");
    let name = format!("{}/private/image", registry.address());
    let mut machine = Machine::new();
    assert!(machine.refused(&name).contains("wants a user and a password"));
    let user = |password: &str| Some(Credentials { user: "user".into(), password: password.into() });
    machine.options.credentials = user("wrong");
    assert!(machine.refused(&name).contains("are the user and the password right"));
    machine.options.credentials = user("pass word");
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "secret");

    let mut machine = Machine::new();
    let file = machine.base.join("auth.json");
    // base64 of `user:pass word`.
    let auths =
        json!({"auths": {format!("{}/private", registry.address()): {"auth": "dXNlcjpwYXNzIHdvcmQ="}}});
    std::fs::write(&file, auths.to_string()).unwrap();
    machine.options.keyrings = [machine.base.join("absent"), file].map(image::Keyring::File).into();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "secret");
}

#[test]
fn token_authentication() {
    let front = Faults::before(Registry::shared());
    front.demand_tokens(Tokens { user: Some(("u".into(), "p".into())), ..Tokens::default() });
    small("token").push(Registry::shared(), "tokens");
    let name = format!("{}/tokens", front.address());
    let mut machine = Machine::new();
    assert!(machine.refused(&name).contains("401"));
    machine.options.credentials = Some(Credentials { user: "u".into(), password: "p".into() });
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "token");
    let requests = front.requests();
    let tokens = requests.iter().filter(|r| r.path.starts_with("/token") && r.status == 200).count();
    assert_eq!(tokens, 1, "one token serves for everything");
    assert!(requests.iter().any(|r| r.path.contains("scope=repository%3Atokens%3Apull")));
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed() {
    let front = Faults::before(Registry::shared());
    front.demand_tokens(Tokens { requests: Some(2), ..Tokens::default() });
    let layer = |number| Layer::new().file("file", 0o644, noise(200_000, number));
    let source = (1..6).fold(Source::new(), |source, number| source.layer(layer(number)));
    let pushed = source.push(Registry::shared(), "expires");
    front.times(1, &pushed.layers[0], Fault::CutAfter(100_000));
    let machine = Machine::new();
    machine.pull(&format!("{}/expires", front.address())).unwrap();
    assert_eq!(machine.layers(), 5);
}

#[test]
fn tls_is_verified_unless_told_otherwise() {
    let authority = Authority::new();
    let tls = Some(authority.sign(&["127.0.0.1"]));
    let registry = Registry::start_with(&RegistryOptions { tls, ..RegistryOptions::default() });
    small("tls").push(&registry, "tls");
    let name = format!("{}/tls", registry.address());

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.certificate()).unwrap();
    let mut trusting = Machine::trusting(vec![folder.path().to_owned()]);
    trusting.options.tls_verify = true;
    assert_eq!(read(&trusting.pull(&name).unwrap(), "file"), "tls");

    let mut wary = Machine::new();
    wary.options.tls_verify = true;
    assert!(wary.refused(&name).contains("certificate"));
    // Plain http is not tried, either.
    small("http").push(Registry::shared(), "http-only");
    assert!(wary.refused(&format!("{}/http-only", address())).contains("TLS"));
    wary.options.tls_verify = false;
    assert_eq!(read(&wary.pull(&name).unwrap(), "file"), "tls");
}
