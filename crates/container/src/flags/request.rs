//! What a container line asks for.

use super::{CapabilityChange, EnvArg, HostAddress, Limits, MountArg, MountKind, Resolver, SecurityOptions};
use crate::spec::{Device, Namespaces, Rlimit};
use image::ImageConfig;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A container line, parsed. Defaults are podman's, under boot2container's own: remove after exit, `--privileged`, `--pull=always`,
/// `--network=host`.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The image, as written.
    pub image: String,
    /// The words after the image; empty takes the image's own.
    pub command: Vec<String>,
    /// `--pull`.
    pub pull: PullPolicy,
    /// `--tls-verify`; `false` also allows plain http.
    pub tls_verify: bool,
    /// `--creds`.
    pub credentials: Option<Credentials>,
    /// `--authfile`.
    pub authfile: Option<PathBuf>,
    /// `--platform`, `--os`, `--arch`, `--variant`.
    pub platform: Platform,
    /// `--name`.
    pub name: Option<String>,

    /// `--entrypoint`; empty clears the image's own.
    pub entrypoint: Option<Vec<String>>,
    /// `--workdir`.
    pub workdir: Option<PathBuf>,
    /// `--user`: `USER[:GROUP]`, names or numbers.
    pub user: Option<String>,
    /// `--group-add`: names or numbers.
    pub groups: Vec<String>,
    /// `--env`, in order.
    pub env: Vec<EnvArg>,
    /// `--env-file`, in order.
    pub env_files: Vec<PathBuf>,
    /// `--env-host`.
    pub env_host: bool,
    /// `--unsetenv`.
    pub unset_env: Vec<String>,
    /// `--unsetenv-all`.
    pub unset_env_all: bool,
    /// `--tty`.
    pub terminal: bool,
    /// `--interactive`.
    pub stdin: bool,
    /// `--init`.
    pub init: bool,
    /// `--systemd`.
    pub systemd: Systemd,
    /// `--umask`.
    pub umask: u32,
    /// `--stop-signal`.
    pub stop_signal: Option<i32>,
    /// `--stop-timeout`, seconds.
    pub stop_timeout: u32,
    /// `--ulimit`; one for each resource.
    pub rlimits: Vec<Rlimit>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<i32>,

    /// `--privileged`.
    pub privileged: bool,
    /// `--cap-add`, `--cap-drop`.
    pub capabilities: CapabilityChange,
    /// `--security-opt`.
    pub security: SecurityOptions,
    /// `--device`.
    pub devices: Vec<Device>,
    /// `--network`, `--pid`, `--ipc`, `--uts`, `--cgroupns`.
    pub namespaces: Namespaces,
    /// `false` with `--ipc=none`: there is no /dev/shm.
    pub shm: bool,
    /// `--sysctl`.
    pub sysctl: Vec<(String, String)>,
    /// `--memory`, `--cpus`, `--pids-limit` and their like.
    pub limits: Limits,

    /// `--hostname`.
    pub hostname: Option<String>,
    /// `--no-hostname`: the image's /etc/hostname stays.
    pub no_hostname: bool,
    /// `--dns`, `--dns-search`, `--dns-option`.
    pub resolver: Resolver,
    /// `--add-host`.
    pub hosts: Vec<HostAddress>,
    /// `--no-hosts`: the image's /etc/hosts stays.
    pub no_hosts: bool,

    /// `--volume`, `--mount` and `--tmpfs`, in order; no two have the same destination.
    pub mounts: Vec<MountArg>,
    /// `--image-volume`.
    pub image_volumes: ImageVolumes,
    /// `--read-only`.
    pub read_only: bool,
    /// `--read-only-tmpfs`.
    pub read_only_tmpfs: bool,
    /// `--shm-size`, bytes; 0 is no limit.
    pub shm_size: u64,
    /// `--shm-size-systemd`, bytes: of /run and /run/lock in systemd mode.
    pub systemd_size: Option<u64>,
}

/// Where the kernel's file systems are.
const KERNEL_PATHS: [&str; 3] = ["/dev", "/proc", "/sys"];
/// containers-common's default for /dev/shm.
const SHM_SIZE: u64 = 64 << 20;

