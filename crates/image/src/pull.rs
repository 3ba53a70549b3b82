//! From a reference to an image that is whole in the store.

use crate::config::{Config, ConfigError, ImageConfig, MAX_CONFIG};
use crate::digest::Digest;
use crate::layers::{Fetch, LayerError};
use crate::manifest::{Descriptor, ImageManifest, Manifest, ManifestError};
use crate::platform::Platform;
use crate::reference::{Name, Reference};
use crate::registry::{
    Access, AuthFileError, Cancel, Credentials, Document, Keyring, Limits, Mirror, Places, RegistryError,
};
use crate::store::{Record, Store, StoreError, StoredImage};
use net::http::Client;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

/// How deep an index may lie in indexes.
const MAX_NESTING: usize = 3;

/// When the registry is asked (podman's `--pull`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each time; what is in the store already is not fetched again, and will do if the registry gives no answer.
    Always,
    /// Only if the store has no image under that reference.
    Missing,
    /// Each time, but if that fails, whatever the reason, the store's image will do.
    Newer,
    /// Not at all.
    Never,
}

/// How to pull.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// When the registry is asked.
    pub policy: Policy,
    /// `--tls-verify`: `false` accepts any certificate, and plain http.
    pub tls_verify: bool,
    /// For whom the image has to be; see [`Platform::host`].
    pub platform: Platform,
    /// `--creds`.
    pub credentials: Option<Credentials>,
    /// Where credentials are looked for, if there are none above, and for mirrors; the first that has any for the image is used.
    pub keyrings: Vec<Keyring>,
    /// Of all registries, in the order in which they are asked.
    pub mirrors: Vec<Mirror>,
}

/// An image that is whole in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Of the manifest that was chosen.
    pub digest: Digest,
    /// How to run it.
    pub config: ImageConfig,
    /// Folders, lowest first, each once.
    pub layers: Vec<PathBuf>,
    /// What had to be fetched for it.
    pub fetched: Fetched,
}

/// What of an image was not in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Of layers, as the registry has them.
    pub bytes: u64,
    /// How many layers.
    pub layers: usize,
}

/// An image cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot pull {reference}: {cause}")]
pub struct PullError {
    /// In its canonical form.
    pub reference: String,
    /// Why.
    pub cause: Cause,
}

/// Why an image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// `Policy::Never`, or an image ID, and the store has nothing.
    #[error("the store does not have it{0}")]
    NotStored(&'static str),
    /// The registry did not give it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A file of credentials is damaged.
    #[error(transparent)]
    AuthFile(#[from] AuthFileError),
    /// A manifest or an index is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is for other machines.
    #[error("it is for {offered}, but this machine is {machine}")]
    Platform {
        /// All that there is.
        offered: String,
        /// Ours.
        machine: Platform,
    },
    /// More indexes in indexes than anybody needs.
    #[error("its indexes are nested more than {MAX_NESTING} deep")]
    Nesting,
    /// It is legal, but nothing can be run in it.
    #[error("it has no layers, so there is nothing to run")]
    NoLayers,
    /// The manifest and the configuration do not belong together.
    #[error("its manifest has {layers} layers, but its configuration has {diff_ids}")]
    LayerCount {
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        diff_ids: usize,
    },
    /// What came is not what was asked for, twice.
    #[error(
        "{what} {expected} was corrupted on its way or in the registry: what came has the digest {found}"
    )]
    Digest {
        /// `layer` or `configuration`.
        what: &'static str,
        /// As in the manifest.
        expected: Digest,
        /// Of the content.
        found: Digest,
    },
    /// A layer cannot be used.
    #[error("layer {digest}: {error}")]
    Layer {
        /// As in the manifest.
        digest: Digest,
        /// Why.
        error: Box<LayerError>,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread could be started.
    #[error("no thread can be started to fetch layers: {0}")]
    Thread(std::io::Error),
}

impl Cause {
    /// Whether the disk was full.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Cause::Store(error) => error.is_full(),
            Cause::Layer { error, .. } => matches!(&**error, LayerError::Unpack(error) if error.is_full()),
            _ => false,
        }
    }
}

/// Makes sure that the store has the image, as far as `options` allow.
pub fn pull(
    store: &Store,
    client: &Client,
    reference: &Reference,
    options: &PullOptions,
) -> Result<Image, PullError> {
    pull_within(store, client, reference, options, Limits::default())
}

