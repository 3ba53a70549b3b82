//! Manifests and indexes (OCI image-spec: manifest.md, image-index.md; Docker's schema 2).
//!
//! A document is what its media type says, and nothing else: one that could be read both as a manifest and as an index is refused
//! (CVE-2021-41190).

use crate::digest::Digest;
use crate::platform::Platform;
use serde::Deserialize;

/// Largest manifest or index, in bytes (what registries accept).
pub const MAX_MANIFEST: u64 = 4 << 20;
/// Most layers of an image: as many as overlayfs stacks.
pub const MAX_LAYERS: usize = 500;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Schema 1, signed or not.
const DOCKER_SCHEMA1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
/// Configurations of container images; the last is what the first versions of Docker's schema 2 wrote.
const CONFIGS: [&str; 3] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",
];
/// Everything that [`Manifest::parse`] reads, for an `Accept` header.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A document that a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image per platform.
    Index(Vec<Descriptor>),
    /// One image.
    Image(ImageManifest),
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// How the image is run and what its layers' contents hash to.
    pub config: Descriptor,
    /// Lowest first.
    pub layers: Vec<Descriptor>,
}

/// Names a piece of content (OCI image-spec, descriptor.md).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// Its name and proof.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Where else it can be had; only foreign layers have these.
    #[serde(default)]
    pub urls: Option<Vec<String>>,
    /// In an index: for whom it is.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// The document is no manifest that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not the fields of a manifest.
    #[error("the manifest cannot be read: {0}")]
    Syntax(String),
    /// Larger than [`MAX_MANIFEST`].
    #[error("the manifest has {0} bytes, more than the {MAX_MANIFEST} that are allowed")]
    Size(usize),
    /// What it is said to be and what it is differ.
    #[error("the manifest contradicts itself: {0}")]
    Ambiguous(String),
    /// Docker's first format.
    #[error(
        "the manifest is of Docker's schema 1, which proves nothing about the layers: push the image again with a tool of this decade"
    )]
    Schema1,
    /// Something else.
    #[error("{0:?} is not the media type of a manifest")]
    MediaType(String),
    /// A chart, a signature, an attestation, ...
    #[error("this is no container image: its configuration is {0:?}")]
    Artifact(String),
    /// More than [`MAX_LAYERS`].
    #[error("the image has {0} layers, more than the {MAX_LAYERS} that overlayfs can stack")]
    Layers(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Index,
    Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads a document. `media_type` is what a registry's `Content-Type` or a descriptor says about it, or empty.
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Manifest, ManifestError> {
        if bytes.len() as u64 > MAX_MANIFEST {
            return Err(ManifestError::Size(bytes.len()));
        }
        let said = kind_of(media_type)?;
        let document: Document = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(_) if is_schema1(bytes) => return Err(ManifestError::Schema1),
            Err(e) => return Err(ManifestError::Syntax(e.to_string())),
        };
        if document.schema_version == 1 {
            return Err(ManifestError::Schema1);
        }
        let own = kind_of(document.media_type.as_deref().unwrap_or_default())?;
        match (said, own) {
            (Some(said), Some(own)) if said != own => Err(ManifestError::Ambiguous(format!(
                "it was served as {media_type:?}, but says that it is {:?}",
                document.media_type.unwrap_or_default()
            ))),
            (said, own) => document.into_manifest(said.or(own)),
        }
    }
}

impl Document {
    fn into_manifest(self, kind: Option<Kind>) -> Result<Manifest, ManifestError> {
        let ambiguous = |what: &str| Err(ManifestError::Ambiguous(what.into()));
        match (kind, self.config, self.layers, self.manifests) {
            (_, Some(_), _, Some(_)) | (_, _, Some(_), Some(_)) => {
                ambiguous("it has the fields of a manifest and those of an index")
            }
            (Some(Kind::Image) | None, Some(config), layers, None) => {
                ImageManifest::checked(config, layers.unwrap_or_default()).map(Manifest::Image)
            }
            (Some(Kind::Index) | None, None, None, Some(manifests)) => Ok(Manifest::Index(manifests)),
            (Some(Kind::Image), ..) => ambiguous("it is said to be a manifest, but has no config"),
            (Some(Kind::Index), ..) => ambiguous("it is said to be an index, but has no manifests"),
            (None, ..) => Err(ManifestError::Syntax("it has neither config nor manifests".into())),
        }
    }
}

impl ImageManifest {
    fn checked(config: Descriptor, layers: Vec<Descriptor>) -> Result<ImageManifest, ManifestError> {
        if !CONFIGS.contains(&config.media_type.as_str()) {
            return Err(ManifestError::Artifact(config.media_type));
        }
        if layers.len() > MAX_LAYERS {
            return Err(ManifestError::Layers(layers.len()));
        }
        Ok(ImageManifest { config, layers })
    }
}

