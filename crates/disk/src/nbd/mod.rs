//! Network block devices: an export of an NBD server as `/dev/nbdN`.
//!
//! The connections are made and negotiated here; then they are the kernel's. A thread gives the kernel new ones when they break, for as
//! long as the device is attached: servers are restarted, cables are pulled.

mod connection;
pub mod negotiate;
mod netlink;
mod watch;

pub use negotiate::{Export, NegotiationError};

use netlink::{Device, Netlink};
use rustix::fd::AsFd;
use rustix::io::Errno;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use watch::Watch;

/// After so long without an answer to a request a connection is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// So long reads and writes wait for a server that went away, before they fail.
const DEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// So long a server may take until it is there for the first time.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// The smallest block that Linux knows, in bytes.
const SECTOR: u32 = 512;

/// What to attach, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `N` of `/dev/nbdN`.
    pub index: u32,
    /// Name or address of the server.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// How many connections, at least 1; one where the server does not allow more.
    pub connections: u8,
}

/// A device cannot be attached.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be attached to the NBD server {host} port {port}: {cause}", path(*index).display())]
pub struct Error {
    index: u32,
    host: String,
    port: u16,
    /// Why.
    pub cause: Cause,
}

/// Why a device cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The name has no address.
    #[error("its name cannot be resolved: {0}")]
    Resolve(io::Error),
    /// No connection.
    #[error("it cannot be reached: {0}")]
    Connect(io::Error),
    /// The server does not give the export.
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
    /// A connection that is to be one of several leads to something else.
    #[error("its export changed from {before} to {now} bytes")]
    Changed {
        /// When it was attached.
        before: u64,
        /// Now.
        now: u64,
    },
    /// More than a page, which Linux cannot do.
    #[error("its smallest block has {0} bytes, more than this kernel can do")]
    BlockSize(u32),
    /// The kernel has no NBD.
    #[error("the kernel has no network block devices; its module is called `nbd`")]
    NoModule,
    /// The device is one of another export.
    #[error("the device is in use; choose another number")]
    Busy,
    /// The kernel says no.
    #[error("the kernel refuses: {0}")]
    Kernel(Errno),
}

/// A device that is attached. Dropping it leaves it so, but unwatched.
#[derive(Debug)]
pub struct Attached {
    netlink: Netlink,
    config: Config,
    export: Export,
    watch: Watch,
}

/// Attaches the default export of a server, for whom some time is given to be there. The module `nbd` has to be loaded.
///
/// # Errors
/// When the server cannot be reached or refuses, or the kernel does.
pub fn attach(config: &Config) -> Result<Attached, Error> {
    let failed = |cause| Error { index: config.index, host: config.host.clone(), port: config.port, cause };
    attach_now(config).map_err(failed)
}

fn attach_now(config: &Config) -> Result<Attached, Cause> {
    let netlink = Netlink::open().map_err(|errno| match errno {
        Errno::NOENT | Errno::PROTONOSUPPORT => Cause::NoModule,
        errno => Cause::Kernel(errno),
    })?;
    let (first, export) = open_first(config)?;
    let block_size = export.block_size.unwrap_or(SECTOR).max(SECTOR);
    if block_size as usize > rustix::param::page_size() {
        return Err(Cause::BlockSize(block_size));
    }
    let mut connections = vec![first];
    for _ in 1..wanted(config, &export) {
        connections.push(connection::open_again(config, &export)?);
    }
    // Before the kernel has the connections, so that none dies unseen.
    let notices = netlink.notices().map_err(Cause::Kernel)?;
    let device = Device {
        index: config.index,
        size: export.size,
        block_size,
        flags: export.flags,
        request_timeout: REQUEST_TIMEOUT,
        dead_timeout: DEAD_TIMEOUT,
    };
    let sockets: Vec<_> = connections.iter().map(AsFd::as_fd).collect();
    netlink.connect(&device, &sockets).map_err(|errno| match errno {
        Errno::BUSY => Cause::Busy,
        errno => Cause::Kernel(errno),
    })?;
    let watch = Watch::start(notices, config, &export);
    Ok(Attached { netlink, config: config.clone(), export, watch })
}

/// The first connection, for which the server is given some time. What it says itself is final.
fn open_first(config: &Config) -> Result<(std::net::TcpStream, Export), Cause> {
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        match connection::open(config) {
            Err(Cause::Connect(_) | Cause::Resolve(_)) if Instant::now() + PAUSE < deadline => {
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

/// Several connections to a server that does not keep them consistent would corrupt what is written.
fn wanted(config: &Config, export: &Export) -> u8 {
    if config.connections > 1 && export.flags & negotiate::CAN_MULTI_CONN == 0 {
        log::warn!(
            "The NBD server {} port {} does not allow several connections to one export; one is used",
            config.host,
            config.port
        );
        return 1;
    }
    config.connections
}

impl Attached {
    /// The device's path.
    pub fn path(&self) -> PathBuf {
        path(self.config.index)
    }

    /// What the server exports.
    pub fn export(&self) -> Export {
        self.export
    }

    /// Whether it can only be read.
    pub fn is_read_only(&self) -> bool {
        self.export.flags & negotiate::READ_ONLY != 0
    }

    /// Ends the connections. Nothing may use the device any more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(self) -> Result<(), Errno> {
        self.watch.stop();
        self.netlink.disconnect(self.config.index)
    }
}

fn path(index: u32) -> PathBuf {
    PathBuf::from(format!("/dev/nbd{index}"))
}
