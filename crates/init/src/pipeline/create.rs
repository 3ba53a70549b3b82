//! A container line → a container that is ready to start: image pulled, root file system mounted, volumes there, every decision taken.

use super::World;
use super::ground::Ground;
use super::lines::Request;
use super::state::State;
use crate::report::Record;
use container::flags::{PullPolicy, RunRequest};
use container::{Host, Spec};
use image::{Credentials, Image, Keyring, Platform, Policy, PullOptions};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where archives of the initrd bring names and passwords for registries (containers-auth.json(5)).
pub const AUTH_FILES: [&str; 3] =
    ["/etc/containers/auth.json", "/root/.config/containers/auth.json", "/root/.docker/config.json"];

/// The first container waits for drivers no longer than that.
const DRIVERS_PATIENCE: Duration = Duration::from_secs(30);

/// A container, and what it stands on.
pub struct Created {
    /// What to start.
    pub spec: Spec,
    /// Goes when the container has ended.
    pub ground: Ground,
}

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The image could not be had.
    #[error(transparent)]
    Pull(#[from] image::PullError),
    /// Its layers could not be stacked.
    #[error(transparent)]
    RootFs(#[from] image::overlay::OverlayError),
    /// A volume could not be made or filled.
    #[error(transparent)]
    Volume(#[from] volume::Error),
    /// What is asked for does not fit the image (no such user, nothing to run).
    #[error(transparent)]
    Build(#[from] container::BuildError),
    /// The container's own folder could not be made.
    #[error("could not make the container's folder: {0}")]
    Folder(#[from] io::Error),
}

/// Pulls, mounts and decides.
pub fn create(
    request: &Request,
    world: &World<'_>,
    state: &State,
    record: &Record,
) -> Result<Created, CreateError> {
    record.named(&request.image);
    let options = pull_options(&request.run, world);
    let image =
        image::find_or_pull(&world.store, &world.image_stores, &world.client, &request.image, &options)?;
    record.pulled(&image);
    let id = new_id();
    let mut ground = Ground::new(world.containers.join(&id))?;
    world.drivers.settle(DRIVERS_PATIENCE);
    let rootfs = ground.mount(&image.layers)?;
    let volumes = make_volumes(&request.run, &image, &ground, world)?;
    let host = Host {
        id: &id,
        rootfs: &rootfs,
        run_dir: &ground.run_dir(),
        hostname: &world.hostname,
        env: &state.variables(),
        environment: &environment(),
        volumes: &volumes,
        resolv_conf: Path::new("/etc/resolv.conf"),
        hosts: Path::new("/etc/hosts"),
        stand_ins: &world.stand_ins,
    };
    let spec = container::build(&request.run, &image.config, &host)?;
    Ok(Created { spec, ground })
}

/// What the kernel made of `NAME=VALUE` words of the command line. Words that are not text are nobody's variables.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn pull_options(run: &RunRequest, world: &World<'_>) -> PullOptions {
    let mut platform = Platform::host();
    platform.os = run.platform.os.clone().unwrap_or(platform.os);
    if let Some(architecture) = &run.platform.arch {
        platform.architecture.clone_from(architecture);
        // The variant is one of this machine's architecture.
        platform.variant.clear();
    }
    platform.variant = run.platform.variant.clone().unwrap_or(platform.variant);
    PullOptions {
        policy: match run.pull {
            PullPolicy::Always => Policy::Always,
            PullPolicy::Missing => Policy::Missing,
            PullPolicy::Newer => Policy::Newer,
            PullPolicy::Never => Policy::Never,
        },
        tls_verify: run.tls_verify,
        platform,
        credentials: run
            .credentials
            .as_ref()
            .map(|from| Credentials { user: from.user.clone(), password: from.password.clone() }),
        keyrings: keyrings(run, &world.logins),
        mirrors: world.mirrors.clone(),
    }
}

/// Where credentials are looked for: what is nearest to the container line comes first.
fn keyrings(run: &RunRequest, logins: &[Keyring]) -> Vec<Keyring> {
    let named = run.authfile.iter().cloned().map(Keyring::File);
    let brought = AUTH_FILES.map(PathBuf::from).map(Keyring::File);
    named.chain(logins.iter().cloned()).chain(brought).collect()
}

/// Makes the volumes that are not there yet: named ones by name, the container's own by destination.
fn make_volumes(
    run: &RunRequest,
    image: &Image,
    ground: &Ground,
    world: &World<'_>,
) -> Result<BTreeMap<String, PathBuf>, CreateError> {
    let mut volumes = BTreeMap::new();
    for name in run.named_volumes() {
        volumes.insert(name.to_owned(), world.volumes.folder(name)?);
    }
    for (number, destination) in run.anonymous_volumes(&image.config).into_iter().enumerate() {
        volumes.insert(destination.to_string_lossy().into_owned(), ground.anonymous_volume(number)?);
    }
    Ok(volumes)
}

/// 64 random bits, enough for the containers of one boot.
fn new_id() -> String {
    let mut bytes = [0_u8; 8];
    // getrandom(2) fills a request of this size whole once the kernel's pool is ready, and waits until it is.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    format!("{:016x}", u64::from_ne_bytes(bytes))
}
