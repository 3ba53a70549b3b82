//! Networks, as an address and a length.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) address: IpAddr,
    pub(crate) length: u8,
}

impl Prefix {
    fn bits(address: IpAddr) -> u128 {
        match address {
            // Moved to the top, so that both families are compared from the first bit on.
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => address.into(),
        }
    }

    /// Whether the other address is in the same network.
    pub(crate) fn contains(&self, other: IpAddr) -> bool {
        let differ = Self::bits(self.address) ^ Self::bits(other);
        self.address.is_ipv4() == other.is_ipv4() && differ.leading_zeros() >= u32::from(self.length)
    }

    /// The network itself: the bits beyond the prefix are zero. The kernel refuses routes to anything else.
    pub(crate) fn network(self) -> Prefix {
        let address = match self.address {
            IpAddr::V4(a) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(self.length.into())).unwrap_or(0);
                Ipv4Addr::from(u32::from(a) & mask).into()
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(self.length.into())).unwrap_or(0);
                Ipv6Addr::from(u128::from(a) & mask).into()
            }
        };
        Prefix { address, length: self.length }
    }

    pub(super) fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.address {
            // /31 and /32 have none (RFC 3021).
            IpAddr::V4(address) if self.length < 31 => Some(Ipv4Addr::from(
                u32::from(address) | u32::MAX.checked_shr(self.length.into()).unwrap_or(0),
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
    }

    #[test]
    fn a_prefix_holds_its_network() {
        assert!(prefix("10.0.2.15/24").contains("10.0.2.2".parse().unwrap()));
        assert!(!prefix("10.0.2.15/24").contains("10.0.3.2".parse().unwrap()));
        assert!(prefix("10.0.2.15/0").contains("1.1.1.1".parse().unwrap()));
        assert!(!prefix("10.0.2.15/0").contains("::1".parse().unwrap()));
        assert!(!prefix("10.0.2.15/32").contains("10.0.2.14".parse().unwrap()));
        assert!(prefix("fd00::1/64").contains("fd00::2".parse().unwrap()));
    }

    #[test]
    fn broadcast_addresses() {
        assert_eq!(prefix("10.0.2.15/24").broadcast(), Some(Ipv4Addr::new(10, 0, 2, 255)));
        assert_eq!(prefix("10.0.2.15/0").broadcast(), Some(Ipv4Addr::BROADCAST));
        assert_eq!(prefix("10.0.2.15/31").broadcast(), None);
    }
}
