//! Everything that is mounted in the container, in order.

use super::{BuildError, Host, machine_mounts, masks, names};
use crate::flags::{ImageVolumes, MountArg, MountKind, MountOptions, RunRequest};
use crate::spec::{Mount, MountSource};
use image::ImageConfig;
use rustix::mount::MountFlags;
use std::path::{Path, PathBuf};

/// What the mounts depend on.
pub(super) struct Facts<'a> {
    pub(super) hostname: &'a str,
    pub(super) systemd: bool,
    /// uid and gid of the container's process.
    pub(super) owner: (u32, u32),
}

/// Where systemd wants a tmpfs (systemd.io/CONTAINER_INTERFACE; podman-run(1), `--systemd`), and whether `--shm-size-systemd` is for it.
const SYSTEMD_TMPFS: [(&str, bool); 4] =
    [("/run", true), ("/run/lock", true), ("/tmp", false), ("/var/log/journal", false)];
/// Where a read-only container can write.
const READ_ONLY_TMPFS: [&str; 3] = ["/run", "/tmp", "/var/tmp"];

/// The user's mounts come first in right: whatever else would go to the same place is left out.
pub(super) fn mounts(
    request: &RunRequest,
    image: &ImageConfig,
    host: &Host<'_>,
    facts: &Facts<'_>,
) -> Result<Vec<Mount>, BuildError> {
    let mut all = Vec::new();
    for argument in &request.mounts {
        all.push(user_mount(argument, host, facts)?);
    }
    for destination in request.image_volume_destinations(image) {
        all.extend(image_volume(request.image_volumes, destination, host, facts)?);
    }
    for (destination, path) in names::files(request, host, facts.hostname)? {
        let read_only = if request.read_only { MountFlags::RDONLY } else { MountFlags::empty() };
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | read_only;
        add_default(&mut all, bind(&path, Path::new(destination), flags));
    }
    if facts.systemd {
        for (destination, sized) in SYSTEMD_TMPFS {
            let size = request.systemd_size.filter(|_| sized);
            add_default(
                &mut all,
                tmpfs(destination, &size.map(|bytes| format!("size={bytes}")).unwrap_or_default()),
            );
        }
    }
    if request.read_only && request.read_only_tmpfs {
        READ_ONLY_TMPFS.iter().for_each(|destination| add_default(&mut all, tmpfs(destination, "")));
    }
    renamed_devices(request).for_each(|mount| add_default(&mut all, mount));
    machine_mounts::all(request, facts).into_iter().for_each(|mount| add_default(&mut all, mount));
    masks::stand_ins(request, host).into_iter().for_each(|mount| add_default(&mut all, mount));
    // Parents before children, else the parent would hide them.
    all.sort_by_key(|mount| mount.destination.components().count());
    Ok(all)
}

/// Adds a mount unless there is one already at its place.
fn add_default(all: &mut Vec<Mount>, mount: Mount) {
    if !all.iter().any(|known| known.destination == mount.destination) {
        all.push(mount);
    }
}

fn user_mount(argument: &MountArg, host: &Host<'_>, facts: &Facts<'_>) -> Result<Mount, BuildError> {
    let MountArg { destination, kind, options } = argument;
    let source = match kind {
        MountKind::Bind(path) => {
            path.metadata().map_err(|error| BuildError::NoSource(path.clone(), error))?;
            MountSource::Bind { path: path.clone(), recursive: !options.non_recursive }
        }
        MountKind::Volume(name) => volume_source(name, destination, options, host)?,
        MountKind::Anonymous => volume_source(&destination.to_string_lossy(), destination, options, host)?,
        MountKind::Tmpfs => {
            MountSource::Filesystem { kind: "tmpfs".to_owned(), data: options.data.join(",") }
        }
        MountKind::Devpts => {
            let own =
                ["newinstance", "ptmxmode=0666"].into_iter().chain(options.data.iter().map(String::as_str));
            MountSource::Filesystem { kind: "devpts".to_owned(), data: own.collect::<Vec<_>>().join(",") }
        }
    };
    if options.give
        && let MountSource::Bind { path, .. } = &source
    {
        volume::give(path, facts.owner.0, facts.owner.1)?;
    }
    Ok(Mount {
        destination: destination.clone(),
        source,
        flags: options.flags,
        propagation: options.propagation,
    })
}

/// A volume's folder, filled from the image if nothing is in it yet.
fn volume_source(
    name: &str,
    destination: &Path,
    options: &MountOptions,
    host: &Host<'_>,
) -> Result<MountSource, BuildError> {
    let folder = host.volumes.get(name).ok_or_else(|| BuildError::NoVolume(name.to_owned()))?;
    if !options.no_copy {
        volume::copy_up(host.rootfs, destination, folder)?;
    }
    Ok(MountSource::Bind { path: folder.clone(), recursive: !options.non_recursive })
}

fn image_volume(
    mode: ImageVolumes,
    destination: PathBuf,
    host: &Host<'_>,
    facts: &Facts<'_>,
) -> Result<Option<Mount>, BuildError> {
    let kind = match mode {
        ImageVolumes::Ignore => return Ok(None),
        ImageVolumes::Tmpfs => return Ok(Some(tmpfs(destination, ""))),
        ImageVolumes::Anonymous => MountKind::Anonymous,
    };
    let argument = MountArg { destination, kind, options: MountOptions::default() };
    user_mount(&argument, host, facts).map(Some)
}

/// A privileged container has the machine's whole /dev; a `--device` with another name in the container is mounted on that.
fn renamed_devices(request: &RunRequest) -> impl Iterator<Item = Mount> + '_ {
    let renamed =
        request.devices.iter().filter(|device| request.privileged && device.source != device.destination);
    renamed.map(|device| bind(&device.source, &device.destination, MountFlags::NOSUID | MountFlags::NOEXEC))
}

pub(super) fn bind(path: &Path, destination: &Path, flags: MountFlags) -> Mount {
    let source = MountSource::Bind { path: path.to_owned(), recursive: false };
    Mount { destination: destination.to_owned(), source, flags: flags.bits().into(), propagation: 0 }
}

pub(super) fn filesystem(
    destination: impl Into<PathBuf>,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> Mount {
    let source = MountSource::Filesystem { kind: kind.to_owned(), data: data.to_owned() };
    Mount { destination: destination.into(), source, flags: flags.bits().into(), propagation: 0 }
}

/// A tmpfs that programs may be run from.
fn tmpfs(destination: impl Into<PathBuf>, data: &str) -> Mount {
    filesystem(destination, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, data)
}
