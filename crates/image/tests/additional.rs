//! Stores that a real podman has written, and what is wrong with them when somebody changes them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use harness::{Image, Layer, PodmanStore, Registry};
use image::{AdditionalStore, Platform, Policy, PullOptions, Reference, Store, find_or_pull};
use net::http::{Client, Config};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Its images are `two`, of two layers, and `one`, of the lower of them; by name also `example.invalid/farm/two:v1`.
struct Fixture {
    store: PodmanStore,
    one: String,
    two: String,
    digest: String,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let registry = Registry::shared();
        let lower = || Layer::new().file("file", 0o644, "lower").file("gone", 0o644, "");
        Image::new().layer(lower()).push(registry, "additional/one:v1");
        let upper = Layer::new().file("file", 0o644, "upper").white_out("gone");
        let image = Image::new().layer(lower()).layer(upper).config("Cmd", serde_json::json!(["run", "me"]));
        let digest = image.push(registry, "additional/two:v1").digest;
        let store = PodmanStore::new();
        let one = store.pull(registry, "additional/one:v1");
        let two = store.pull(registry, "additional/two:v1");
        store.tag(&two, "example.invalid/farm/two:v1");
        Fixture { store, one, two, digest }
    })
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

/// A copy that a test may change.
fn copy() -> (tempfile::TempDir, AdditionalStore) {
    let folder = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("--archive")
        .arg(fixture().store.path())
        .arg(folder.path().join("root"))
        .status()
        .unwrap();
    assert!(copied.success());
    let store = AdditionalStore::open(&folder.path().join("root")).unwrap();
    (folder, store)
}

#[test]
fn images_by_id_by_the_beginning_of_it_by_name_and_by_digest() {
    let Fixture { store, one, two, digest } = fixture();
    let opened = AdditionalStore::open(&store.path()).unwrap();
    let by_digest = format!("example.invalid/farm/two@{digest}");
    for name in [two, &two[..12], "example.invalid/farm/two:v1", &by_digest] {
        let image = opened.find(&reference(name)).unwrap().unwrap_or_else(|| panic!("{name} is not found"));
        assert_eq!(image.digest.to_string(), *digest);
        assert_eq!(image.config.cmd, ["run", "me"]);
        let files: Vec<_> =
            image.layers.iter().map(|layer| fs::read_to_string(layer.join("file")).unwrap()).collect();
        assert_eq!(files, ["lower", "upper"], "lowest first");
    }
    assert_eq!(opened.find(&reference(one)).unwrap().unwrap().layers.len(), 1);
    for name in ["example.invalid/farm/two:v2", "two:v1", &two[..11], &"0".repeat(64)] {
        assert_eq!(opened.find(&reference(name)).unwrap(), None, "{name}");
    }
}

#[test]
fn what_was_tampered_with_is_an_error() {
    let Fixture { two, .. } = fixture();
    let broken = |change: &dyn Fn(&Path)| {
        let (folder, store) = copy();
        change(&folder.path().join("root"));
        store.find(&reference(two)).unwrap_err().to_string()
    };
    let config = |root: &Path| {
        let folder = root.join("overlay-images").join(two);
        // `=` and base64 of "sha256:".
        fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .find(|path| path.to_str().unwrap().contains("/=c2hhMjU2O"))
    };
    let damaged = broken(&|root| fs::write(config(root).unwrap(), "{}").unwrap());
    assert!(damaged.contains("damaged"), "{damaged}");
    let lists = broken(&|root| fs::write(root.join("overlay-layers/layers.json"), "[]").unwrap());
    assert!(lists.contains("not in the list of layers"), "{lists}");
    let text = broken(&|root| fs::write(root.join("overlay-images/images.json"), "no JSON").unwrap());
    assert!(text.contains("cannot be understood"), "{text}");
    // A link would lead into the machine's own files.
    let link = broken(&|root| {
        for layer in fs::read_dir(root.join("overlay")).unwrap() {
            let diff = layer.unwrap().path().join("diff");
            if diff.exists() {
                fs::remove_dir_all(&diff).unwrap();
                std::os::unix::fs::symlink("/etc", &diff).unwrap();
            }
        }
    });
    assert!(link.contains("/diff"), "{link}");
    assert!(AdditionalStore::open(Path::new("/etc")).unwrap_err().to_string().contains("--root"));
}

#[test]
fn policies_are_podmans() {
    let Fixture { store, two, .. } = fixture();
    let additional = [AdditionalStore::open(&store.path()).unwrap()];
    let own = tempfile::tempdir().unwrap();
    let own = Store::open(own.path()).unwrap();
    let client = Client::new(Config::default());
    let run = |name: &str, policy| {
        let options = PullOptions {
            policy,
            tls_verify: false,
            platform: Platform::host(),
            credentials: None,
            keyrings: Vec::new(),
            mirrors: Vec::new(),
        };
        find_or_pull(&own, &additional, &client, &reference(name), &options)
    };
    // An ID is never pulled, whatever the policy.
    for policy in [Policy::Always, Policy::Missing, Policy::Newer, Policy::Never] {
        assert!(run(two, policy).is_ok() && run(&two[..12], policy).is_ok(), "{policy:?}");
    }
    let named = "example.invalid/farm/two:v1";
    assert!(run(named, Policy::Missing).is_ok() && run(named, Policy::Never).is_ok());
    assert!(run("example.invalid/farm/none:v1", Policy::Never).is_err());
    let pulled = run(&format!("{}/additional/two:v1", Registry::shared().address()), Policy::Always).unwrap();
    assert!(!pulled.layers[0].starts_with(store.path()), "the registry was asked");
}
