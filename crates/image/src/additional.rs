//! Image stores that are only read: folders that podman wrote (containers-storage.conf(5), `additionalimagestores`), such as a share that a whole farm mounts.
//!
//! ```text
//! overlay-images/images.json     the images: ID, names, top layer
//! overlay-images/<ID>/=<base64>  a document of the image, under its name in base64; that of the configuration is `sha256:<ID>`
//! overlay-layers/layers.json     the layers: ID, parent
//! overlay/<ID>/diff              one unpacked layer, with its white-outs as overlayfs wants them
//! ```
//!
//! An image's ID is the digest of its configuration, which is checked. Layers are taken as they are: whoever may write to the store decides what is in them.

use crate::config::{Config, ConfigError, MAX_CONFIG};
use crate::digest::{Algorithm, Digest, is_lower_hex};
use crate::pull::{Cause, Fetched, Image, Policy, PullError, PullOptions, pull};
use crate::reference::{Name, Reference};
use crate::store::Store;
use base64::Engine as _;
use net::http::Client;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest list, in bytes: some ten thousand images.
const MAX_LIST: u64 = 32 << 20;
/// overlayfs stacks no more (OVL_MAX_STACK).
const MAX_LAYERS: usize = 500;
/// podman shows the first twelve digits of an ID. Fewer could be somebody's name for an image.
const SHORT_ID: usize = 12;
/// What is in a store has to be in it itself.
const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// A store in a folder. Read anew for each image, for its owner may add some at any time.
#[derive(Debug)]
pub struct AdditionalStore {
    path: PathBuf,
    folder: OwnedFd,
}

