//! The kernel's own announcements of new devices: netlink(7), NETLINK_KOBJECT_UEVENT.

use crate::Error;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind, netlink, netlink::SocketAddrNetlink,
        recvfrom, socket_with, sockopt,
    },
};
use std::{io, mem::MaybeUninit, os::fd::OwnedFd};

/// The multicast group the kernel sends to; udev's own messages go to another.
const KERNEL_GROUP: u32 = 1;
/// The kernel's bound for one message is 2 KiB of environment and the path (linux/kobject.h, UEVENT_BUFFER_SIZE).
const MAX_MESSAGE: usize = 8 << 10;
/// What can pile up while a slow driver is loaded.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Announcements of devices, from the moment it is opened. Open it before
/// [`Modules::load_for_hardware`](crate::Modules::load_for_hardware), and no device is missed between the two.
#[derive(Debug)]
pub struct Uevents {
    socket: OwnedFd,
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Names (modaliases) of devices that were added or changed.
    Devices(Vec<String>),
    /// There was more than the socket could hold, and some of it is gone.
    Lost,
}

impl Uevents {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the kernel has no netlink, or refuses it.
    pub fn open() -> Result<Self, Error> {
        Self::listen().map_err(|errno| Error::read("the kernel's device events (netlink)")(errno.into()))
    }

    fn listen() -> Result<Self, Errno> {
        let protocol = Some(netlink::KOBJECT_UEVENT);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, protocol)?;
        // Larger than the administrator's bound takes a right that a container may lack; then the default has to do.
        if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
        }
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { socket })
    }

    /// Waits for devices, and gives all that are announced by then.
    pub(crate) fn next(&self) -> io::Result<News> {
        let mut devices = Vec::new();
        let mut wait = RecvFlags::empty();
        loop {
            match self.receive(wait) {
                Ok(found) => devices.extend(found),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(News::Devices(devices)),
                Err(Errno::NOBUFS) => return Ok(News::Lost),
                Err(errno) => return Err(errno.into()),
            }
            if !devices.is_empty() {
                wait = RecvFlags::DONTWAIT;
            }
        }
    }

    fn receive(&self, flags: RecvFlags) -> Result<Option<String>, Errno> {
        let mut buffer = [MaybeUninit::uninit(); MAX_MESSAGE];
        let ((message, _), _, sender) = recvfrom(&self.socket, &mut buffer, flags)?;
        // Process 0 is the kernel; anybody else with CAP_NET_ADMIN, such as a container, can send here too.
        let from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|s| s.pid() == 0);
        Ok(from_kernel.then(|| device(message)).flatten())
    }
}

/// The MODALIAS of a device that was not removed: `add@/devices/…`, then NUL-separated `KEY=value` strings (lib/kobject_uevent.c).
fn device(message: &[u8]) -> Option<String> {
    let mut strings = message.split(|&byte| byte == 0).filter_map(|string| std::str::from_utf8(string).ok());
    let (action, _) = strings.next()?.split_once('@')?;
    if action == "remove" || action == "unbind" {
        return None;
    }
    strings
        .find_map(|string| string.strip_prefix("MODALIAS="))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_kernels_messages() {
        let body =
            "devices/x\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=pci\0MODALIAS=pci:v00001AF4d\0SEQNUM=7\0";
        assert_eq!(device(format!("add@/{body}").as_bytes()).as_deref(), Some("pci:v00001AF4d"));
        assert_eq!(device(format!("change@/{body}").as_bytes()).as_deref(), Some("pci:v00001AF4d"));
        assert_eq!(device(format!("remove@/{body}").as_bytes()), None);
        assert_eq!(device(b"add@/devices/x\0ACTION=add\0MODALIAS=\0"), None);
        assert_eq!(device(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(device(b""), None);
    }

    proptest! {
        #[test]
        fn survives_any_message(message: Vec<u8>) {
            let _ = device(&message);
        }
    }

    /// The real kernel, asked to announce a device again (Documentation/ABI/testing/sysfs-uevent).
    #[test]
    fn hears_the_kernel() {
        let events = Uevents::open().unwrap();
        let name = std::fs::read_to_string("/sys/devices/system/cpu/modalias").unwrap();
        std::fs::write("/sys/devices/system/cpu/cpu0/uevent", "add").unwrap();
        // Other devices may be announced meanwhile.
        while let News::Devices(devices) = events.next().unwrap() {
            if devices.iter().any(|device| device.trim() == name.trim()) {
                return;
            }
        }
        panic!("events were lost");
    }
}
