//! The lists of a podman store, and a name that is looked up in them: three texts, separated by NUL.
#![no_main]

use image::additional::Index;
use image::reference::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0);
    let (Some(name), Some(images), Some(layers)) = (parts.next(), parts.next(), parts.next()) else { return };
    let Ok(index) = Index::parse(images, layers) else { return };
    let Some(reference) = std::str::from_utf8(name).ok().and_then(|name| Reference::parse(name).ok()) else { return };
    if let Ok(Some(found)) = index.find(&reference) {
        assert!(found.layers.len() <= 500);
        // They become parts of paths.
        assert!(found.layers.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())));
    }
});