impl Descriptor {
    /// Whether it names an index, as far as its media type says.
    pub(crate) fn is_index(&self) -> bool {
        matches!(kind_of(&self.media_type), Ok(Some(Kind::Index)))
    }
}

/// `None` where the type says nothing: none at all, or one that servers give to any file.
fn kind_of(media_type: &str) -> Result<Option<Kind>, ManifestError> {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    match bare {
        OCI_MANIFEST | DOCKER_MANIFEST => Ok(Some(Kind::Image)),
        OCI_INDEX | DOCKER_LIST => Ok(Some(Kind::Index)),
        "" | "application/json" | "application/octet-stream" | "text/plain" => Ok(None),
        schema1 if DOCKER_SCHEMA1.contains(&schema1) => Err(ManifestError::Schema1),
        other => Err(ManifestError::MediaType(other.chars().take(200).collect())),
    }
}

/// Schema 1 has fields of the same name with other contents, so it is told apart only after reading it as schema 2 failed.
fn is_schema1(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        schema_version: u64,
    }
    serde_json::from_slice::<Version>(bytes).is_ok_and(|v| v.schema_version == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{DIGEST}","size":7}}"#)
    }

    fn image(layers: usize) -> String {
        let layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip");
        let config = descriptor(CONFIGS[0]);
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, vec![layer; layers].join(","))
    }

    fn parse(text: &str, media_type: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(text.as_bytes(), media_type)
    }

    #[test]
    fn an_image_has_a_config_and_layers() {
        for media_type in
            [OCI_MANIFEST, DOCKER_MANIFEST, "", "application/vnd.oci.image.manifest.v1+json; charset=utf-8"]
        {
            let Manifest::Image(image) = parse(&image(2), media_type).unwrap() else { panic!() };
            assert_eq!((image.layers.len(), image.config.size), (2, 7));
        }
    }

    #[test]
    fn an_index_has_platforms() {
        let entry = format!(
            r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{DIGEST}","size":7,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}}"#
        );
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{entry}]}}"#);
        let Manifest::Index(entries) = parse(&text, DOCKER_LIST).unwrap() else { panic!() };
        assert_eq!(entries[0].platform.as_ref().unwrap().to_string(), "linux/arm/v7");
    }

    /// CVE-2021-41190.
    #[test]
    fn a_document_that_is_two_things_is_refused() {
        let both = image(1).replace(r#""schemaVersion":2"#, r#""schemaVersion":2,"manifests":[]"#);
        for media_type in [OCI_MANIFEST, OCI_INDEX, ""] {
            assert!(matches!(parse(&both, media_type), Err(ManifestError::Ambiguous(_))), "{media_type}");
        }
        assert!(matches!(parse(&image(1), OCI_INDEX), Err(ManifestError::Ambiguous(_))));
        let own = image(1)
            .replace(r#""schemaVersion":2"#, &format!(r#""schemaVersion":2,"mediaType":"{OCI_INDEX}""#));
        assert!(matches!(parse(&own, OCI_MANIFEST), Err(ManifestError::Ambiguous(_))));
        let twice = image(1).replace(r#""layers""#, r#""layers":[],"layers""#);
        assert!(matches!(parse(&twice, OCI_MANIFEST), Err(ManifestError::Syntax(_))));
    }

    #[test]
    fn what_is_no_image_is_refused_by_name() {
        let schema1 = r#"{"schemaVersion":1,"name":"a/b","fsLayers":[],"history":[]}"#;
        assert_eq!(parse(schema1, ""), Err(ManifestError::Schema1));
        assert_eq!(parse("{}", DOCKER_SCHEMA1[1]), Err(ManifestError::Schema1));
        assert!(matches!(parse("<html>", "text/html"), Err(ManifestError::MediaType(_))));
        let chart = image(1).replace(CONFIGS[0], "application/vnd.cncf.helm.config.v1+json");
        assert!(parse(&chart, OCI_MANIFEST).unwrap_err().to_string().contains("helm"));
        assert_eq!(parse(&image(501), OCI_MANIFEST), Err(ManifestError::Layers(501)));
        assert!(parse(&image(1).replace(":7", ":-7"), OCI_MANIFEST).is_err());
        assert!(parse(&image(1).replace("sha256:e3", "sha256:../"), OCI_MANIFEST).is_err());
        let huge = " ".repeat(5 << 20);
        assert_eq!(parse(&huge, OCI_MANIFEST), Err(ManifestError::Size(5 << 20)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, media_type: String) {
            let _ = Manifest::parse(&bytes, &media_type);
        }

        #[test]
        fn a_changed_manifest_is_read_or_refused(at in 0usize..400, byte: u8) {
            let mut bytes = image(2).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = Manifest::parse(&bytes, OCI_MANIFEST);
        }
    }
}
