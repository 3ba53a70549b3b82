//! What is mounted into the container.

use super::super::error::Why;
use super::super::request::{ImageVolumes, RunRequest};
use super::super::{limits, mount};
use super::{Flag, Value, set};

pub(super) static FLAGS: [Flag; 8] = [
    Flag::value("image-volume", Value::One("MODE"), image_volume, "What becomes of the volumes that the image declares: `anonymous` (the default; `bind` is the same) gives each a volume that lives as long as the container, `tmpfs` a tmpfs, `ignore` nothing."),
    Flag::value("mount", Value::Each("type=TYPE,…"), mount::mount, "`type=bind,src=/a,dst=/b`, `type=volume,src=NAME,dst=/b`, `type=tmpfs,dst=/b,tmpfs-size=1g,tmpfs-mode=0700`, `type=devpts,dst=/b`; with `ro`, `bind-propagation=…`, `bind-nonrecursive`, `nosuid`, `nodev`, `noexec`."),
    Flag::switch("read-only", |request, on| request.read_only = on, "Mounts the root file system read-only."),
    Flag::switch("read-only-tmpfs", |request, on| request.read_only_tmpfs = on, "With `--read-only`: a writable tmpfs on /run, /tmp and /var/tmp. On by default."),
    Flag::value("shm-size", Value::One("SIZE"), shm_size, "Size of /dev/shm, such as `1g`; 64m by default, 0 is no limit."),
    Flag::value("shm-size-systemd", Value::One("SIZE"), shm_size_systemd, "Size of /run and of /run/lock in systemd mode."),
    Flag::value("tmpfs", Value::Each("PATH[:OPTIONS]"), mount::tmpfs, "An empty file system in memory; `rw,nosuid,nodev,noexec` by default, with `size=64m`, `mode=1777` and tmpfs(5)'s other options. It starts empty: nothing is copied from the image."),
    Flag::value("volume", Value::Each("[SOURCE:]PATH[:OPTIONS]"), mount::volume, "Mounts a path of the machine (`/a:/b`), or a volume by name (`results:/b`), which is made on the fly and shared with later containers; `/b` alone gets a volume of its own. A new volume is filled with what the image has there. Options: `ro`, `rw`, `nosuid`, `nodev`, `noexec` and their opposites, `shared`, `slave`, `private`, `unbindable` and with `r` before them, `bind`, `rbind`, `copy`, `nocopy`; `U` gives what is mounted to the container's user; `z` and `Z` change nothing.").short('v'),
];

fn image_volume(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    let mode = match text {
        "bind" | "anonymous" => ImageVolumes::Anonymous,
        "tmpfs" => ImageVolumes::Tmpfs,
        "ignore" => ImageVolumes::Ignore,
        _ => return Err("write anonymous, bind, tmpfs or ignore".into()),
    };
    set(&mut request.image_volumes, mode)
}

fn shm_size(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.shm_size, limits::size(text)?)
}

fn shm_size_systemd(request: &mut RunRequest, text: &str) -> Result<(), Why> {
    set(&mut request.systemd_size, Some(limits::size(text)?))
}
