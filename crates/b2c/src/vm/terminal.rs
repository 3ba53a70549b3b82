//! The user's terminal while it is the guest's: every key, Ctrl-C too, goes to the guest.

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io;

/// Raw mode for as long as the value lives. Does nothing if stdin is not a terminal.
pub struct RawTerminal {
    before: Option<Termios>,
}

impl RawTerminal {
    /// Remembers the terminal's mode and makes it raw.
    pub fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self { before: Some(before) })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The terminal may be gone by now.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
