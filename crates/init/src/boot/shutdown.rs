//! The last lines, and the choice of how the machine ends.

use super::shutdown_command;
use crate::console::CONSOLE;
use crate::ending::Ending;
use crate::patience;
use crate::pipeline::state::{ShutdownMode, State};
use crate::report::debug_exit;
use options::Options;

/// Says that all is done, waits if asked to, and runs the user's last command.
pub fn end(options: &Options, state: &State) -> Ending {
    debug_exit::ending(options, state, last_words(options, state))
}

fn last_words(options: &Options, state: &State) -> Ending {
    if !patience::write_back(rustix::fs::sync, || {}) {
        CONSOLE.error("Not everything could be written to its disk: one does not answer any more");
    }
    if state.shutdown_mode == ShutdownMode::Reboot {
        CONSOLE.line("Rebooting the computer");
        return shutdown_command::run(&options.reboot_cmd, state).unwrap_or(Ending::Reboot);
    }
    CONSOLE.line("It's now safe to turn off your computer");
    std::thread::sleep(options.poweroff_delay);
    shutdown_command::run(&options.shutdown_cmd, state).unwrap_or(Ending::PowerOff)
}
