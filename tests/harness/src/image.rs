//! Images: layers and a config, pushed as a manifest.

use crate::layer::{Compression, Layer};
use crate::push;
use crate::registry::Registry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::process::Command;

/// Whose media types a manifest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OCI image specification 1.1.
    Oci,
    /// Docker image manifest version 2, schema 2.
    Docker,
}

/// An image to be pushed.
#[derive(Clone, Debug)]
pub struct Image {
    layers: Vec<Layer>,
    config: Value,
    architecture: String,
    format: Format,
}

/// What is in the registry after a push.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Of the manifest or index: `sha256:…`.
    pub digest: String,
    /// Of the layers' blobs, bottom first.
    pub layers: Vec<String>,
    descriptor: Value,
}

impl Image {
    /// Without layers, for this computer's architecture, in OCI's format.
    pub fn new() -> Self {
        let architecture = go_architecture(std::env::consts::ARCH).to_owned();
        Self { layers: Vec::new(), config: json!({}), architecture, format: Format::Oci }
    }

    /// Debian's static busybox with all its applets, some 1 MB to pull. Runs `sh` unless told otherwise.
    pub fn busybox() -> Self {
        Self::new()
            .layer(busybox_layer())
            .config("Cmd", json!(["sh"]))
            .config("Env", json!(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]))
    }

    /// Puts a layer on top.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Sets one of the config's execution parameters, such as `Entrypoint` (OCI image specification, config.md).
    pub fn config(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// For another architecture, as Go names it: `arm64`, `s390x`.
    pub fn architecture(mut self, name: &str) -> Self {
        self.architecture = name.to_owned();
        self
    }

    /// In another format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Pushes the image as `NAME[:TAG]`.
    pub fn push(&self, registry: &Registry, name: &str) -> Pushed {
        let (repository, tag) = push::split(name);
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        for layer in &self.layers {
            let blob = layer.blob();
            push::blob(registry, repository, &blob);
            layers.push(descriptor(self.layer_type(layer), &blob));
            diff_ids.push(digest(&layer.archive()));
        }
        let config = json!({
            "architecture": self.architecture, "os": "linux", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        })
        .to_string();
        push::blob(registry, repository, config.as_bytes());
        let manifest_type = self.manifest_type();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": manifest_type,
            "config": descriptor(self.config_type(), config.as_bytes()), "layers": layers,
        })
        .to_string();
        push::manifest(registry, repository, tag, manifest_type, manifest.as_bytes());
        let mut own = descriptor(manifest_type, manifest.as_bytes());
        own["platform"] = json!({"os": "linux", "architecture": self.architecture});
        let layers = layers.iter().map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect();
        Pushed { digest: digest(manifest.as_bytes()), layers, descriptor: own }
    }

    fn manifest_type(&self) -> &'static str {
        match self.format {
            Format::Oci => "application/vnd.oci.image.manifest.v1+json",
            Format::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn config_type(&self) -> &'static str {
        match self.format {
            Format::Oci => "application/vnd.oci.image.config.v1+json",
            Format::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer_type(&self, layer: &Layer) -> &'static str {
        match (self.format, layer.compression) {
            (Format::Oci, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
            (Format::Oci, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (Format::Oci, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
            (Format::Docker, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
            (Format::Docker, Compression::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            (Format::Docker, Compression::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        }
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}

/// Pushes an OCI index of images that are already in the same repository, as `NAME[:TAG]`; returns its digest.
pub fn push_index(registry: &Registry, name: &str, images: &[&Pushed]) -> Pushed {
    let (repository, tag) = push::split(name);
    let media_type = "application/vnd.oci.image.index.v1+json";
    let manifests: Vec<_> = images.iter().map(|image| image.descriptor.clone()).collect();
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).to_string();
    push::manifest(registry, repository, tag, media_type, index.as_bytes());
    let own = descriptor(media_type, index.as_bytes());
    Pushed { digest: digest(index.as_bytes()), layers: Vec::new(), descriptor: own }
}

/// `sha256:…` of those bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}

/// Images name architectures as Go does (`GOARCH`).
fn go_architecture(rust_name: &str) -> &str {
    match rust_name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn busybox_layer() -> Layer {
    let program = std::fs::read("/bin/busybox").expect("package busybox-static is installed");
    let mut layer = Layer::new();
    for folder in ["bin", "etc", "root", "tmp", "usr", "usr/bin", "var"] {
        layer = layer.directory(folder, if folder == "tmp" { 0o1777 } else { 0o755 });
    }
    layer = layer.file("bin/busybox", 0o755, program);
    layer = layer.file(
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    );
    layer = layer.file("etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\n");
    let applets = Command::new("/bin/busybox").arg("--list").output().unwrap().stdout;
    for applet in String::from_utf8(applets).unwrap().lines().filter(|name| *name != "busybox") {
        layer = layer.symlink(&format!("bin/{applet}"), "busybox");
    }
    layer
}
