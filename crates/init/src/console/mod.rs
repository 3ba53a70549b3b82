//! The console. Test farms read it with regular expressions, so the form of every line is decided here and nowhere else:
//!
//! * log lines are `[<uptime>]: text`, errors red, sections as GitLab folds them;
//! * what a container writes goes through as it is ([`attach`]), and our next line starts at column 0;
//! * a console that goes away is opened again, and what cannot be written is dropped: nothing waits for it, nothing ends by it.

pub mod attach;
mod logger;
mod size;

use crate::report;
use rustix::fs::{Mode, OFlags};
use rustix::termios::{Action, InputModes, OptionalActions, Termios};
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use logger::install as install_logger;

/// The machine's console; process 1 and the boot process have one each, which share the terminal.
pub static CONSOLE: Console = Console {
    state: Mutex::new(State {
        terminal: None,
        settings: None,
        raw: false,
        mid_line: false,
        section: None,
        doing: String::new(),
        attached: false,
        waiting: Vec::new(),
    }),
};

const PATH: &str = "/dev/console";
const RED: &str = "\x1b[0;31m";
const CYAN: &str = "\x1b[0;36m";
const RESET: &str = "\x1b[0m";
const ERASE_LINE: &str = "\x1b[0K";

/// See the module.
pub struct Console {
    state: Mutex<State>,
}

struct State {
    /// Opened at the first write.
    terminal: Option<File>,
    /// As they were when this process opened it first, without flow control: what to go back to after every container.
    settings: Option<Termios>,
    /// Lines must end in `\r\n` themselves.
    raw: bool,
    /// A container left the cursor in the middle of a line.
    mid_line: bool,
    /// The section that is open.
    section: Option<&'static str>,
    /// The title of the last one.
    doing: String,
    /// A container writes; our lines wait while it is in the middle of one of its own.
    attached: bool,
    /// What waits.
    waiting: Vec<String>,
}

/// More of our lines are not held back, whatever the container is in the middle of.
const MOST_WAITING: usize = 32;

/// How a section is shown until its reader unfolds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Title only.
    Collapsed,
    /// In full.
    Open,
}

impl Console {
    /// Opens the console anew, and gives it to this process as stdin, stdout and stderr, for children and panics.
    pub fn reopen(&self) {
        let mut state = self.state();
        state.terminal = open(OFlags::RDWR);
        if let Some(terminal) = &state.terminal {
            // Each may fail only where the descriptor table is full or the console is gone; the console is still written through `terminal`.
            let _ = rustix::stdio::dup2_stdin(terminal);
            let _ = rustix::stdio::dup2_stdout(terminal);
            let _ = rustix::stdio::dup2_stderr(terminal);
        }
        state.restore();
    }

    /// Takes the console over from a process that died while it had made it raw, and left it in the middle of a line.
    pub fn take_over(&self) {
        let mut state = self.state();
        state.restore();
        state.mid_line = true;
    }

    /// `[t]: text`
    pub fn line(&self, text: &str) {
        report::line(text);
        self.state().put_line(&format!("[{}]: {text}", uptime()));
    }

    /// `[t]: ERROR: text` in red. The open section is closed first: nobody unfolds a section to look for an error.
    pub fn error(&self, text: &str) {
        report::error(text);
        let mut state = self.state();
        state.end_section();
        state.put_line(&format!("{RED}[{}]: ERROR: {text}{RESET}", uptime()));
    }

    /// Text as it is, on a line of its own (`echo` of a shutdown command).
    pub fn plain(&self, text: &str) {
        self.state().put_line(text);
    }

