//! Waiting for block devices: the kernel announces each one (netlink(7), NETLINK_KOBJECT_UEVENT).

use crate::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::io;
use std::time::Instant;

/// The multicast group that the kernel sends to.
const KERNEL_GROUP: u32 = 1;
/// 2 KiB of environment and the path (linux/kobject.h, UEVENT_BUFFER_SIZE).
const MAX_MESSAGE: usize = 8 << 10;
/// In the messages about disks and partitions (lib/kobject_uevent.c).
const ABOUT_BLOCK: &[u8] = b"\0SUBSYSTEM=block\0";

/// The kernel's announcements from the moment it is opened.
pub(crate) struct Events {
    socket: OwnedFd,
}

impl Events {
    /// Starts to listen.
    pub(crate) fn open() -> Result<Self, Error> {
        Self::listen().map_err(Error::io("listen to the kernel's device events"))
    }

    fn listen() -> Result<Self, Errno> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::KOBJECT_UEVENT),
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { socket })
    }

    /// Looks, and looks again whenever a block device comes, goes or changes, until it finds something or `deadline` is over.
    pub(crate) fn wait_for<T>(
        &self,
        deadline: Instant,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Error> {
        loop {
            if let Some(found) = look() {
                return Ok(Some(found));
            }
            if !self.wait(deadline).map_err(Error::io("receive the kernel's device events"))? {
                return Ok(None);
            }
        }
    }

    /// Waits for news about block devices, and takes all that is there. `false`: the time is over.
    fn wait(&self, deadline: Instant) -> io::Result<bool> {
        let mut news = false;
        while !news {
            let left = deadline.saturating_duration_since(Instant::now());
            // A whole number of seconds that does not fit is far away.
            let left = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => news = self.drain()?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(true)
    }

    /// Whether anything that has arrived is about block devices. Anybody with CAP_NET_ADMIN can send here, which costs no more
    /// than a look.
    fn drain(&self) -> io::Result<bool> {
        let mut news = false;
        let mut message = [0; MAX_MESSAGE];
        loop {
            match recv(&self.socket, &mut message, RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    let message = message.get(..length).unwrap_or_default();
                    news |= message.windows(ABOUT_BLOCK.len()).any(|part| part == ABOUT_BLOCK);
                }
                // There was more than the socket could hold; some of it may have been about block devices.
                Err(Errno::NOBUFS) => news = true,
                Err(Errno::AGAIN) => return Ok(news),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
