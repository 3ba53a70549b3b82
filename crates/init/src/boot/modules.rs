//! `b2c.modules`: kernel modules and firmware that come over the network, so that an initramfs stays small.
//!
//! They are fetched when there are a network, a clock and the cache, and before anything that may need a driver: volumes, services, steps.

use super::filesystems::Mounts;
use super::hardware::Drivers;
use super::registries;
use crate::console::{CONSOLE, Fold};
use crate::firmware;
use crate::modprobe::{self, FETCHED};
use crate::pipeline::AUTH_FILES;
use image::archive::{self, Archive};
use image::overlay::RootFs;
use image::{AdditionalStore, Digest, Image, Keyring, Platform, Policy, PullOptions, Reference, Store};
use net::http::{self, Client};
use options::{Fetched, ModuleSource, Options};
use rustix::mount::{MountFlags, mount, mount_bind};
use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is taken from an archive.
const WANTED: [&str; 4] = ["lib/modules", "lib/firmware", "usr/lib/modules", "usr/lib/firmware"];

/// Where things are fetched from and kept.
pub struct Sources<'a> {
    /// On the cache, if there is one.
    pub store: &'a Store,
    /// Of others.
    pub image_stores: &'a [AdditionalStore],
    /// The way to servers.
    pub client: &'a Client,
}

/// What was fetched, mounted; the cache cannot be unmounted before this is dropped.
#[derive(Default)]
pub struct Brought {
    // In the order in which they have to go.
    _shown: Mounts,
    _roots: Vec<RootFs>,
}

/// Fetches what the options name, shows it in /lib/modules and /lib/firmware beside what is there, and loads drivers once more.
///
/// A job that names drivers is about them, so it does not run without.
pub fn bring(options: &Options, sources: &Sources<'_>, drivers: &Drivers) -> Result<Brought, String> {
    if options.modules.is_empty() {
        return Ok(Brought::default());
    }
    CONSOLE.section("load_modules", "Fetching kernel modules and firmware", Fold::Collapsed);
    drivers.load_overlay();
    keep_own().map_err(|error| format!("b2c.modules: could not keep the initramfs' own modules: {error}"))?;
    let mut roots = Vec::new();
    for (number, source) in options.modules.iter().enumerate() {
        let named = |reason: String| format!("b2c.modules={}: {reason}", shown(source));
        let image = fetch(source, options, sources).map_err(named)?;
        let folder = Path::new(FETCHED).join(format!("{number:02}"));
        let root = RootFs::mount(&image.layers, &folder).map_err(|error| named(error.to_string()))?;
        check(root.path()).map_err(named)?;
        roots.push(root);
    }
    let mut shown = Mounts::default();
    for kind in ["modules", "firmware"] {
        show(kind, &mut shown)
            .map_err(|error| format!("b2c.modules: could not show /lib/{kind}: {error}"))?;
    }
    firmware::look_into_lib_alone()
        .map_err(|error| format!("b2c.modules: no firmware can be loaded: {error}"))?;
    drivers.load_more(options).map_err(|error| format!("b2c.modules: {error}"))?;
    Ok(Brought { _shown: shown, _roots: roots })
}

fn shown(source: &ModuleSource) -> String {
    match &source.what {
        Fetched::Archive { url, .. } => http::shown(url),
        Fetched::Image(name) => name.clone(),
    }
}

fn fetch(source: &ModuleSource, options: &Options, sources: &Sources<'_>) -> Result<Image, String> {
    match &source.what {
        Fetched::Archive { url, sha256 } => {
            let digest = sha256.as_ref().map(|digits| Digest::parse(&format!("sha256:{digits}"))).transpose();
            let digest = digest.map_err(|error| error.to_string())?;
            let archive =
                Archive { url, digest: digest.as_ref(), tls_verify: source.tls_verify, wanted: &WANTED };
            archive::fetch(sources.store, sources.client, &archive).map_err(|error| error.to_string())
        }
        Fetched::Image(name) => {
            let brought = AUTH_FILES.map(PathBuf::from).map(Keyring::File);
            let reference = Reference::parse(name).map_err(|error| error.to_string())?;
            let how = PullOptions {
                policy: Policy::Always,
                tls_verify: source.tls_verify,
                platform: Platform::host(),
                credentials: None,
                keyrings: registries::logins(options).into_iter().chain(brought).collect(),
                mirrors: registries::mirrors(options),
            };
            image::find_or_pull(sources.store, sources.image_stores, sources.client, &reference, &how)
                .map_err(|error| error.to_string())
        }
    }
}

/// A source that brings nothing for this kernel is the wrong one.
fn check(root: &Path) -> Result<(), String> {
    let release = modprobe::release();
    let has_modules = modprobe::folders(root, "modules").iter().any(|folder| folder.join(&release).is_dir());
    if has_modules || !modprobe::folders(root, "firmware").is_empty() {
        return Ok(());
    }
    Err(format!("it has neither lib/modules/{release}, for this kernel, nor lib/firmware"))
}

/// The initramfs' own folders, under another name: what is mounted over them hides their indexes.
fn keep_own() -> io::Result<()> {
    let own = modprobe::own_root();
    let mut kept = None;
    for library in modprobe::LIBRARIES {
        let source = Path::new("/").join(library);
        let Ok(metadata) = source.metadata() else { continue };
        let identity = (metadata.dev(), metadata.ino());
        // Often one is a link to the other.
        if kept.replace(identity) != Some(identity) {
            let target = own.join(library);
            std::fs::create_dir_all(&target)?;
            mount_bind(&source, &target)?;
        }
    }
    Ok(())
}

/// Mounts all folders of that kind in one, those that were fetched first.
fn show(kind: &str, mounts: &mut Mounts) -> io::Result<()> {
    let folders = modprobe::all_folders(kind);
    let target = Path::new("/lib").join(kind);
    std::fs::create_dir_all(&target)?;
    match folders.as_slice() {
        [] => return Ok(()),
        [only] => mount_bind(only, &target)?,
        several => {
            let names: Vec<_> = several.iter().map(|folder| folder.to_string_lossy()).collect();
            let options = CString::new(format!("lowerdir={}", names.join(":")))?;
            mount("overlay", &target, "overlay", MountFlags::RDONLY, options.as_c_str())?;
        }
    }
    mounts.keep(target);
    Ok(())
}