    /// Bytes of a container, untouched.
    pub fn raw(&self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            let mut state = self.state();
            state.write(bytes);
            state.mid_line = *last != b'\n';
            if !state.mid_line {
                state.put_waiting();
            }
        }
    }

    /// A container writes from here on.
    pub fn begin_raw(&self) {
        self.state().attached = true;
    }

    /// It has said its last.
    pub fn end_raw(&self) {
        let mut state = self.state();
        state.attached = false;
        state.put_waiting();
    }

    /// Opens a section, and closes the one before.
    pub fn section(&self, name: &'static str, title: &str, fold: Fold) {
        report::begin_stage(name, title);
        let mut state = self.state();
        state.end_section();
        let collapsed = if fold == Fold::Collapsed { "[collapsed=true]" } else { "" };
        let start = format!("{ERASE_LINE}section_start:{}:{name}{collapsed}\r{ERASE_LINE}", unix_time());
        state.put_line(&format!("{start}{CYAN}[{}]: {title}{RESET}", uptime()));
        state.section = Some(name);
        title.clone_into(&mut state.doing);
    }

    /// What the machine is at: the title of the last section.
    pub fn doing(&self) -> String {
        self.state().doing.clone()
    }

    /// Closes the open section, if there is one.
    pub fn end_section(&self) {
        report::end_stage();
        self.state().end_section();
    }

    /// Closes the section `b2c_kernel_boot`, which the farm opened before it switched the machine on.
    pub fn close_kernel_section(&self) {
        let mut state = self.state();
        state.section = Some("b2c_kernel_boot");
        state.end_section();
    }

    /// Passes every byte through as it is, both ways, until [`Console::restore`]: a container's own pseudo-terminal does the line editing.
    pub fn make_raw(&self) {
        let mut state = self.state();
        // Not a terminal: nothing translates bytes there.
        let Some(mut raw) = state.settings.clone() else { return };
        raw.make_raw();
        state.raw = state.set(&raw);
    }

    /// Undoes [`Console::make_raw`], and whatever a container that was given the console's device did to it.
    pub fn restore(&self) {
        self.state().restore();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn terminal(&mut self) -> Option<&mut File> {
        if self.terminal.is_none() {
            self.terminal = open(OFlags::RDWR);
        }
        if let (None, Some(terminal)) = (&self.settings, &self.terminal) {
            self.settings = without_flow_control(terminal);
        }
        self.terminal.as_mut()
    }

    fn restore(&mut self) {
        // Opened first, for that is when the settings are learned.
        let terminal = self.terminal().is_some();
        if let (true, Some(settings)) = (terminal, self.settings.clone()) {
            self.set(&settings);
        }
        self.raw = false;
    }

    /// `false`: the console went away, and has no settings.
    fn set(&mut self, settings: &Termios) -> bool {
        let Some(terminal) = self.terminal() else { return false };
        let set = rustix::termios::tcsetattr(&*terminal, OptionalActions::Now, settings).is_ok();
        // Output that was stopped before flow control was switched off stays stopped otherwise.
        let _ = rustix::termios::tcflow(&*terminal, Action::OOn);
        set
    }

    fn end_section(&mut self) {
        if let Some(name) = self.section.take() {
            self.put_line(&format!("{ERASE_LINE}section_end:{}:{name}\r{ERASE_LINE}", unix_time()));
        }
    }

    fn put_line(&mut self, line: &str) {
        if self.attached && self.mid_line && self.waiting.len() < MOST_WAITING {
            self.waiting.push(line.to_owned());
            return;
        }
        let end = if self.raw { "\r\n" } else { "\n" };
        let start = if std::mem::take(&mut self.mid_line) { end } else { "" };
        self.write(format!("{start}{line}{end}").as_bytes());
    }

    fn put_waiting(&mut self) {
        for line in std::mem::take(&mut self.waiting) {
            self.put_line(&line);
        }
    }

    /// Writes, once more after a fresh open: a getty that hangs up the line leaves every older descriptor dead.
    fn write(&mut self, bytes: &[u8]) {
        for _ in 0..2 {
            let written = match self.terminal() {
                Some(terminal) => terminal.write_all(bytes),
                None => write_stderr(bytes),
            };
            if written.is_ok() {
                return;
            }
            self.terminal = None;
        }
    }
}

/// The terminal's settings, but for flow control: a byte of noise on a serial line may be the one that stops all output (XOFF), and nobody would start it again.
fn without_flow_control(terminal: &File) -> Option<Termios> {
    let mut settings = rustix::termios::tcgetattr(terminal).ok()?;
    settings.input_modes.remove(InputModes::IXON | InputModes::IXOFF);
    Some(settings)
}

/// Before /dev is there, the kernel's own descriptor is the console.
fn write_stderr(bytes: &[u8]) -> std::io::Result<()> {
    std::io::stderr().write_all(bytes)
}

/// Opens the console without making it the controlling terminal.
fn open(access: OFlags) -> Option<File> {
    rustix::fs::open(PATH, access | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).ok().map(File::from)
}

/// Seconds since the kernel started, with two decimals.
pub fn uptime() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    format!("{}.{:02}", now.tv_sec, now.tv_nsec / 10_000_000)
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
