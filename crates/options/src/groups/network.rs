//! The network, the clock, and what is fetched before anything runs.

mod ca;
mod iface;
mod login;
mod proxy;
mod registry_mirror;

pub use ca::{Ca, CaSource};
pub use iface::{Address, Iface, Link, Method, Route};
pub use login::Login;
pub use proxy::Proxy;
pub use registry_mirror::{Place, RegistryMirror};

use crate::diagnostic::{Fatal, Problem};
use crate::table::{Group, Mark, OptionSpec};
use crate::{url, values};

/// The options of this group.
pub static GROUP: Group = Group {
    title: "Network",
    options: &[
        &iface::IFACE,
        &IP,
        &NTP_PEER,
        &EXTRA_ARGS_URL,
        &proxy::PROXY,
        &ca::CA,
        &registry_mirror::REGISTRY_MIRROR,
        &login::LOGIN,
    ],
};

/// Where the time comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NtpPeer {
    /// The machine's own clock.
    None,
    /// pool.ntp.org.
    Auto,
    /// A host name or an address.
    Host(String),
}

static IP: OptionSpec = OptionSpec {
    name: "ip",
    aliases: &[],
    value: "CLIENT:SERVER:GATEWAY:NETMASK:…",
    default: "",
    repeatable: false,
    help: "The kernel's own network configuration.",
    doc: "If it is there and `b2c.iface` is not, no DHCP is done, and name servers are taken from /proc/net/pnp. The kernel reads the \
value ([nfsroot](https://docs.kernel.org/admin-guide/nfs/nfsroot.html)).",
    example: "ip=10.42.0.2::10.42.0.1:255.255.255.0::eth0:off",
    marks: &[],
    update: |value, options, report| {
        if report.text > 0 {
            report.warn(
                Problem::new(value, "is ignored: the kernel reads it, and only on its command line")
                    .help("use b2c.iface"),
            );
            return Ok(());
        }
        options.ip = Some(values::owned(value));
        Ok(())
    },
    refuse: None,
};

static NTP_PEER: OptionSpec = OptionSpec {
    name: "b2c.ntp_peer",
    aliases: &[],
    value: "none | auto | HOST",
    default: "none",
    repeatable: false,
    help: "The NTP server that sets the clock.",
    doc: "`auto` is what DHCP names (option 42), else pool.ntp.org. Three tries of 5 seconds; a server that does not answer is an error line, and the boot \
goes on. Of a name with several addresses four are asked at once, and what most of them say counts. The hardware clock is set, too. \
[clock.md](clock.md) tells more.",
    example: "b2c.ntp_peer=10.42.0.1",
    marks: &[],
    update: |value, options, _| {
        options.ntp_peer = match value.text() {
            "none" => NtpPeer::None,
            "auto" => NtpPeer::Auto,
            _ => NtpPeer::Host(values::host(value)?),
        };
        Ok(())
    },
    refuse: None,
};

static EXTRA_ARGS_URL: OptionSpec = OptionSpec {
    name: "b2c.extra_args_url",
    aliases: &[],
    value: "URL",
    default: "",
    repeatable: false,
    help: "A text with more options, read as if it followed the command line.",
    doc: "One option a line, or several. Lines that start with `#`, blank lines and words that are not ours are ignored; a quoted value \
may hold line ends. An `http://` or `https://` URL; the option means nothing in the text itself.

If the text cannot be fetched no container runs: the machine says so and shuts down.",
    example: "b2c.extra_args_url=http://ci-gateway/b2c-extra-args",
    marks: &[
        Mark::Divergence("A failure prints a status line that is not 0. The original printed none."),
        Mark::Divergence("All options are honoured, also those for the cache and swap."),
    ],
    update: |value, options, report| {
        url::hide(value, report);
        if report.is_fetched() {
            report.warn(Problem::new(value, "is ignored: extra arguments do not name further ones"));
            return Ok(());
        }
        options.extra_args_url = Some(values::url(value)?);
        Ok(())
    },
    refuse: Some(|_| Fatal::ExtraArgs),
};