/// A store, or an image in it, cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the image store {}: {problem}", path.display())]
pub struct AdditionalError {
    path: PathBuf,
    problem: Problem,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system says no.
    #[error("cannot read {file}: {source}{}", hint(source))]
    Read {
        /// Below the store's folder.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A list is no JSON, or not of this kind.
    #[error("{file} cannot be understood: {reason}")]
    Syntax {
        /// Below the store's folder.
        file: &'static str,
        /// Why.
        reason: String,
    },
    /// A file is too large to be what it should be.
    #[error("{file} has more than the {limit} bytes that are allowed")]
    TooLarge {
        /// Below the store's folder.
        file: String,
        /// In bytes.
        limit: u64,
    },
    /// The list of layers does not hold one, or they go round in circles.
    #[error("image {image} has layers that are not in the list of layers")]
    Layers {
        /// Its ID.
        image: String,
    },
    /// More than one image has an ID that begins so.
    #[error("more than one image has an ID that begins with {0}; write more digits")]
    Ambiguous(String),
    /// The configuration is not what the ID says.
    #[error("the configuration of image {image} is damaged")]
    Damaged {
        /// Its ID.
        image: String,
    },
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Makes sure that an image can be run: from `store`, one of the `additional` ones, or a registry.
///
/// An image that is named by its ID is looked for in all stores, and never pulled. One that is named by its name is what podman makes of it: the additional stores count as this
/// machine's own, so with [`Policy::Missing`] and [`Policy::Never`] they are as good as a pull, and with [`Policy::Always`] the registry is asked; they will do if it gives no answer.
///
/// # Errors
/// As of [`pull()`]; a store that cannot be read is a warning.
pub fn find_or_pull(
    store: &Store,
    additional: &[AdditionalStore],
    client: &Client,
    reference: &Reference,
    options: &PullOptions,
) -> Result<Image, PullError> {
    let find = || additional.iter().find_map(|store| find_in(store, reference));
    if is_id(reference) {
        return find().map_or_else(|| pull(store, client, reference, options), Ok);
    }
    match options.policy {
        Policy::Always | Policy::Newer => pull(store, client, reference, options).or_else(|error| {
            let will_do = match &error.cause {
                Cause::Registry(cause) => options.policy == Policy::Newer || cause.is_silence(),
                _ => false,
            };
            will_do.then(find).flatten().ok_or(error)
        }),
        Policy::Missing | Policy::Never => {
            let here = PullOptions { policy: Policy::Never, ..options.clone() };
            match pull(store, client, reference, &here) {
                Err(PullError { cause: Cause::NotStored(_), .. }) => {
                    find().map_or_else(|| pull(store, client, reference, options), Ok)
                }
                result => result,
            }
        }
    }
}

fn find_in(store: &AdditionalStore, reference: &Reference) -> Option<Image> {
    match store.find(reference) {
        Ok(Some(image)) => {
            log::info!("{reference} is taken from the image store {}", store.path.display());
            Some(image)
        }
        Ok(None) => None,
        Err(error) => {
            log::warn!("{error}");
            None
        }
    }
}

impl AdditionalStore {
    /// Takes the folder `path` for a store.
    ///
    /// # Errors
    /// When there is no list of images in it.
    pub fn open(path: &Path) -> Result<AdditionalStore, AdditionalError> {
        let failed = |problem| AdditionalError { path: path.to_owned(), problem };
        let folder =
            rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| failed(Problem::Read { file: ".".to_owned(), source: errno.into() }))?;
        let store = AdditionalStore { path: path.to_owned(), folder };
        store.index().map_err(failed)?;
        Ok(store)
    }

    /// The image, if the store has it.
    ///
    /// # Errors
    /// When the store cannot be read, or the image in it is damaged.
    pub fn find(&self, reference: &Reference) -> Result<Option<Image>, AdditionalError> {
        let found = self.index().and_then(|index| match index.find(reference)? {
            Some(found) => self.image(&found).map(Some),
            None => Ok(None),
        });
        found.map_err(|problem| AdditionalError { path: self.path.clone(), problem })
    }

    fn index(&self) -> Result<Index, Problem> {
        Index::parse(&self.read(IMAGES, MAX_LIST)?, &self.read(LAYERS, MAX_LIST)?)
    }

    fn image(&self, found: &Found) -> Result<Image, Problem> {
        let name = base64::prelude::BASE64_STANDARD.encode(found.id.to_string());
        let bytes = self.read(&format!("overlay-images/{}/={name}", found.id.hex()), MAX_CONFIG)?;
        if !found.id.matches(&bytes) {
            return Err(Problem::Damaged { image: found.id.hex().to_owned() });
        }
        let config = Config::parse(&bytes)?;
        let layers = found.layers.iter().map(|id| self.layer(id)).collect::<Result<_, _>>()?;
        Ok(Image { digest: found.digest.clone(), config: config.run, layers, fetched: Fetched::default() })
    }

    /// The folder of a layer, which has to be one.
    fn layer(&self, id: &str) -> Result<PathBuf, Problem> {
        let file = format!("overlay/{id}/diff");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat2(&self.folder, file.as_str(), flags, Mode::empty(), INSIDE) {
            Ok(_) => Ok(self.path.join(file)),
            Err(errno) => Err(Problem::Read { file, source: errno.into() }),
        }
    }

    fn read(&self, file: &str, limit: u64) -> Result<Vec<u8>, Problem> {
        let failed = |source: io::Error| Problem::Read { file: file.to_owned(), source };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened =
            openat2(&self.folder, file, flags, Mode::empty(), INSIDE).map_err(|e| failed(e.into()))?;
        let mut bytes = Vec::new();
        File::from(opened).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(Problem::TooLarge { file: file.to_owned(), limit });
        }
        Ok(bytes)
    }
}

const IMAGES: &str = "overlay-images/images.json";
const LAYERS: &str = "overlay-layers/layers.json";

/// What the lists of a store say.
#[derive(Debug)]
pub struct Index {
    images: Vec<ImageEntry>,
    /// Each layer's parent.
    parents: HashMap<String, Option<String>>,
}

/// An image in the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Digest of its configuration.
    pub id: Digest,
    /// Digest of its manifest.
    pub digest: Digest,
    /// IDs of its layers, lowest first.
    pub layers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ImageEntry {
    id: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    layer: Option<String>,
}

#[derive(Deserialize)]
struct LayerEntry {
    id: String,
    #[serde(default)]
    parent: Option<String>,
}

