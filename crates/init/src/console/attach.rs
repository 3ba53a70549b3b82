//! The relay between the console and a container, until the container ends.

use super::size::{self, Answer};
use super::{CONSOLE, open};
use container::runtime::{self, Io, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::Winsize;
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// What a container wrote last may still be in its pipes when it has ended; this long without a byte, and there is no more.
const LAST_WORDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// A container that hangs its terminal up over and over must not keep the processor busy.
pub const HANG_UP: Duration = Duration::from_millis(20);

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// The console's size, if the terminal is one that knows it (a screen does, a serial line does not).
fn known_size() -> Option<Winsize> {
    let size = rustix::termios::tcgetwinsize(open(OFlags::RDONLY)?).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some(size)
}

/// What to print at the end of the last line before an interactive container, so that its size becomes known.
pub fn size_question() -> &'static str {
    if known_size().is_some() { "" } else { size::QUESTION }
}

/// Opens the container's end of its terminal. An init system closes that, hangs it up (vhangup(2)) and opens it again as it likes; while it is open nowhere,
/// reading from the master fails as if all were over.
pub fn hold_open(master: &OwnedFd) -> Option<OwnedFd> {
    runtime::open_terminal(master).ok()
}

/// Passes bytes both ways until the container has ended and said its last.
///
/// `stdin` says whether the container is given what is typed, `asked` whether the terminal was asked for its size.
pub fn attach(running: &mut Running, stdin: bool, asked: bool) {
    let io = std::mem::replace(&mut running.io, Io::Null);
    let mut relay = Relay::new(io, stdin, asked);
    CONSOLE.begin_raw();
    let mut ended = false;
    // A container may close its outputs and go on, and still read.
    while !ended || !relay.outputs.is_empty() {
        match relay.turn(running.exited_fd(), ended) {
            Turn::Busy => {}
            Turn::Ended => {
                ended = true;
                relay.slave = None;
                // The caller asks again. If the shim was killed, this kills what is left of the container, which might write for ever.
                let _ = running.wait();
            }
            Turn::Silent => break,
        }
    }
    CONSOLE.end_raw();
}

/// What one turn of the loop brought.
enum Turn {
    /// Bytes, or the end of a stream.
    Busy,
    /// The container's end.
    Ended,
    /// Nothing for [`LAST_WORDS`].
    Silent,
}

struct Relay {
    /// From [`hold_open`], as long as the container runs.
    slave: Option<OwnedFd>,
    /// Where the container writes to; shorter with each one that ends.
    outputs: Vec<OwnedFd>,
    /// Where it reads from.
    input: Option<OwnedFd>,
    keyboard: Option<File>,
    answer: Answer,
    /// Typed, and not yet taken by the container.
    typed: Vec<u8>,
    buffer: Vec<u8>,
}

impl Relay {
    fn new(io: Io, stdin: bool, asked: bool) -> Self {
        let mut slave = None;
        let (outputs, input) = match io {
            Io::Terminal(master) => {
                slave = hold_open(&master);
                // It fails only where the container has closed its terminal already.
                let _ = rustix::termios::tcsetwinsize(&master, known_size().unwrap_or(size::DEFAULT));
                let input = if stdin { master.try_clone().ok() } else { None };
                (vec![master], input)
            }
            Io::Pipes { stdin, stdout, stderr } => (vec![stdout, stderr], stdin),
            Io::Null => (Vec::new(), None),
        };
        if let Some(input) = &input {
            // A container that does not read must not stop what it writes.
            let _ = rustix::io::ioctl_fionbio(input, true);
        }
        let keyboard = if input.is_some() { open(OFlags::RDONLY | OFlags::NONBLOCK) } else { None };
        Relay {
            slave,
            outputs,
            input,
            keyboard,
            answer: Answer::expected(asked),
            typed: Vec::new(),
            buffer: vec![0; CHUNK],
        }
    }

    /// Waits for something to happen and deals with all of it.
    fn turn(&mut self, exited: BorrowedFd<'_>, ended: bool) -> Turn {
        let mut fds: Vec<PollFd<'_>> = self.outputs.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let outputs = fds.len();
        // poll(2) passes over events that were not asked for, but reports a hang-up always: an ended container is left out.
        if !ended {
            fds.push(PollFd::from_borrowed_fd(exited, PollFlags::IN));
        }
        match (&self.keyboard, &self.input) {
            (_, Some(input)) if !self.typed.is_empty() => fds.push(PollFd::new(input, PollFlags::OUT)),
            (Some(keyboard), Some(_)) => fds.push(PollFd::new(keyboard, PollFlags::IN)),
            _ => {}
        }
        let happened = poll(&mut fds, if ended { Some(&LAST_WORDS) } else { None });
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if happened == Ok(0) {
            return Turn::Silent;
        }
        let (outputs, others) = ready.split_at(outputs);
        let (exit, keys) = match (ended, others) {
            (false, [exit, rest @ ..]) => (*exit, rest),
            (_, rest) => (false, rest),
        };
        self.pass_output(outputs, ended);
        if keys.first() == Some(&true) {
            self.pass_input();
        }
        if exit { Turn::Ended } else { Turn::Busy }
    }

    fn pass_output(&mut self, ready: &[bool], ended: bool) {
        let mut ready = ready.iter();
        self.outputs.retain(|fd| {
            if ready.next() != Some(&true) {
                return true;
            }
            match rustix::io::read(fd, &mut self.buffer[..]) {
                Ok(0) => false,
                Ok(length) => {
                    CONSOLE.raw(self.buffer.get(..length).unwrap_or_default());
                    true
                }
                Err(Errno::INTR | Errno::AGAIN) => true,
                // The terminal was hung up.
                Err(Errno::IO) if self.slave.is_some() && !ended => {
                    std::thread::sleep(HANG_UP);
                    self.slave = hold_open(fd);
                    true
                }
                Err(_) => false,
            }
        });
    }

    /// Takes what was typed unless the container has not taken the last of it yet, and passes it on.
    fn pass_input(&mut self) {
        if self.typed.is_empty() {
            self.read_keyboard();
        }
        let Some(input) = &self.input else { return };
        if self.typed.is_empty() {
            return;
        }
        match rustix::io::write(input, &self.typed) {
            Ok(length) => drop(self.typed.drain(..length)),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => self.close_input(),
        }
    }

    fn read_keyboard(&mut self) {
        let Some(keyboard) = &self.keyboard else { return };
        match rustix::io::read(keyboard, &mut self.buffer[..]) {
            Ok(0) => self.close_input(),
            Ok(length) => {
                let (typed, size) = self.answer.filter(self.buffer.get(..length).unwrap_or_default());
                self.typed = typed;
                if let (Some(size), Some(input)) = (size, &self.input) {
                    // A pipe has no size: its container gets the typed bytes alone.
                    let _ = rustix::termios::tcsetwinsize(input, size);
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The line was hung up: a new descriptor sees what is typed from now on.
            Err(_) => self.keyboard = open(OFlags::RDONLY | OFlags::NONBLOCK),
        }
    }

    /// The container reads the end of its input.
    fn close_input(&mut self) {
        self.input = None;
        self.keyboard = None;
        self.typed.clear();
    }
}
