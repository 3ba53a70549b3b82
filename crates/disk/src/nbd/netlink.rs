//! The kernel's side: the generic netlink family `nbd` (linux/nbd-netlink.h), which is there since Linux 4.12.

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::{GENERIC, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with, sockopt,
};
use std::time::Duration;

/// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLA_F_NESTED: u16 = 1 << 15;
const NLA_TYPE_MASK: u16 = 0x3fff;
/// struct nlmsghdr
const HEADER: usize = 16;
/// struct genlmsghdr
const GENERIC_HEADER: usize = 4;
/// An answer holds the request or a few attributes.
const BUFFER: usize = 16 << 10;

/// linux/genetlink.h: the family that knows the others.
const CONTROL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_ATTR_MCAST_GROUPS: u16 = 7;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;

/// linux/nbd-netlink.h
const CMD_CONNECT: u8 = 1;
const CMD_DISCONNECT: u8 = 2;
const CMD_RECONFIGURE: u8 = 3;
const CMD_LINK_DEAD: u8 = 4;
const ATTR_INDEX: u16 = 1;
const ATTR_SIZE_BYTES: u16 = 2;
const ATTR_BLOCK_SIZE_BYTES: u16 = 3;
const ATTR_TIMEOUT: u16 = 4;
const ATTR_SERVER_FLAGS: u16 = 5;
const ATTR_SOCKETS: u16 = 7;
const ATTR_DEAD_CONN_TIMEOUT: u16 = 8;
const SOCK_ITEM: u16 = 1;
const SOCK_FD: u16 = 1;

/// What the kernel has to know of an export.
pub(super) struct Device {
    /// `N` of `/dev/nbdN`.
    pub(super) index: u32,
    /// In bytes.
    pub(super) size: u64,
    pub(super) block_size: u32,
    /// Transmission flags.
    pub(super) flags: u16,
    /// After so long without an answer a connection is dead.
    pub(super) request_timeout: Duration,
    /// So long requests wait for another connection.
    pub(super) dead_timeout: Duration,
}

/// A socket that talks to the family.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    family: u16,
    /// Multicast group of the notices.
    group: u32,
}

impl Netlink {
    /// Fails with `ENOENT` where the module is not loaded.
    pub(super) fn open() -> Result<Netlink, Errno> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(GENERIC))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let mut netlink = Netlink { socket, family: CONTROL, group: 0 };
        let request = Message::new(CONTROL, CTRL_CMD_GETFAMILY).attribute(CTRL_ATTR_FAMILY_NAME, b"nbd\0");
        let (mut family, mut group) = (None, None);
        netlink.request(request, |payload| {
            for (kind, value) in attributes(payload) {
                match kind {
                    CTRL_ATTR_FAMILY_ID => family = value.first_chunk().map(|id| u16::from_ne_bytes(*id)),
                    // The family has one group.
                    CTRL_ATTR_MCAST_GROUPS => {
                        group = attributes(value).find_map(|(_, group)| group_id(group));
                    }
                    _ => {}
                }
            }
        })?;
        netlink.family = family.ok_or(Errno::BADMSG)?;
        netlink.group = group.ok_or(Errno::BADMSG)?;
        Ok(netlink)
    }

    /// Makes the device one of an export; `sockets` are ready for requests.
    pub(super) fn connect(&self, device: &Device, sockets: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let message = Message::new(self.family, CMD_CONNECT)
            .attribute(ATTR_INDEX, &device.index.to_ne_bytes())
            .attribute(ATTR_SIZE_BYTES, &device.size.to_ne_bytes())
            .attribute(ATTR_BLOCK_SIZE_BYTES, &u64::from(device.block_size).to_ne_bytes())
            .attribute(ATTR_SERVER_FLAGS, &u64::from(device.flags).to_ne_bytes())
            .attribute(ATTR_TIMEOUT, &device.request_timeout.as_secs().to_ne_bytes())
            .attribute(ATTR_DEAD_CONN_TIMEOUT, &device.dead_timeout.as_secs().to_ne_bytes());
        self.request(with_sockets(message, sockets), |_| {})
    }

    /// Gives the device another socket in place of a dead one. `ENOSPC`: none is dead.
    pub(super) fn replace(&self, index: u32, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let message = Message::new(self.family, CMD_RECONFIGURE).attribute(ATTR_INDEX, &index.to_ne_bytes());
        self.request(with_sockets(message, &[socket]), |_| {})
    }

    /// Ends the device's connections.
    pub(super) fn disconnect(&self, index: u32) -> Result<(), Errno> {
        let message = Message::new(self.family, CMD_DISCONNECT).attribute(ATTR_INDEX, &index.to_ne_bytes());
        self.request(message, |_| {})
    }

    /// A socket for the notices of dead connections.
    pub(super) fn notices(&self) -> Result<Notices, Errno> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(GENERIC))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        add_membership(&socket, self.group)?;
        Ok(Notices { socket, family: self.family })
    }

    /// Sends, and waits until the kernel has done or refused it; `each` gets the payload of what comes before.
    fn request(&self, message: Message, mut each: impl FnMut(&[u8])) -> Result<(), Errno> {
        send(&self.socket, &message.finish(), SendFlags::empty())?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let received = match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, received)) => received,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno),
            };
            let mut rest = &buffer[..received.min(BUFFER)];
            while let Some((kind, payload, next)) = split_message(rest) {
                if kind == NLMSG_ERROR {
                    return acknowledgement(payload);
                }
                each(payload.get(GENERIC_HEADER..).unwrap_or_default());
                rest = next;
            }
        }
    }
}

