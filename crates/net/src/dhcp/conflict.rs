//! Whether another machine on the link has the address that we were given (RFC 5227).
//!
//! Divergence from the RFC: the address is in use meanwhile. And a probe by others for the same address is no conflict, for some switches
//! send such probes all the time; only who claims to have the address is. Nor is an answer of this machine's other cards: Linux answers on
//! each of them for the addresses of all (ip-sysctl's arp_ignore).

use super::socket::LinkAddress;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// linux/if_ether.h
const ETH_P_ARP: u16 = 0x0806;
/// An ARP packet for IPv4 on Ethernet (RFC 826): what it is, operation, then hardware and protocol address of sender and target.
const ARP: usize = 28;
const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u8 = 1;
/// RFC 5227 §1.1: PROBE_NUM, PROBE_MAX (without the randomness), ANNOUNCE_WAIT.
const PROBES: usize = 3;
const PROBE_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// Whoever floods the link must not keep us from other things.
const PACKETS_AT_ONCE: usize = 32;

/// Looks for some seconds whether others have an address.
#[derive(Debug)]
pub(crate) struct Watch {
    fd: OwnedFd,
    everybody: LinkAddress,
    mac: [u8; 6],
    address: Ipv4Addr,
    sent: usize,
    timer: Instant,
}

impl Watch {
    /// Begins to watch for an address of the interface with that number and Ethernet address.
    pub(crate) fn new(index: u32, mac: [u8; 6], address: Ipv4Addr, now: Instant) -> Result<Watch, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, None)?;
        let everybody = LinkAddress::broadcast(index, ETH_P_ARP);
        bind(&fd, &everybody)?;
        Ok(Watch { fd, everybody, mac, address, sent: 0, timer: now })
    }

    /// When to call [`Watch::on_timer`].
    pub(crate) fn timer(&self) -> Instant {
        self.timer
    }

    /// Asks once more who has the address. `false` is the end: nobody else has claimed it.
    pub(crate) fn on_timer(&mut self, now: Instant) -> bool {
        if self.sent == PROBES {
            return false;
        }
        // A probe that could not be sent is as good as one that was lost.
        let _ = sendto(&self.fd, &probe(self.mac, self.address), SendFlags::empty(), &self.everybody);
        self.sent += 1;
        self.timer = now + if self.sent == PROBES { LAST_PAUSE } else { PROBE_PAUSE };
        true
    }

    /// Who else has the address, by what has come in. `own` are the Ethernet addresses of this machine.
    pub(crate) fn receive(&self, own: &[[u8; 6]]) -> Option<[u8; 6]> {
        let mut packet = [0; ARP];
        for _ in 0..PACKETS_AT_ONCE {
            let (_, length) = recv(&self.fd, &mut packet, RecvFlags::empty()).ok()?;
            if length == ARP
                && let Some((mac, address)) = sender(&packet)
                && address == self.address
                && !own.contains(&mac)
            {
                return Some(mac);
            }
        }
        None
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A question without a sender's address, so that nobody learns ours before it is sure (RFC 5227 §2.1.1).
fn probe(mac: [u8; 6], address: Ipv4Addr) -> [u8; ARP] {
    let mut packet = [0; ARP];
    packet[..6].copy_from_slice(&ARP_HEAD);
    packet[7] = REQUEST;
    packet[8..14].copy_from_slice(&mac);
    packet[24..].copy_from_slice(&address.octets());
    packet
}

/// Hardware and protocol address of who sends.
fn sender(packet: &[u8; ARP]) -> Option<([u8; 6], Ipv4Addr)> {
    let (head, rest) = packet.split_first_chunk::<6>()?;
    let (mac, rest) = rest.get(2..)?.split_first_chunk::<6>()?;
    let address = rest.first_chunk::<4>()?;
    (*head == ARP_HEAD).then(|| (*mac, Ipv4Addr::from(*address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_claims_an_address() {
        let mac = [2, 0, 0, 0, 0, 1];
        let mut packet = probe(mac, Ipv4Addr::new(10, 0, 2, 15));
        assert_eq!(sender(&packet), Some((mac, Ipv4Addr::UNSPECIFIED)), "a probe claims nothing");
        packet[14..18].copy_from_slice(&[10, 0, 2, 15]);
        assert_eq!(sender(&packet), Some((mac, Ipv4Addr::new(10, 0, 2, 15))));
        packet[1] = 6;
        assert_eq!(sender(&packet), None, "no Ethernet");
    }
}