/// As [`pull`], with other limits to the patience with the registry.
pub fn pull_within(
    store: &Store,
    client: &Client,
    reference: &Reference,
    options: &PullOptions,
    limits: Limits,
) -> Result<Image, PullError> {
    let image = match reference {
        Reference::Id(id) => store.image_by_id(id).ok_or(Cause::NotStored(
            ", and an image ID says nothing about where to get it: name the image by registry and repository",
        )),
        Reference::Name(name) => by_name(store, client, name, options, limits),
    };
    image
        .and_then(|stored| into_image(store, stored))
        .map_err(|cause| PullError { reference: reference.to_string(), cause })
}

fn by_name(
    store: &Store,
    client: &Client,
    name: &Name,
    options: &PullOptions,
    limits: Limits,
) -> Result<StoredImage, Cause> {
    let record = store.record(&name.to_string(), &options.platform);
    let stored = record.as_ref().and_then(|record| store.image(&record.manifest));
    // A digest cannot come to mean something else, so the registry has nothing to say about it.
    let settled = matches!(options.policy, Policy::Missing | Policy::Never) || name.digest().is_some();
    if let (Some(record), true) = (&record, stored.is_some()) {
        store.touch(record);
    }
    match stored {
        Some(stored) if settled => return Ok(stored),
        None if options.policy == Policy::Never => {
            return Err(Cause::NotStored(", and --pull=never forbids to fetch it"));
        }
        _ => {}
    }
    let cancel = Cancel::default();
    let access = Access {
        client,
        tls_verify: options.tls_verify,
        credentials: options.credentials.clone(),
        keyrings: &options.keyrings,
        mirrors: &options.mirrors,
        limits,
        cancel: &cancel,
    };
    let places = Places::new(name, &access)?;
    let pull = Pull { store, name, places: &places, cancel: &cancel, platform: &options.platform };
    match record.zip(stored) {
        None => pull.fetch(),
        Some((record, stored)) => renewed(&pull, &record.resolved, stored, options.policy),
    }
}

/// What is in the store, unless the registry has another image under that name by now.
///
/// Divergence: podman fails under `--pull=always` if the registry does not answer. Here the image runs that the store has, and a line says so: a farm goes on working while its
/// registry or its network is down. An answer counts, even if it is no (denied, not found) or not to be trusted (a wrong certificate).
fn renewed(
    pull: &Pull<'_>,
    resolved: &Digest,
    stored: StoredImage,
    policy: Policy,
) -> Result<StoredImage, Cause> {
    let error = match pull.is_current(resolved) {
        Ok(true) => {
            log::info!("{} is up to date in the store", pull.name);
            return Ok(stored);
        }
        Ok(false) => match pull.fetch() {
            Err(Cause::Registry(error)) if policy == Policy::Newer => error,
            result => return result,
        },
        Err(error) if policy == Policy::Newer || error.is_silence() => error,
        Err(error) => return Err(error.into()),
    };
    log::warn!("{} is taken from the store, as {}: {error}", pull.name, stored.digest);
    Ok(stored)
}

/// Its layers' folders, each once.
pub(crate) fn into_image(store: &Store, stored: StoredImage) -> Result<Image, Cause> {
    if stored.config.diff_ids.is_empty() {
        return Err(Cause::NoLayers);
    }
    // overlayfs refuses to stack a folder on itself. Of two equal layers the upper one shadows all of the lower.
    let mut seen = HashSet::new();
    let mut layers: Vec<PathBuf> = stored
        .config
        .diff_ids
        .iter()
        .rev()
        .filter(|diff_id| seen.insert(*diff_id))
        .map(|diff_id| store.layer_path(diff_id))
        .collect();
    layers.reverse();
    Ok(Image { digest: stored.digest, config: stored.config.run, layers, fetched: stored.fetched })
}

/// One pull from a registry, or from its mirrors.
struct Pull<'a> {
    store: &'a Store,
    name: &'a Name,
    places: &'a Places<'a>,
    cancel: &'a Cancel,
    platform: &'a Platform,
}