impl Index {
    /// Reads both lists. Entries without a proper ID are left out.
    ///
    /// # Errors
    /// When they are no such lists.
    pub fn parse(images: &[u8], layers: &[u8]) -> Result<Index, Problem> {
        let mut images: Vec<ImageEntry> = list(images, IMAGES)?;
        images.retain(|image| is_long_id(&image.id));
        let layers: Vec<LayerEntry> = list(layers, LAYERS)?;
        let parents = layers.into_iter().filter(|layer| is_long_id(&layer.id));
        Ok(Index { images, parents: parents.map(|layer| (layer.id, layer.parent)).collect() })
    }

    /// The image that is meant, if it is there.
    ///
    /// # Errors
    /// When more than one could be meant, or its layers are not all there.
    pub fn find(&self, reference: &Reference) -> Result<Option<Found>, Problem> {
        let image = match reference {
            Reference::Id(id) => self.images.iter().find(|image| image.id == id.hex()),
            Reference::Name(name) => match self.images.iter().find(|image| image.is_named(name)) {
                None => short_id(name).map_or(Ok(None), |start| self.by_short_id(start))?,
                found => found,
            },
        };
        image.map(|image| self.found(image)).transpose()
    }

    fn by_short_id(&self, start: &str) -> Result<Option<&ImageEntry>, Problem> {
        let mut fitting = self.images.iter().filter(|image| image.id.starts_with(start));
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => Err(Problem::Ambiguous(start.to_owned())),
            (found, _) => Ok(found),
        }
    }

    fn found(&self, image: &ImageEntry) -> Result<Found, Problem> {
        let no_layers = || Problem::Layers { image: image.id.clone() };
        let id =
            Digest::parse(&format!("{}:{}", Algorithm::Sha256.name(), image.id)).map_err(|_| no_layers())?;
        let digest = image.digest.as_deref().and_then(|digest| Digest::parse(digest).ok());
        let mut layers = Vec::new();
        let mut next = image.layer.as_deref().filter(|layer| !layer.is_empty());
        while let Some(layer) = next {
            let (layer, parent) = self.parents.get_key_value(layer).ok_or_else(no_layers)?;
            if layers.len() == MAX_LAYERS {
                return Err(no_layers());
            }
            layers.push(layer.clone());
            next = parent.as_deref().filter(|parent| !parent.is_empty());
        }
        layers.reverse();
        Ok(Found { digest: digest.unwrap_or_else(|| id.clone()), id, layers })
    }
}

impl ImageEntry {
    /// Names are stored in the canonical form, without digests.
    fn is_named(&self, name: &Name) -> bool {
        match name.digest() {
            Some(digest) => self.digest.as_ref().is_some_and(|own| *own == digest.to_string()),
            None => self.names.iter().flatten().any(|own| *own == name.to_string()),
        }
    }
}

/// Whether an image is meant by its ID, whole or in part.
fn is_id(reference: &Reference) -> bool {
    match reference {
        Reference::Id(_) => true,
        Reference::Name(name) => short_id(name).is_some(),
    }
}

/// What the user wrote, if it can be the beginning of an ID: then the grammar of names made a repository of Docker Hub of it.
fn short_id(name: &Name) -> Option<&str> {
    let text = name.repository().strip_prefix("library/").filter(|_| name.host() == "docker.io")?;
    let bare = name.digest().is_none() && name.version() == "latest";
    (bare && (SHORT_ID..64).contains(&text.len()) && is_lower_hex(text)).then_some(text)
}

fn is_long_id(text: &str) -> bool {
    text.len() == 64 && is_lower_hex(text)
}

fn list<'a, T: Deserialize<'a>>(bytes: &'a [u8], file: &'static str) -> Result<Vec<T>, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::Syntax { file, reason: error.to_string() })
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "; is this the folder that podman has as its --root, with the overlay driver?"
        }
        io::ErrorKind::PermissionDenied => {
            "; export the share so that root may read all of it (no_root_squash)"
        }
        _ => "",
    }
}
