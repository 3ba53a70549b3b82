//! When the network is usable, and when there is no more hope of it.

use super::Error;
use super::ipv6::Ipv6;
use super::port::Port;
use super::worker::Worker;
use options::{Iface, Method};
use std::time::{Duration, Instant};

/// How long an interface may take to appear: USB adapters and modules that are still being loaded.
const INTERFACE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a link may take until it has a carrier: 10 GBit/s and power saving switches negotiate for up to 30 s.
const CARRIER_PATIENCE: Duration = Duration::from_secs(40);
/// How long an answer may take once there is a carrier: a switch may pass nothing for the first 30 s (IEEE 802.1D: twice the forward delay).
const LEASE_PATIENCE: Duration = Duration::from_secs(60);
/// How long IPv6 alone is no network yet, once there is a carrier. Routers answer at once, but some DHCP servers look for three seconds whether
/// an address is free, and what a boot needs may be known to their name servers only. By then four DISCOVERs were sent, the last after 8 s.
const IPV4_HEAD_START: Duration = Duration::from_secs(9);

impl Worker {
    /// Tells those who wait when there is something to tell.
    pub(super) fn judge(&self, now: Instant) {
        let told = self.shared.news().outcome.clone();
        if told == Some(Ok(())) {
            return;
        }
        let verdict = if self.config.kernel_ip {
            self.judge_kernel(now)
        } else if self.config.ifaces.is_empty() {
            self.judge_automatic(now)
        } else {
            self.judge_listed(now)
        };
        match verdict {
            Some(Ok(())) if told.is_some() => log::info!("the network has come up after all"),
            Some(Err(_)) if told.is_some() => return,
            _ => {}
        }
        if let Some(verdict) = verdict {
            self.shared.set_outcome(verdict);
        }
    }

    /// When the next judgement may be another one only because time has passed.
    pub(super) fn patience_ends(&self, judged: Instant) -> impl Iterator<Item = Instant> {
        let waiting = self.shared.news().outcome.is_none();
        let ends = |port: &Port| [port.since + CARRIER_PATIENCE, hope_ends(port), ipv6_counts(port)];
        let ports = self.ports.iter().flat_map(ends);
        ports.chain([self.began + INTERFACE_PATIENCE]).filter(move |end| waiting && *end > judged)
    }

    fn is_over(&self, patience: Duration, now: Instant) -> bool {
        now >= self.began + patience
    }

    fn judge_kernel(&self, now: Instant) -> Option<Result<(), Error>> {
        match self.kernel.addresses() {
            Ok(addresses) if addresses.iter().any(|(_, prefix)| !prefix.address.is_loopback()) => {
                Some(Ok(()))
            }
            Err(source) => Some(Err(Error::Kernel { step: "list the addresses", source })),
            Ok(_) => self
                .is_over(INTERFACE_PATIENCE, now)
                .then(|| Err(Error::KernelIp { seconds: INTERFACE_PATIENCE.as_secs() })),
        }
    }

    /// The first interface that is ready is the network.
    fn judge_automatic(&self, now: Instant) -> Option<Result<(), Error>> {
        if self.ports.iter().any(|port| is_ready(port, now)) {
            return Some(Ok(()));
        }
        let Some(end) = self.ports.iter().map(hope_ends).max() else {
            let seconds = INTERFACE_PATIENCE.as_secs();
            return self.is_over(INTERFACE_PATIENCE, now).then_some(Err(Error::NoInterface { seconds }));
        };
        (now >= end).then(|| Err(self.no_lease(end)))
    }

    /// All that `b2c.iface` names is needed, but for what is optional.
    fn judge_listed(&self, now: Instant) -> Option<Result<(), Error>> {
        if let Some(failure) = &self.failure {
            return Some(Err(failure.clone()));
        }
        if self.config.ifaces.iter().all(|iface| iface.optional) {
            return self.judge_automatic(now);
        }
        if let Some((_, iface)) = self.missing.iter().find(|(_, iface)| !iface.optional) {
            let reason = format!("it has not appeared in {} s", INTERFACE_PATIENCE.as_secs());
            return self
                .is_over(INTERFACE_PATIENCE, now)
                .then(|| Err(Error::iface(iface, "find the interface", reason)));
        }
        let is_any_ready = self.ports.iter().any(|port| is_ready(port, now));
        let may_wait = |port: &Port| is_any_ready && port.iface.as_ref().is_some_and(is_for_others);
        let needed = self.ports.iter().filter(|port| !port.is_optional() && !is_ready(port, now));
        let needed = needed.filter(|port| !may_wait(port));
        match needed.map(hope_ends).min() {
            None => Some(Ok(())),
            Some(end) => (now >= end).then(|| Err(self.no_lease(end))),
        }
    }

    fn no_lease(&self, end: Instant) -> Error {
        let tried = self.ports.iter().filter(|port| !is_ready(port, end)).map(Port::to_string);
        Error::NoLease {
            seconds: end.saturating_duration_since(self.began).as_secs(),
            tried: tried.collect::<Vec<_>>().join("; "),
        }
    }
}

fn is_ready(port: &Port, now: Instant) -> bool {
    let ipv6 = |is: fn(&Ipv6) -> bool| now >= ipv6_counts(port) && port.ipv6.as_ref().is_some_and(is);
    match port.method() {
        Method::Auto => port.lease.is_some() || ipv6(Ipv6::is_ready),
        Method::Dhcp => port.lease.is_some() || ipv6(|ipv6| ipv6.address().is_some() && ipv6.is_ready()),
        // What is configured is as ready as it gets; without a carrier the first connections would fail.
        Method::Static => port.carrier || now >= port.since + CARRIER_PATIENCE,
    }
}

/// Whether an interface leads to other machines that need this one, and not to what a boot needs: nothing beyond it is named. Their cable may
/// be plugged in at any time.
fn is_for_others(iface: &Iface) -> bool {
    let is_way_out =
        !iface.gateways.is_empty() || iface.routes.iter().any(|route| route.destination.is_none());
    iface.method == Method::Static && !is_way_out && iface.nameservers.is_empty()
}

/// When nothing more is to be expected of an interface that is not ready.
fn hope_ends(port: &Port) -> Instant {
    port.connected.map_or(port.since + CARRIER_PATIENCE, |connected| connected + LEASE_PATIENCE)
}

/// From when on IPv6 without IPv4 is a network.
fn ipv6_counts(port: &Port) -> Instant {
    port.connected.unwrap_or(port.since) + IPV4_HEAD_START
}