impl Pull<'_> {
    /// Takes what the registry has, whatever the store has under that name.
    fn fetch(&self) -> Result<StoredImage, Cause> {
        self.store.make_slack()?;
        let top = self.document(&self.name.version(), None)?;
        let resolved = top.digest.clone();
        let (digest, manifest) = self.choose(top)?;
        let config = self.config(&manifest.config)?;
        self.check_platform(&config.platform)?;
        if manifest.layers.len() != config.diff_ids.len() {
            let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
            return Err(Cause::LayerCount { layers, diff_ids });
        }
        let fetch = Fetch { store: self.store, places: self.places, cancel: self.cancel };
        let fetched = fetch.layers(self.name, &manifest, &config)?;
        self.store.make_slack()?;
        self.store.put_record(&Record {
            reference: self.name.to_string(),
            platform: self.platform.to_string(),
            resolved,
            manifest: digest.clone(),
        })?;
        Ok(StoredImage { digest, config, fetched })
    }

    /// Some registries know no HEAD or do not give the digest; then the document itself has to be fetched.
    fn is_current(&self, resolved: &Digest) -> Result<bool, RegistryError> {
        match self.places.resolve(&self.name.version()) {
            Ok(now) => Ok(now.as_ref() == Some(resolved)),
            Err(RegistryError::Status { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A document from the store or else from the registry. `said` is the descriptor that led to it.
    fn document(&self, version: &str, said: Option<&Descriptor>) -> Result<Document, Cause> {
        let stored = Digest::parse(version).ok().and_then(|digest| {
            Some(Document { bytes: self.store.blob(&digest)?, digest, media_type: String::new() })
        });
        let mut document = match stored {
            Some(document) => document,
            None => self.places.document(version)?,
        };
        if let Some(said) = said {
            // Bound to what led to it, whatever the registry says now (CVE-2021-41190).
            document.media_type.clone_from(&said.media_type);
        }
        Ok(document)
    }

    /// Goes from an index to the manifest that suits the machine best.
    fn choose(&self, mut document: Document) -> Result<(Digest, ImageManifest), Cause> {
        for _ in 0..=MAX_NESTING {
            let manifest = Manifest::parse(&document.bytes, &document.media_type)?;
            self.store.put_blob(&document.digest, &document.bytes)?;
            match manifest {
                Manifest::Image(image) => return Ok((document.digest, image)),
                Manifest::Index(entries) => {
                    let best = best_entry(&entries, self.platform)?;
                    document = self.document(&best.digest.to_string(), Some(best))?;
                }
            }
        }
        Err(Cause::Nesting)
    }

    fn config(&self, descriptor: &Descriptor) -> Result<Config, Cause> {
        if descriptor.size > MAX_CONFIG {
            return Err(ConfigError::Size(descriptor.size).into());
        }
        self.store.pin([&descriptor.digest]);
        if let Some(bytes) = self.store.blob(&descriptor.digest) {
            return Ok(Config::parse(&bytes)?);
        }
        let mut found = self.fetch_config(descriptor)?;
        if !descriptor.digest.matches(&found) {
            log::warn!("The configuration {} came corrupted; fetching it again", descriptor.digest);
            self.places.distrust_mirrors();
            found = self.fetch_config(descriptor)?;
        }
        if !descriptor.digest.matches(&found) {
            let expected = descriptor.digest.clone();
            let found = Digest::of(expected.algorithm(), &found);
            return Err(Cause::Digest { what: "configuration", expected, found });
        }
        let config = Config::parse(&found)?;
        self.store.put_blob(&descriptor.digest, &found)?;
        Ok(config)
    }

    fn fetch_config(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Cause> {
        let received = AtomicU64::new(0);
        Ok(self.places.blob(&descriptor.digest, descriptor.size, &received).read_all()?)
    }

    /// An image that says nothing about its platform may be for any.
    ///
    /// Divergence: podman warns and runs an image for any platform. Here only one that the processor may be able to run is tried; with `--arch`, any.
    fn check_platform(&self, image: &Platform) -> Result<(), Cause> {
        if image.architecture.is_empty() || self.platform.rank(image).is_some() {
            return Ok(());
        }
        if self.platform.may_run(image) {
            log::warn!(
                "{} is for {image}, but this machine is {}; trying it all the same",
                self.name,
                self.platform
            );
            return Ok(());
        }
        Err(Cause::Platform { offered: image.to_string(), machine: self.platform.clone() })
    }
}

/// The entry for the platform; else an index in the index; else one that does not say for whom it is.
fn best_entry<'a>(entries: &'a [Descriptor], platform: &Platform) -> Result<&'a Descriptor, Cause> {
    let ranked = entries.iter().filter_map(|entry| Some((platform.rank(entry.platform.as_ref()?)?, entry)));
    let best = ranked.min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry);
    let silent = || entries.iter().filter(|entry| entry.platform.is_none());
    best.or_else(|| silent().find(|entry| entry.is_index())).or_else(|| silent().next()).ok_or_else(|| {
        let mut offered: Vec<String> =
            entries.iter().filter_map(|entry| Some(entry.platform.as_ref()?.to_string())).collect();
        // What build tools attach to images.
        offered.retain(|platform| platform != "unknown/unknown");
        offered.dedup();
        offered.truncate(20);
        let offered = if offered.is_empty() { "no machine at all".into() } else { offered.join(", ") };
        Cause::Platform { offered, machine: platform.clone() }
    })
}
