//! A lease and its times (RFC 2131 §4.4.5).

use super::reply::Reply;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// For servers that forget to say; busybox' udhcpc takes the same.
const DEFAULT_LEASE: u32 = 3600;
/// Shorter leases would keep client and server busy with nothing else.
const MIN_LEASE: u32 = 30;

/// An address on loan.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    /// What came with it.
    pub(crate) reply: Reply,
    /// Prefix length of the network.
    pub(crate) prefix: u8,
    /// `None` for a lease without end.
    pub(super) times: Option<Times>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) renew: Instant,
    pub(super) rebind: Instant,
    pub(super) expire: Instant,
}

impl Lease {
    pub(super) fn new(reply: Reply, now: Instant) -> Lease {
        let prefix = reply.prefix.unwrap_or_else(|| class(reply.address));
        let times = match reply.lease_time.unwrap_or(DEFAULT_LEASE) {
            u32::MAX => None,
            seconds => {
                let seconds = u64::from(seconds.max(MIN_LEASE));
                // The defaults of RFC 2131 §4.4.5; also where the server's times are out of order.
                let defaults = (seconds / 2, seconds * 7 / 8);
                let mut renew = reply.renewal_time.map_or(defaults.0, u64::from);
                let mut rebind = reply.rebinding_time.map_or(defaults.1, u64::from);
                if renew == 0 || renew > rebind || rebind > seconds {
                    (renew, rebind) = defaults;
                }
                let at = |seconds| now + Duration::from_secs(seconds);
                Some(Times { renew: at(renew), rebind: at(rebind), expire: at(seconds) })
            }
        };
        Lease { reply, prefix, times }
    }
}

/// The prefix length that an address implied before there were masks.
fn class(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..=127 => 8,
        128..=191 => 16,
        _ => 24,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dhcp::Kind;

    /// An ACK.
    pub(in crate::dhcp) fn example() -> Reply {
        Reply {
            kind: Kind::Ack,
            xid: 0,
            mac: [2, 0, 0, 0, 0, 1],
            address: Ipv4Addr::new(10, 0, 2, 15),
            prefix: Some(24),
            routers: Vec::new(),
            routes: None,
            name_servers: Vec::new(),
            host_name: None,
            domain: None,
            search: Vec::new(),
            mtu: None,
            ntp_servers: Vec::new(),
            rapid_commit: false,
            lease_time: Some(800),
            server: Some(Ipv4Addr::new(10, 0, 2, 2)),
            renewal_time: None,
            rebinding_time: None,
            message: String::new(),
        }
    }

    #[test]
    fn times_that_make_no_sense_are_replaced() {
        let now = Instant::now();
        let times = |lease_time, renewal_time, rebinding_time| {
            let reply = Reply { lease_time, renewal_time, rebinding_time, ..example() };
            Lease::new(reply, now).times.map(|t| [t.renew, t.rebind, t.expire].map(|at| (at - now).as_secs()))
        };
        assert_eq!(times(Some(800), None, None), Some([400, 700, 800]));
        assert_eq!(times(Some(800), Some(100), Some(200)), Some([100, 200, 800]));
        assert_eq!(times(Some(800), Some(300), Some(200)), Some([400, 700, 800]));
        assert_eq!(times(Some(800), Some(0), None), Some([400, 700, 800]));
        assert_eq!(times(Some(800), None, Some(900)), Some([400, 700, 800]));
        assert_eq!(times(Some(0), None, None), Some([15, 26, 30]));
        assert_eq!(times(None, None, None), Some([1800, 3150, 3600]));
        assert_eq!(times(Some(u32::MAX), None, None), None);
    }
}
