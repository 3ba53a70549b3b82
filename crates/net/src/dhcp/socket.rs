//! How DHCP messages get onto the wire: by a packet socket while there is no address, by UDP afterwards.

use super::client::Outgoing;
use super::{CLIENT_PORT, SERVER_PORT};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrV4, SocketFlags, SocketType, bind, recv, sendto,
    socket_with, sockopt,
};
use std::net::Ipv4Addr;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;
/// linux/socket.h, linux/if_ether.h
const AF_PACKET: u16 = 17;
const ETH_P_IP: u16 = 0x0800;
/// The largest frame that is looked at.
const MAX_PACKET: usize = 2048;

/// A socket on one interface.
#[derive(Debug)]
pub(crate) enum Socket {
    /// Speaks IP packets without having an address.
    Packet(OwnedFd, LinkAddress),
    /// Speaks with the interface's address.
    Udp(OwnedFd),
}

impl Socket {
    /// A socket for an interface without address.
    pub(crate) fn packet(index: u32) -> Result<Socket, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Protocol 0 first: nothing may come in before the filter is there.
        let fd = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, None)?;
        attach_filter(&fd)?;
        let address = LinkAddress::broadcast(index, ETH_P_IP);
        bind(&fd, &address)?;
        Ok(Socket::Packet(fd, address))
    }

    /// A socket for an interface that has its address.
    pub(crate) fn udp(index: u32) -> Result<Socket, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&fd, true)?;
        sockopt::set_socket_broadcast(&fd, true)?;
        bind_to_interface(&fd, index)?;
        bind(&fd, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT))?;
        Ok(Socket::Udp(fd))
    }

    /// Whether this is the kind that needs an address.
    pub(crate) fn is_udp(&self) -> bool {
        matches!(self, Socket::Udp(_))
    }

    pub(crate) fn send(&self, message: &Outgoing) -> Result<(), Errno> {
        match self {
            Socket::Packet(fd, to) => {
                let packet = ip_packet(&message.payload).ok_or(Errno::MSGSIZE)?;
                sendto(fd, &packet, SendFlags::empty(), to)?;
            }
            Socket::Udp(fd) => {
                let to = SocketAddrV4::new(message.server.unwrap_or(Ipv4Addr::BROADCAST), SERVER_PORT);
                sendto(fd, &message.payload, SendFlags::empty(), &to)?;
            }
        }
        Ok(())
    }

    /// The next message that has come in; `None` if there is none.
    pub(crate) fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; MAX_PACKET];
        loop {
            let (_, length) = recv(self, &mut buffer, RecvFlags::TRUNC).ok()?;
            // Longer than the buffer: not from a DHCP server that heard our option 57.
            let Some(packet) = buffer.get(..length) else { continue };
            match self {
                Socket::Udp(_) => return Some(packet.into()),
                Socket::Packet(..) => match udp_payload(packet) {
                    Some(payload) => return Some(payload.into()),
                    None => continue,
                },
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Packet(fd, _) | Socket::Udp(fd) => fd.as_fd(),
        }
    }
}

/// struct sockaddr_ll
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct LinkAddress(libc::sockaddr_ll);

impl LinkAddress {
    /// Everybody on the interface, with that protocol (linux/if_ether.h).
    pub(super) fn broadcast(index: u32, protocol: u16) -> LinkAddress {
        LinkAddress(libc::sockaddr_ll {
            sll_family: AF_PACKET,
            sll_protocol: protocol.to_be(),
            sll_ifindex: index.cast_signed(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        })
    }
}

// SAFETY: the pointer is to a whole sockaddr_ll that lives as long as `self`, and the length is its size.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        f((&raw const self.0).cast(), size(&self.0))
    }
}

/// Lets only unfragmented UDP packets to the client port through, so that a busy link does not wake us. Offsets count from the IP
/// header: the socket is of type DGRAM.
fn attach_filter(fd: &OwnedFd) -> Result<(), Errno> {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDIRECT: u16 = 0x48;
    const LOAD_IP_HEADER_LENGTH: u16 = 0xb1;
    const IF_EQUAL: u16 = 0x15;
    const IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let op = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        op(LOAD_BYTE, 0, 0, 9),
        op(IF_EQUAL, 0, 6, UDP.into()),
        op(LOAD_HALF, 0, 0, 6),
        op(IF_ANY_BIT, 4, 0, 0x3fff),
        op(LOAD_IP_HEADER_LENGTH, 0, 0, 0),
        op(LOAD_HALF_INDIRECT, 0, 0, 2),
        op(IF_EQUAL, 0, 1, CLIENT_PORT.into()),
        op(RETURN, 0, 0, u32::MAX),
        op(RETURN, 0, 0, 0),
    ];
    let program = libc::sock_fprog { len: 9, filter: filter.as_mut_ptr() };
    set_option(fd, libc::SO_ATTACH_FILTER, &program)
}

