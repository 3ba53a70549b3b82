//! A machine that runs, seen through its serial console.

use crate::slots::Slot;
use b2c::vm::pipeline_status;
use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How many bytes of the console are shown when a test fails.
const TAIL: usize = 6000;

/// A machine that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Vm {
    qemu: Child,
    console: Arc<Console>,
    /// Where the search for the next text starts.
    seen: usize,
    started: Instant,
    timeout: Duration,
    _folder: TempDir,
    _slot: Slot,
}

/// What a machine leaves behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Everything it printed, with `\r\n`.
    pub console: String,
    /// The same by line, without the line ends.
    pub lines: Vec<String>,
    /// Whether it ended by itself in time.
    pub exited: bool,
    /// QEMU's own exit code, if it ended by itself.
    pub exit_code: Option<i32>,
    /// From its start to its end.
    pub seconds: f64,
}

#[derive(Debug, Default)]
struct Console {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Vm {
    pub(crate) fn start(machine: &mut Command, timeout: Duration, folder: TempDir) -> Self {
        let slot = Slot::take();
        let mut qemu = machine.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let console = Arc::new(Console::default());
        let stdout = qemu.stdout.take().unwrap();
        let copy = Arc::clone(&console);
        thread::spawn(move || copy.fill(stdout));
        Self { qemu, console, seen: 0, started: Instant::now(), timeout, _folder: folder, _slot: slot }
    }

    /// QEMU's process ID.
    pub fn pid(&self) -> u32 {
        self.qemu.id()
    }

    /// Waits until `text` appears on the console, after what earlier calls waited for. Returns what was printed up to its end.
    ///
    /// # Panics
    /// With the end of the console, if the text does not come in time.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        let mut state = self.console.state.lock().unwrap();
        loop {
            if let Some(position) = find(&state.bytes[self.seen..], text.as_bytes()) {
                let end = self.seen + position + text.len();
                let before = String::from_utf8_lossy(&state.bytes[self.seen..end]).into_owned();
                self.seen = end;
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                let console = String::from_utf8_lossy(&state.bytes).into_owned();
                drop(state);
                panic!("{text:?} does not appear; the console's end:\n{}", tail(&console));
            }
            state = self.console.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Types `text`; `\r` is the Enter key, `\x03` Ctrl-C. Ctrl-A (`\x01`) is QEMU's, and has to be typed twice.
    pub fn send(&mut self, text: &str) {
        let keys = self.qemu.stdin.as_mut().unwrap();
        keys.write_all(text.as_bytes()).and_then(|()| keys.flush()).unwrap();
    }

    /// Waits for the machine's end, or ends it when its time is over.
    pub fn finish(mut self) -> Outcome {
        let deadline = self.started + self.timeout;
        let mut state = self.console.state.lock().unwrap();
        while !state.ended && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            state = self.console.changed.wait_timeout(state, left).unwrap().0;
        }
        let exited = state.ended;
        drop(state);
        let exit_code = self.exit_code(exited);
        self.end();
        let seconds = self.started.elapsed().as_secs_f64();
        let console = String::from_utf8_lossy(&self.console.state.lock().unwrap().bytes).into_owned();
        let lines = console.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect();
        Outcome { console, lines, exited, exit_code, seconds }
    }

    /// Ends the machine at once, as when somebody pulls the plug.
    pub fn kill(mut self) -> Outcome {
        self.end();
        Outcome { exited: false, ..self.finish() }
    }

    /// The console may end a moment before QEMU does.
    fn exit_code(&mut self, exited: bool) -> Option<i32> {
        if exited { self.qemu.wait().unwrap().code() } else { None }
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.end();
    }
}

impl Console {
    /// Reads until the machine has ended.
    fn fill(&self, mut stdout: ChildStdout) {
        let mut chunk = [0; 8192];
        loop {
            let count = stdout.read(&mut chunk).unwrap_or(0);
            let mut state = self.state.lock().unwrap();
            state.bytes.extend_from_slice(&chunk[..count]);
            state.ended = count == 0;
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

impl Outcome {
    /// The number of the status line, if there is one.
    pub fn status(&self) -> Option<u8> {
        pipeline_status(&self.console)
    }

    /// Whether a line is exactly that.
    pub fn has_line(&self, line: &str) -> bool {
        self.lines.iter().any(|it| it == line)
    }

    /// # Panics
    /// With the console's end, unless that is the pipeline's status.
    #[track_caller]
    pub fn expect_status(&self, status: u8) -> &Self {
        assert_eq!(self.status(), Some(status), "pipeline status; the console's end:\n{}", self.tail());
        self
    }

    /// # Panics
    /// With the console's end, unless it contains `text`.
    #[track_caller]
    pub fn expect(&self, text: &str) -> &Self {
        assert!(self.console.contains(text), "{text:?} is missing; the console's end:\n{}", self.tail());
        self
    }

    /// # Panics
    /// With the console's end, if it contains `text`.
    #[track_caller]
    pub fn expect_no(&self, text: &str) -> &Self {
        assert!(!self.console.contains(text), "{text:?} is there; the console's end:\n{}", self.tail());
        self
    }

    /// # Panics
    /// With the console's end, unless a line is exactly `line`: raw output at column 0.
    #[track_caller]
    pub fn expect_line(&self, line: &str) -> &Self {
        assert!(self.has_line(line), "no line is {line:?}; the console's end:\n{}", self.tail());
        self
    }

    /// The end of the console, for messages.
    pub fn tail(&self) -> &str {
        tail(&self.console)
    }
}

fn tail(console: &str) -> &str {
    let start = console.len().saturating_sub(TAIL);
    let start = (start..console.len()).find(|at| console.is_char_boundary(*at)).unwrap_or(console.len());
    &console[start..]
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
