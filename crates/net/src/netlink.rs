//! Just enough rtnetlink(7): requests that are acknowledged, dumps, and notices.
//!
//! Written by hand because three objects (link, address, route) with a dozen attributes are needed; netlink-packet-route has a type for
//! every attribute of every kind of link, which costs 150 KB of the compressed initramfs.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

/// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
/// Make it if it is not there.
pub(crate) const NLM_F_CREATE: u16 = 0x400;
/// Not if it is there.
pub(crate) const NLM_F_EXCL: u16 = 0x200;
/// Change it if it is there.
pub(crate) const NLM_F_REPLACE: u16 = 0x100;
const NLA_TYPE_MASK: u16 = 0x3fff;

/// struct nlmsghdr
const HEADER: usize = 16;
/// What the kernel fills at most with one answer of a dump.
const BUFFER: usize = 32 * 1024;
/// The longest notice whose content is needed: one option of a router advertisement.
const NOTICE: usize = 4096;
const NOTICES_AT_ONCE: usize = 64;

/// A message being built.
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A request of type `kind` with its fixed part (struct ifinfomsg, ifaddrmsg, rtmsg).
    pub(crate) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Message {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        // Sequence and port numbers stay 0: there is one request at a time on a socket, and the kernel fills in the port.
        bytes.extend([0; 8]);
        bytes.extend(fixed);
        let mut message = Message(bytes);
        message.align();
        message
    }

    /// Adds an attribute (struct rtattr). Values are a few bytes long.
    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Message {
        self.0.extend(attribute(kind, value));
        self
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finish(mut self, flags: u16) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        let flags = flags | u16::from_ne_bytes([self.0[6], self.0[7]]);
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.0
    }
}

/// An attribute, padded; as the value of another one, or one of several there.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A socket of the route family.
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// A socket for requests, or for the notices of some groups (`RTMGRP_*`).
    pub(crate) fn open(groups: u32) -> Result<Socket, Errno> {
        let flags =
            if groups == 0 { SocketFlags::CLOEXEC } else { SocketFlags::CLOEXEC | SocketFlags::NONBLOCK };
        // No protocol is NETLINK_ROUTE, which is 0.
        let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&fd, &SocketAddrNetlink::new(0, groups))?;
        Ok(Socket(fd))
    }

    /// Asks for a change and waits until the kernel has made or refused it.
    pub(crate) fn request(&self, message: Message) -> Result<(), Errno> {
        send(&self.0, &message.finish(NLM_F_ACK), SendFlags::empty())?;
        self.receive(|_, _| {})
    }

    /// Asks for a list; `each` gets type and payload of every message.
    pub(crate) fn dump(&self, message: Message, each: impl FnMut(u16, &[u8])) -> Result<(), Errno> {
        send(&self.0, &message.finish(NLM_F_DUMP), SendFlags::empty())?;
        self.receive(each)
    }

    /// Reads the notices that have come; `each` gets type and payload. Of one that is lost or cut off nobody hears, so whoever waits for
    /// notices looks at the whole again.
    pub(crate) fn notices(&self, mut each: impl FnMut(u16, &[u8])) {
        let mut buffer = [0; NOTICE];
        // Not for ever: there are other things to do.
        for _ in 0..NOTICES_AT_ONCE {
            match recv(&self.0, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    if let Some((kind, payload, _)) = split_message(&buffer[..length.min(NOTICE)]) {
                        each(kind, payload);
                    }
                }
                // NOBUFS says that notices were lost, which is one more reason to look again.
                Err(Errno::NOBUFS | Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn receive(&self, mut each: impl FnMut(u16, &[u8])) -> Result<(), Errno> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let received = match recv(&self.0, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, received)) => received,
                Err(Errno::INTR) => continue,
                Err(e) => return Err(e),
            };
            let mut rest = &buffer[..received.min(BUFFER)];
            while let Some((kind, payload, next)) = split_message(rest) {
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return error_code(payload),
                    _ => each(kind, payload),
                }
                rest = next;
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// struct nlmsgerr: 0 is an acknowledgement.
fn error_code(payload: &[u8]) -> Result<(), Errno> {
    match payload.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw_os_error(code.wrapping_neg())),
        None => Err(Errno::BADMSG),
    }
}

/// The first message: type, payload and what follows.
fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?);
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let length = usize::try_from(length).ok()?;
    let payload = bytes.get(HEADER..length)?;
    Some((kind, payload, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The attributes after a fixed part of `skip` bytes: type and value. Stops where they are malformed.
pub(crate) fn attributes(payload: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = payload.get(skip..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & NLA_TYPE_MASK, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_read_back() {
        let bytes = Message::new(16, 0, &[7; 16])
            .attribute(3, b"eth0\0")
            .attribute(4, &1500u32.to_ne_bytes())
            .finish(0);
        let (kind, payload, rest) = split_message(&bytes).unwrap();
        assert_eq!((kind, rest.len()), (16, 0));
        let read: Vec<_> = attributes(payload, 16).collect();
        assert_eq!(read, [(3, &b"eth0\0"[..]), (4, &1500u32.to_ne_bytes()[..])]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>, skip in 0usize..40) {
            let mut rest = &bytes[..];
            while let Some((_, _, next)) = split_message(rest) {
                prop_assert!(next.len() < rest.len());
                rest = next;
            }
            prop_assert!(attributes(&bytes, skip).count() <= bytes.len());
        }
    }
}