/// Nothing of other interfaces comes in, and nothing goes out there.
pub(crate) fn bind_to_interface(fd: &OwnedFd, index: u32) -> Result<(), Errno> {
    set_option(fd, libc::SO_BINDTOIFINDEX, &index)
}

/// setsockopt(2) for the options of SOL_SOCKET that rustix does not have.
fn set_option<T>(fd: &OwnedFd, option: i32, value: &T) -> Result<(), Errno> {
    // SAFETY: the kernel reads size_of::<T>() bytes at `value`, which is valid for reads of that size, and for SO_ATTACH_FILTER the
    // instructions that it points to, which the caller keeps alive until this returns.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(value).cast(),
            size(value),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }
}

/// As system calls want it; these structures have a few bytes.
fn size<T>(_: &T) -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(0)
}

/// An IP packet from nobody to everybody (RFC 791, RFC 768).
fn ip_packet(payload: &[u8]) -> Option<Vec<u8>> {
    let udp_length = u16::try_from(UDP_HEADER + payload.len()).ok()?;
    let length = u16::try_from(IP_HEADER + UDP_HEADER + payload.len()).ok()?;
    let mut packet = vec![0; IP_HEADER];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[8] = 64;
    packet[9] = UDP;
    packet[16..20].copy_from_slice(&Ipv4Addr::BROADCAST.octets());
    let checksum = checksum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(CLIENT_PORT.to_be_bytes());
    packet.extend(SERVER_PORT.to_be_bytes());
    packet.extend(udp_length.to_be_bytes());
    // No checksum: allowed over IPv4, and the frame has its own.
    packet.extend([0, 0]);
    packet.extend(payload);
    Some(packet)
}

/// RFC 1071
fn checksum(header: &[u8]) -> u16 {
    let (words, _) = header.as_chunks::<2>();
    let mut sum: u32 = words.iter().map(|&word| u32::from(u16::from_be_bytes(word))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // It fits, after the loop.
    !u16::try_from(sum).unwrap_or(0)
}

/// What a server sent to a client. Checksums are not looked at: the frame has its own, and on a virtual link the UDP checksum is often
/// left for a network card to fill in that does not exist.
fn udp_payload(packet: &[u8]) -> Option<&[u8]> {
    let half =
        |at: usize| packet.get(at..at + 2).map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
    let header = usize::from(packet.first()? & 0xf) * 4;
    let version = packet.first()? >> 4;
    if version != 4 || header < IP_HEADER || *packet.get(9)? != UDP {
        return None;
    }
    let (source, target) = (half(header)?, half(header + 2)?);
    if source != usize::from(SERVER_PORT) || target != usize::from(CLIENT_PORT) {
        return None;
    }
    // Short frames are padded, so that there may be more bytes than the packet has.
    let end = half(2)?.min(header.checked_add(half(header + 4)?)?);
    packet.get(header + UDP_HEADER..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksum_of_the_rfcs_example() {
        // RFC 1071 §3: the sum of these is ddf2.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // A header with its checksum sums up to nothing.
        assert_eq!(checksum(&ip_packet(b"payload").unwrap()[..IP_HEADER]), 0);
    }

    #[test]
    fn padding_and_the_other_direction() {
        let mut packet = ip_packet(b"payload").unwrap();
        assert_eq!(udp_payload(&packet), None, "sent by a client");
        packet[20..24].copy_from_slice(&[0, 67, 0, 68]);
        packet.extend([0; 18]);
        assert_eq!(udp_payload(&packet), Some(&b"payload"[..]));
    }

    proptest! {
        #[test]
        fn any_packet_is_read_or_dropped(packet: Vec<u8>) {
            let _ = udp_payload(&packet);
        }
    }
}
