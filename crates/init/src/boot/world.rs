//! What containers are made with: the image store, the way to registries, the volumes.

use super::authorities;
use super::cache::Cache;
use super::command_line::CommandLine;
use super::filesystems::{self, Mounts};
use super::hardware::Drivers;
use super::host_name;
use super::modules;
use super::registries;
use super::secrets;
use super::volumes::Volumes;
use crate::console::CONSOLE;
use crate::pipeline::World;
use crate::pipeline::hooks::Hooks;
use crate::time_limit::TIME_LIMIT;
use disk::cache::Condition;
use image::AdditionalStore;
use image::fitness::{Fitness, fitness};
use net::http::{self, Client};
use options::{CacheDevice, Options};
use std::path::{Path, PathBuf};

/// Where all that lasts is kept; in RAM if there is no cache drive.
pub const STORAGE: &str = "/storage";

/// Where things are kept that do not last.
const MEMORY: &str = "/run";

/// Where the image stores of others are mounted.
const IMAGE_STORES: &str = "/run/image-stores";

/// A folder for whoever needs one; users mount it by its older name, `-v /container/tmp:…`.
const TMP: &str = "/storage/tmp";

/// Why there is no world.
pub struct NoWorld {
    /// For `B2C_PIPELINE_FAILED_BY`.
    pub failed_by: &'static str,
    /// For the console.
    pub reason: String,
}

/// Opens the store, on the cache if there is one, and makes the volumes that the options name.
pub fn make<'a>(
    command_line: &'a CommandLine,
    cache: Option<&Cache>,
    drivers: &'a Drivers,
) -> Result<World<'a>, NoWorld> {
    let options = &command_line.options;
    let storage = Path::new(STORAGE);
    let set_up = |reason| NoWorld { failed_by: "Container set-up", reason };
    std::fs::create_dir_all(TMP)
        .map_err(|error| set_up(format!("could not make the folder {TMP}: {error}")))?;
    let stand_ins = secrets::hide(command_line)
        .map_err(|error| set_up(format!("could not hide the secrets that the kernel shows: {error}")))?;
    let places = Places::choose(&options.cache.device);
    let mut store = image::Store::open(&places.images).map_err(|error| set_up(error.to_string()))?;
    store.succeed_podman(storage);
    if let Some(cache) = cache {
        fit(&mut store, cache);
    }
    remove_leftovers(&places.containers);
    let client = http_client(options);
    let mut mounts = Mounts::default();
    let image_stores = image_stores(options, &mut mounts);
    let sources = modules::Sources { store: &store, image_stores: &image_stores, client: &client };
    let brought = modules::bring(options, &sources, drivers)
        .map_err(|reason| NoWorld { failed_by: "Module setup", reason })?;
    let volumes = Volumes::set_up(options, &storage.join("volumes"))
        .map_err(|reason| NoWorld { failed_by: "Volume setup", reason })?;
    let hooks = Hooks::new(&volumes, options, &client)
        .map_err(|reason| NoWorld { failed_by: "Volume setup", reason })?;
    Ok(World {
        store,
        image_stores,
        client,
        mirrors: registries::mirrors(options),
        logins: registries::logins(options),
        hooks,
        volumes,
        containers: places.containers,
        hostname: host_name::current(),
        stand_ins,
        drivers,
        _mounts: (brought, mounts),
    })
}

/// Where images and containers are kept: on the cache, as far as that can hold them.
struct Places {
    images: PathBuf,
    containers: PathBuf,
}

impl Places {
    /// Drives can hold all. What a `b2c.filesystem` can hold is tried; what it cannot is kept in memory, and only volumes are where the user wants them.
    fn choose(cache: &CacheDevice) -> Places {
        let fit = match cache {
            CacheDevice::Filesystem(_) => fitness(Path::new(STORAGE)),
            _ => Fitness { layers: true, containers: true },
        };
        let place = |fit: bool, what| {
            if !fit {
                CONSOLE
                    .line(&format!("WARNING: {STORAGE} cannot hold {what}, which is kept in memory instead"));
            }
            Path::new(if fit { STORAGE } else { MEMORY }).join("b2c")
        };
        Places {
            images: place(fit.layers, "images"),
            containers: place(fit.containers, "what containers write").join("containers"),
        }
    }
}

/// Keeps the store to the cache's budget, and removes from it what an accident has damaged.
fn fit(store: &mut image::Store, cache: &Cache) {
    if let Some(bytes) = cache.budget {
        store.limit(bytes);
    }
    if cache.condition == Condition::Repaired {
        CONSOLE.line("Checking the images on the cache, which had errors");
        if let Err(error) = store.verify() {
            // What could not be read is found out when it is used.
            log::warn!("{error}");
        }
    }
}

/// Removes what containers wrote that a power cut ended.
fn remove_leftovers(containers: &Path) {
    if let Err(error) = std::fs::remove_dir_all(containers)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        log::warn!("Could not remove what earlier containers left in {}: {error}", containers.display());
    }
}

/// Mounts the image stores of others, to be read only. Without one, a step that needs it fails and says so.
fn image_stores(options: &Options, mounts: &mut Mounts) -> Vec<AdditionalStore> {
    let names = options.storage.iter().flat_map(|stores| &stores.additional);
    let stores = names.filter_map(|name| {
        let path = Path::new(IMAGE_STORES).join(name);
        let mounted = std::fs::create_dir_all(&path)
            .map_err(|error| format!("could not make {}: {error}", path.display()));
        let mounted = mounted.and_then(|()| filesystems::mount_with(options, name, &path, &["ro"]));
        let opened = mounted.and_then(|()| {
            mounts.keep(path.clone());
            AdditionalStore::open(&path).map_err(|error| error.to_string())
        });
        opened
            .map_err(|reason| CONSOLE.error(&format!("b2c.storage: {reason}; going on without its images")))
            .ok()
    });
    stores.collect()
}

/// The HTTP client for everything that the machine itself fetches.
pub fn http_client(options: &Options) -> Client {
    let proxy = options.proxy.as_ref().map(|proxy| http::Proxy {
        https: proxy.https.clone(),
        http: proxy.http.clone(),
        no: proxy.no.clone(),
    });
    let (authorities, cancel) = (authorities::trusted(), TIME_LIMIT.transfers());
    Client::new(http::Config { proxy, authorities, cancel, ..http::Config::default() })
}
