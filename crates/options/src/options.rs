//! What the options are, once they are read.

use crate::groups::machine::{ModuleParam, ModuleSource};
use crate::groups::network::{Ca, Iface, Login, NtpPeer, Proxy, RegistryMirror};
use crate::groups::shutdown::ReportSink;
use crate::groups::storage::{Cache, Filesystem, ImageStores, Nbd, Swap};
use crate::groups::volumes::{S3Alias, Volume};
use crate::lines::{CommandList, ContainerLine};
use std::time::Duration;

/// Longer than the longest pause of a healthy machine, which is one that swaps, and short beside a job.
pub const DEFAULT_WATCHDOG: Duration = Duration::from_secs(60);

/// All options, typed. docs/options.md says what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `b2c.run`: the pipeline's steps.
    pub run: Vec<ContainerLine>,
    /// `b2c.run_post`: run after the pipeline, however it went.
    pub run_post: Vec<ContainerLine>,
    /// `b2c.run_service`: run beside the pipeline.
    pub run_service: Vec<ContainerLine>,
    /// `b2c.pipefail`: the first failing step ends the pipeline.
    pub pipefail: bool,
    /// `b2c.cache_device`.
    pub cache: Cache,
    /// `b2c.swap`.
    pub swap: Option<Swap>,
    /// `b2c.ntp_peer`.
    pub ntp_peer: NtpPeer,
    /// `b2c.iface`; if there is any, no interface is configured by itself.
    pub iface: Vec<Iface>,
    /// `ip=`, for the kernel to understand.
    pub ip: Option<String>,
    /// `b2c.hostname`; without it the network may name the machine, else it is called [`HOSTNAME`](crate::groups::machine::HOSTNAME).
    pub hostname: Option<String>,
    /// `b2c.extra_args_url`.
    pub extra_args_url: Option<String>,
    /// `b2c.minio`.
    pub minio: Vec<S3Alias>,
    /// `b2c.volume`.
    pub volume: Vec<Volume>,
    /// `b2c.filesystem`.
    pub filesystem: Vec<Filesystem>,
    /// `b2c.nbd`.
    pub nbd: Vec<Nbd>,
    /// `b2c.storage`.
    pub storage: Option<ImageStores>,
    /// `b2c.proxy`.
    pub proxy: Option<Proxy>,
    /// `b2c.ca`.
    pub ca: Vec<Ca>,
    /// `b2c.registry_mirror`.
    pub registry_mirror: Vec<RegistryMirror>,
    /// `b2c.login`.
    pub login: Vec<Login>,
    /// `b2c.insmods`: file names below /usr_mods.
    pub insmods: Vec<String>,
    /// `modules_load=`: module names.
    pub modules_load: Vec<String>,
    /// `b2c.modules`.
    pub modules: Vec<ModuleSource>,
    /// Every `module.param[=value]` word of others: the module with `-` folded to `_`, and `param=value` or `param`.
    pub module_params: Vec<ModuleParam>,
    /// `b2c.keymap`.
    pub keymap: Option<String>,
    /// `b2c.report`.
    pub report: Vec<ReportSink>,
    /// `b2c.watchdog`: how long the machine may hang before it is reset; `None` is for ever.
    pub watchdog: Option<Duration>,
    /// `b2c.timeout`: since the start of the kernel.
    pub timeout: Option<Duration>,
    /// `b2c.poweroff_delay`.
    pub poweroff_delay: Duration,
    /// `b2c.shutdown_cmd`.
    pub shutdown_cmd: CommandList,
    /// `b2c.reboot_cmd`.
    pub reboot_cmd: CommandList,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            run: Vec::new(),
            run_post: Vec::new(),
            run_service: Vec::new(),
            pipefail: false,
            cache: Cache::default(),
            swap: None,
            ntp_peer: NtpPeer::None,
            iface: Vec::new(),
            ip: None,
            hostname: None,
            extra_args_url: None,
            minio: Vec::new(),
            volume: Vec::new(),
            filesystem: Vec::new(),
            nbd: Vec::new(),
            storage: None,
            proxy: None,
            ca: Vec::new(),
            registry_mirror: Vec::new(),
            login: Vec::new(),
            insmods: Vec::new(),
            modules_load: Vec::new(),
            modules: Vec::new(),
            module_params: Vec::new(),
            keymap: None,
            report: Vec::new(),
            watchdog: Some(DEFAULT_WATCHDOG),
            timeout: None,
            poweroff_delay: Duration::ZERO,
            shutdown_cmd: CommandList::command(&["poweroff", "-f"]),
            reboot_cmd: CommandList::command(&["reboot", "-f"]),
        }
    }
}