/// Listens for connections that died.
#[derive(Debug)]
pub(super) struct Notices {
    socket: OwnedFd,
    family: u16,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A connection of the device with that index is dead.
    Dead(u32),
    /// Notices were lost: any connection may be dead.
    Lost,
    /// Nothing in the time that was given.
    Silence,
}

impl Notices {
    /// Waits for one; without `patience`, for ever.
    pub(super) fn next(&self, patience: Option<Duration>) -> Result<Notice, Errno> {
        sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Recv, patience)?;
        let mut buffer = [0; 1024];
        loop {
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((_, received)) => {
                    if let Some(index) = dead_device(&buffer[..received.min(buffer.len())], self.family) {
                        return Ok(Notice::Dead(index));
                    }
                }
                Err(Errno::AGAIN) => return Ok(Notice::Silence),
                Err(Errno::NOBUFS) => return Ok(Notice::Lost),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn dead_device(message: &[u8], family: u16) -> Option<u32> {
    let (kind, payload, _) = split_message(message)?;
    if kind != family || payload.first() != Some(&CMD_LINK_DEAD) {
        return None;
    }
    let (_, index) = attributes(payload.get(GENERIC_HEADER..)?).find(|(kind, _)| *kind == ATTR_INDEX)?;
    Some(u32::from_ne_bytes(*index.first_chunk()?))
}

fn group_id(group: &[u8]) -> Option<u32> {
    let (_, id) = attributes(group).find(|(kind, _)| *kind == CTRL_ATTR_MCAST_GRP_ID)?;
    Some(u32::from_ne_bytes(*id.first_chunk()?))
}

fn with_sockets(message: Message, sockets: &[BorrowedFd<'_>]) -> Message {
    let item = |socket: &BorrowedFd<'_>| {
        let number = Message::empty().attribute(SOCK_FD, &socket.as_raw_fd().to_ne_bytes());
        Message::empty().attribute(SOCK_ITEM | NLA_F_NESTED, &number.0).0
    };
    let items: Vec<u8> = sockets.iter().flat_map(item).collect();
    message.attribute(ATTR_SOCKETS | NLA_F_NESTED, &items)
}

/// Joins a multicast group (netlink(7), `NETLINK_ADD_MEMBERSHIP`). rustix has no call for it.
fn add_membership(socket: &OwnedFd, group: u32) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of_val(&group)).map_err(|_| Errno::INVAL)?;
    // SAFETY: the pointer is to a live u32 of the length that is given, and the kernel only reads it.
    let joined = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_ADD_MEMBERSHIP,
            std::ptr::from_ref(&group).cast(),
            length,
        )
    };
    if joined == 0 { Ok(()) } else { Err(crate::last_errno()) }
}

/// A message, or the inside of a nested attribute, being built.
struct Message(Vec<u8>);

impl Message {
    fn new(family: u16, command: u8) -> Message {
        let mut bytes = vec![0; 4];
        bytes.extend(family.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        // Sequence and port number stay 0: there is one request at a time on a socket, and the kernel fills in the port.
        bytes.extend([0; 8]);
        // struct genlmsghdr: the version of both families is 1.
        bytes.extend([command, 1, 0, 0]);
        Message(bytes)
    }

    fn empty() -> Message {
        Message(Vec::new())
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Message {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// struct nlmsgerr: 0 is "done".
fn acknowledgement(payload: &[u8]) -> Result<(), Errno> {
    match payload.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw_os_error(code.wrapping_neg())),
        None => Err(Errno::BADMSG),
    }
}

/// The first message: type, payload and what follows.
fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let payload = bytes.get(HEADER..length)?;
    Some((kind, payload, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// Type and value of each attribute; stops where they are malformed.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & NLA_TYPE_MASK, value))
    })
}