impl Default for RunRequest {
    fn default() -> Self {
        Self {
            image: String::new(),
            command: Vec::new(),
            pull: PullPolicy::Always,
            tls_verify: true,
            credentials: None,
            authfile: None,
            platform: Platform::default(),
            name: None,
            entrypoint: None,
            workdir: None,
            user: None,
            groups: Vec::new(),
            env: Vec::new(),
            env_files: Vec::new(),
            env_host: false,
            unset_env: Vec::new(),
            unset_env_all: false,
            terminal: false,
            stdin: false,
            init: false,
            systemd: Systemd::Detect,
            umask: 0o022,
            stop_signal: None,
            stop_timeout: 10,
            rlimits: Vec::new(),
            oom_score_adj: None,
            privileged: true,
            capabilities: CapabilityChange::default(),
            security: SecurityOptions::default(),
            devices: Vec::new(),
            namespaces: Namespaces { pid: true, network: false, ipc: true, uts: true, cgroup: true },
            shm: true,
            sysctl: Vec::new(),
            limits: Limits::default(),
            hostname: None,
            no_hostname: false,
            resolver: Resolver::default(),
            hosts: Vec::new(),
            no_hosts: false,
            mounts: Vec::new(),
            image_volumes: ImageVolumes::Anonymous,
            read_only: false,
            read_only_tmpfs: true,
            shm_size: SHM_SIZE,
            systemd_size: None,
        }
    }
}

impl RunRequest {
    /// Names of the volumes that have to exist before the container is built.
    pub fn named_volumes(&self) -> BTreeSet<&str> {
        self.mounts
            .iter()
            .filter_map(|mount| match &mount.kind {
                MountKind::Volume(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Destinations that get a volume of the container's own: `-v /data`, and the image's volumes that the user did not mount over.
    pub fn anonymous_volumes(&self, image: &ImageConfig) -> BTreeSet<PathBuf> {
        let from_flags = self.mounts.iter().filter(|mount| mount.kind == MountKind::Anonymous);
        let mut destinations: BTreeSet<PathBuf> = from_flags.map(|mount| mount.destination.clone()).collect();
        if self.image_volumes == ImageVolumes::Anonymous {
            destinations.extend(self.image_volume_destinations(image));
        }
        destinations
    }

    /// The image's volumes that no flag mounts over. What the kernel provides is not the image's to replace: with a /proc of its own,
    /// it would catch what is written there (CVE-2019-16884).
    pub(crate) fn image_volume_destinations(&self, image: &ImageConfig) -> BTreeSet<PathBuf> {
        let paths = image.volumes.keys().map(|path| super::clean_path(&Path::new("/").join(path)));
        let free = |path: &PathBuf| !self.mounts.iter().any(|mount| mount.destination == *path);
        let kernels = |path: &Path| KERNEL_PATHS.iter().any(|kernel| path.starts_with(kernel));
        paths.filter(|path| path != Path::new("/") && !kernels(path) && free(path)).collect()
    }
}

/// When an image is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Ask the registry each time.
    Always,
    /// Only when the store does not have it.
    Missing,
    /// Only the store.
    Never,
    /// As `Always`, but the store will do when the registry does not answer.
    Newer,
}

/// `--creds=USER[:PASSWORD]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name at the registry.
    pub user: String,
    /// Its password or token.
    pub password: String,
}

/// Never shows the password: requests end up in logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Credentials({}:…)", self.user)
    }
}

/// Which image of an index to take (OCI image-spec, image-index.md, "platform"); `None` is this machine's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: Option<String>,
    /// In Go's names: `amd64`, `arm64`, `riscv64`.
    pub arch: Option<String>,
    /// `v7`, `v8`.
    pub variant: Option<String>,
}

/// Whether the container is prepared for systemd as its process 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Systemd {
    /// If the command is an init by its path.
    Detect,
    /// `--systemd=always`.
    Always,
    /// `--systemd=false`.
    Never,
}

/// What becomes of the volumes that the image declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageVolumes {
    /// Each gets a volume that lives as long as the container.
    Anonymous,
    /// Each gets a tmpfs.
    Tmpfs,
    /// They are part of the root file system.
    Ignore,
}
