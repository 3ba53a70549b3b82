//! What containers are made with: the image store, the way to registries, the volumes.

use super::hardware::Drivers;
use crate::pipeline::World;
use net::http::{self, Client};
use options::Options;
use std::path::Path;

/// Where all that lasts is kept; in RAM if there is no cache drive.
pub const STORAGE: &str = "/storage";

/// A folder for whoever needs one; users mount it by its older name, `-v /container/tmp:…`.
const TMP: &str = "/storage/tmp";

/// Why there is no world.
pub struct NoWorld {
    /// For `B2C_PIPELINE_FAILED_BY`.
    pub failed_by: &'static str,
    /// For the console.
    pub reason: String,
}

/// Opens the store and makes the volumes that the options name.
pub fn make<'a>(options: &Options, drivers: &'a Drivers) -> Result<World<'a>, NoWorld> {
    let storage = Path::new(STORAGE);
    let set_up = |reason| NoWorld { failed_by: "Container set-up", reason };
    let volume_setup = |reason| NoWorld { failed_by: "Volume setup", reason };
    std::fs::create_dir_all(TMP)
        .map_err(|error| set_up(format!("could not make the folder {TMP}: {error}")))?;
    let store = image::Store::open(&storage.join("b2c")).map_err(|error| set_up(error.to_string()))?;
    let volumes =
        volume::Volumes::open(&storage.join("volumes")).map_err(|error| volume_setup(error.to_string()))?;
    for volume in &options.volume {
        let made = volumes.ensure(&volume.name);
        made.map_err(|error| volume_setup(format!("b2c.volume={}: {error}", volume.name)))?;
    }
    Ok(World {
        store,
        client: http_client(options),
        volumes,
        containers: storage.join("b2c/containers"),
        hostname: options.hostname.clone(),
        drivers,
    })
}

/// The HTTP client for everything that the machine itself fetches.
pub fn http_client(options: &Options) -> Client {
    let proxy = options.proxy.as_ref().map(|proxy| http::Proxy {
        https: proxy.https.clone(),
        http: proxy.http.clone(),
        no: proxy.no.clone(),
    });
    Client::new(http::Config { proxy, ..http::Config::default() })
}
