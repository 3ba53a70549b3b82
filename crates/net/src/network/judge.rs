//! When the network is usable, and when there is no more hope of it.

use super::Error;
use super::port::Port;
use super::worker::Worker;
use std::time::{Duration, Instant};

/// How long an interface may take to appear: USB adapters and modules that are still being loaded.
const INTERFACE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a link may take until it has a carrier: 10 GBit/s and power saving switches negotiate for many seconds.
const CARRIER_PATIENCE: Duration = Duration::from_secs(20);
/// How long DHCP may take: a switch may pass nothing for the first 30 s (IEEE 802.1D: twice the forward delay).
const LEASE_PATIENCE: Duration = Duration::from_secs(60);

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
        let ends =
            [INTERFACE_PATIENCE, CARRIER_PATIENCE, LEASE_PATIENCE].map(|patience| self.began + patience);
        let carriers = self.ports.iter().map(|port| port.since + CARRIER_PATIENCE);
        ends.into_iter().chain(carriers).filter(move |end| waiting && *end > judged)
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

    fn judge_automatic(&self, now: Instant) -> Option<Result<(), Error>> {
        if self.ports.iter().any(|port| port.lease.is_some()) {
            return Some(Ok(()));
        }
        let patience = if self.ports.is_empty() {
            INTERFACE_PATIENCE
        } else if self.ports.iter().all(|port| !port.carrier) {
            CARRIER_PATIENCE
        } else {
            LEASE_PATIENCE
        };
        let seconds = patience.as_secs();
        self.is_over(patience, now).then(|| {
            Err(if self.ports.is_empty() {
                Error::NoInterface { seconds }
            } else {
                Error::NoLease { seconds, tried: self.tried() }
            })
        })
    }

    fn judge_listed(&self, now: Instant) -> Option<Result<(), Error>> {
        if let Some(failure) = &self.failure {
            return Some(Err(failure.clone()));
        }
        if let Some((_, iface)) = self.missing.first() {
            let seconds = INTERFACE_PATIENCE.as_secs();
            return self.is_over(INTERFACE_PATIENCE, now).then(|| {
                Err(Error::Iface {
                    iface: iface.name.clone(),
                    step: "find the interface".into(),
                    reason: format!("it has not appeared in {seconds} s"),
                })
            });
        }
        let ready = |port: &Port| match port.client {
            Some(_) => port.lease.is_some(),
            // What is configured is as ready as it gets; without a carrier the first connections would fail.
            None => port.carrier || now >= port.since + CARRIER_PATIENCE,
        };
        if self.ports.iter().all(ready) {
            return Some(Ok(()));
        }
        let seconds = LEASE_PATIENCE.as_secs();
        self.is_over(LEASE_PATIENCE, now).then(|| Err(Error::NoLease { seconds, tried: self.tried() }))
    }

    fn tried(&self) -> String {
        let missing = self.ports.iter().filter(|port| port.client.is_some() && port.lease.is_none());
        missing.map(Port::to_string).collect::<Vec<_>>().join("; ")
    }
}
