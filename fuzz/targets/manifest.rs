//! Manifests, indexes and image configurations, as a registry sends them. The first byte says with which media type.
#![no_main]

use image::{config::Config, manifest::Manifest};
use libfuzzer_sys::fuzz_target;

const MEDIA_TYPES: [&str; 6] = [
    "",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json; charset=utf-8",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "text/html",
];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, document)) = data.split_first() else { return };
    let media_type = MEDIA_TYPES[usize::from(choice) % MEDIA_TYPES.len()];
    if let Err(error) = Manifest::parse(document, media_type) {
        let _ = error.to_string();
    }
    if let Err(error) = Config::parse(document) {
        let _ = error.to_string();
    }
});
