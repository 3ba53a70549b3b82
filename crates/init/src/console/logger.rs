//! What library rooms say through the `log` facade, as console lines.

use super::CONSOLE;
use log::{Level, LevelFilter, Log, Metadata, Record};

struct Logger;

/// Crates whose own talk is for their developers.
const QUIET: [&str; 2] = ["ureq", "rustls"];

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        !QUIET.iter().any(|name| metadata.target().starts_with(name))
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match record.level() {
            Level::Error => CONSOLE.error(&record.args().to_string()),
            Level::Warn => CONSOLE.line(&format!("WARNING: {}", record.args())),
            _ => CONSOLE.line(&record.args().to_string()),
        }
    }

    fn flush(&self) {}
}

/// From here on the `log` macros print on the console.
pub fn install() {
    // It fails only when a logger is installed already, which is then this one.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Info);
}
