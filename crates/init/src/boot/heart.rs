//! Signs of life for process 1, for as long as the boot logic lives.

use crate::console::CONSOLE;
use crate::pulse::{self, Limit};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A file is read into a buffer of some hundred bytes.
const STACK: usize = 64 << 10;

/// See the module.
pub struct Heart(Arc<Mutex<Limit>>);

impl Heart {
    /// Begins to beat. `number` is what process 1 gave to this process.
    pub fn start(number: Option<&str>, limit: Limit) -> Heart {
        let shared = Arc::new(Mutex::new(limit));
        let Some(heart) = number.and_then(pulse::Heart::inherited) else { return Heart(shared) };
        let (limit, heart) = (Arc::clone(&shared), Arc::new(heart));
        let beating = Arc::clone(&heart);
        let beat = move || {
            loop {
                if !is_stopped() {
                    beating.beat(*limit.lock().unwrap_or_else(PoisonError::into_inner));
                }
                thread::sleep(pulse::INTERVAL);
            }
        };
        if let Err(error) = thread::Builder::new().name("heart".into()).stack_size(STACK).spawn(beat) {
            CONSOLE.error(&format!("There is no thread for the watchdog, which is switched off: {error}"));
            heart.beat(None);
        }
        Heart(shared)
    }

    /// The machine may hang so long from now on.
    pub fn limit(&self, limit: Limit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }
}

/// Whether the main thread was stopped alone, as by a debugger; a signal stops all threads, this one, too (proc_pid_stat(5)).
fn is_stopped() -> bool {
    let path = format!("/proc/self/task/{}/stat", std::process::id());
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('T' | 't' | 'Z' | 'X'))
}
