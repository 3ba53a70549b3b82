//! How the three processes of a start talk: messages and descriptors over a `SOCK_SEQPACKET` socket.
//!
//! The caller's end goes with [`Running`](super::Running), the shim has the other; a second pair joins the shim and the container's
//! first process until that executes the command. The end of a process is seen as the end of its channel.

use super::error::StartError;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// More than the longest error, with all its characters escaped.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// `Start` with stdin, stdout and stderr carries the most.
const MOST_DESCRIPTORS: usize = 4;

/// One message; the descriptors that go with it are in parentheses.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// Caller → shim: run this (the Spec's JSON; then stdin, stdout and stderr unless the container has a terminal).
    Start,
    /// First process → shim → caller: the terminal (the master's end).
    Console,
    /// Shim → caller: the command was executed (a pidfd); the process ID is the machine's.
    Started { pid: u32 },
    /// The command was not executed, nothing is left.
    Failed(StartError),
    /// Shim → caller: the first process ended with this wait status; `None` if it was killed and did not end. The cgroup is gone, unless
    /// a process in it did not end.
    Exited { wait_status: Option<i32> },
}

/// One end.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

impl Channel {
    /// Two ends that are connected.
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::TOOBIG.into());
        }
        // A peer that is gone is an error to handle, not a signal to die of.
        retry_on_intr(|| sendmsg(&self.0, &[IoSlice::new(&text)], &mut ancillary, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Waits for a message; `None` when the other end is closed.
    pub(super) fn receive(&self) -> io::Result<Option<(Message, Vec<OwnedFd>)>> {
        let mut text = vec![0; LONGEST_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut text)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let length = match received {
            Ok(message) => message.bytes,
            // The peer died with an unread message of ours.
            Err(Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if length == 0 {
            return Ok(None);
        }
        let mut descriptors = Vec::new();
        for item in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = item {
                descriptors.extend(received);
            }
        }
        Ok(Some((serde_json::from_slice(&text[..length])?, descriptors)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Channel {
    fn from(end: OwnedFd) -> Self {
        Self(end)
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// Text of any length in an unnamed file, to be sent as a descriptor: a message has a largest size, a Spec has none.
pub(super) fn unnamed_file(text: &[u8]) -> io::Result<File> {
    use std::io::{Seek, Write};
    let mut file = File::from(rustix::fs::memfd_create(c"spec", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}
