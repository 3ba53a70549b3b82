//! `b2c.timeout`: a limit for the whole boot. When it is over, what holds the pipeline up is ended, and the pipeline finds its own way to its end; if it does not within a
//! while, the machine ends without it.

use crate::console::CONSOLE;
use crate::ending::Ending;
use container::runtime::Stopper;
use net::patience::Cancel;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The one of this boot.
pub static TIME_LIMIT: TimeLimit = TimeLimit {
    state: Mutex::new(State {
        limit: None,
        is_watched: false,
        phase: Phase::Steps,
        is_over: false,
        is_said: false,
        status: None,
        step: None,
    }),
    transfers: LazyLock::new(Arc::default),
};

/// The status of a pipeline that was cut, as timeout(1) has it.
pub const STATUS: u8 = 124;
/// Its cause.
pub const FAILED_BY: &str = "Timeout";

/// Between two looks at the clock.
const LOOK: Duration = Duration::from_secs(1);
/// A step that is asked to end gets no more time for it.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// For post containers, last pushes and the clean-up: as much as the limit itself, between these.
const GRACE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));
/// For a console.
const CONSOLE_PATIENCE: Duration = Duration::from_secs(5);
/// Prints some lines.
const STACK: usize = 64 << 10;

/// See the module.
pub struct TimeLimit {
    state: Mutex<State>,
    transfers: LazyLock<Arc<Cancel>>,
}

struct State {
    /// Since the start of the kernel.
    limit: Option<Duration>,
    is_watched: bool,
    phase: Phase,
    is_over: bool,
    /// The console says so, and at what.
    is_said: bool,
    /// What the first failure left.
    status: Option<u8>,
    /// The step that runs.
    step: Option<Arc<Stopper>>,
}

/// How far the boot is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// All that the limit can cut.
    Steps,
    /// What comes after the steps.
    After,
    /// The status line has been printed.
    Reported,
    /// Nothing is left that could hang.
    Ended,
}

impl TimeLimit {
    /// What the options say. It may be said again.
    pub fn set(&'static self, limit: Option<Duration>) {
        let mut state = self.state();
        state.limit = limit;
        if limit.is_none() || state.is_watched {
            return;
        }
        let watch = || self.watch();
        match thread::Builder::new().name("time limit".into()).stack_size(STACK).spawn(watch) {
            Ok(_) => state.is_watched = true,
            Err(error) => CONSOLE.error(&format!("b2c.timeout: there is no thread for it: {error}")),
        }
    }

    /// What is left; `None` without a limit.
    pub fn left(&self) -> Option<Duration> {
        self.state().limit.map(|limit| limit.saturating_sub(since_the_start()))
    }

    /// Something has failed; only the first one counts.
    pub fn failed(&self, status: u8) {
        self.state().status.get_or_insert(status);
    }

    /// Whether steps have been cut.
    pub fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// For whoever has seen the end of the time by himself: waits until the console says at what it came, which must not be what follows.
    pub fn wait_until_said(&self) {
        let deadline = Instant::now() + LOOK + CONSOLE_PATIENCE;
        while !self.state().is_said && Instant::now() < deadline {
            thread::sleep(LOOK / 20);
        }
    }

    /// Ends transfers when the limit is over, but not those that begin after [`TimeLimit::resume`].
    pub fn transfers(&self) -> Arc<Cancel> {
        Arc::clone(&self.transfers)
    }

    /// What was cut has ended; what follows may use the network again.
    pub fn resume(&self) {
        self.transfers.reset();
    }

    /// A step runs, and is ended when the limit is over.
    pub fn watch_step(&self, step: Arc<Stopper>) {
        let mut state = self.state();
        if state.is_over {
            step.kill_all();
        }
        state.step = Some(step);
    }

    /// It has ended.
    pub fn step_ended(&self) {
        self.state().step = None;
    }

    /// The boot has come so far.
    pub fn enter(&self, phase: Phase) {
        self.state().phase = phase;
        self.resume();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        while self.left().is_none_or(|left| !left.is_zero()) {
            thread::sleep(LOOK);
        }
        let limit = self.state().limit.unwrap_or_default();
        self.cut(limit);
        let grace = limit.clamp(GRACE.0, GRACE.1);
        while since_the_start() < limit + grace {
            thread::sleep(LOOK);
        }
        self.give_up(grace);
    }

    /// Ends what holds the steps up.
    fn cut(&self, limit: Duration) {
        let step = {
            let mut state = self.state();
            if state.phase > Phase::Steps {
                return;
            }
            state.is_over = true;
            state.step.clone()
        };
        say(move || {
            let doing = CONSOLE.doing();
            CONSOLE
                .error(&format!("The time limit of {} s is over (b2c.timeout) at: {doing}", limit.as_secs()));
        });
        // After that, or it would be said of what comes next.
        self.state().is_said = true;
        self.transfers.cancel();
        if let Some(step) = step {
            step.stop_within(STOP_PATIENCE);
        }
    }

    /// Ends the machine, unless it is about to end.
    fn give_up(&self, grace: Duration) {
        let (phase, status) = {
            let state = self.state();
            (state.phase, state.status.unwrap_or(STATUS))
        };
        if phase == Phase::Ended {
            return;
        }
        say(move || {
            // A container in the middle of a line is not waited for any more.
            CONSOLE.end_raw();
            let (doing, seconds) = (CONSOLE.doing(), grace.as_secs());
            CONSOLE.error(&format!(
                "{seconds} s after the time limit the boot has not ended; giving it up at: {doing}"
            ));
            if phase < Phase::Reported {
                CONSOLE.line(&format!("Execution is over, pipeline status: {status}"));
            }
        });
        std::process::exit(Ending::PowerOff.exit_code().into())
    }
}

/// Says it in a thread of its own: a console that takes nothing (a serial line whose other end says stop) must not hold the end up.
fn say(lines: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel::<()>();
    let lines = move || {
        lines();
        drop(done);
    };
    if thread::Builder::new().name("last words".into()).stack_size(STACK).spawn(lines).is_ok() {
        // An error is the end that is waited for.
        let _ = is_done.recv_timeout(CONSOLE_PATIENCE);
    }
}

/// Of the kernel.
fn since_the_start() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::from_secs(now.tv_sec.unsigned_abs())
}
