//! How DHCPv6 messages get onto the wire: by UDP, with the interface's link-local address (RFC 8415 §7.2).

use crate::dhcp::bind_to_interface;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrV6, SocketFlags, SocketType, bind, recv, sendto,
    socket_with, sockopt,
};
use std::net::Ipv6Addr;

const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;
/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 §7.1).
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// The largest message that is looked at.
const MAX_MESSAGE: usize = 2048;

/// A socket on one interface.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    index: u32,
}

impl Socket {
    pub(crate) fn open(index: u32) -> Result<Socket, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None)?;
        sockopt::set_ipv6_v6only(&fd, true)?;
        sockopt::set_socket_reuseaddr(&fd, true)?;
        bind_to_interface(&fd, index)?;
        bind(&fd, &SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, CLIENT_PORT, 0, 0))?;
        Ok(Socket { fd, index })
    }

    pub(crate) fn send(&self, message: &[u8]) -> Result<(), Errno> {
        let to = SocketAddrV6::new(SERVERS, SERVER_PORT, 0, self.index);
        sendto(&self.fd, message, SendFlags::empty(), &to).map(drop)
    }

    /// The next message that has come in; `None` if there is none.
    pub(crate) fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; MAX_MESSAGE];
        let (_, length) = recv(&self.fd, &mut buffer, RecvFlags::empty()).ok()?;
        buffer.get(..length).map(Into::into)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
