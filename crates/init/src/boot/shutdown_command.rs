//! `b2c.shutdown_cmd` and `b2c.reboot_cmd`: a few commands of a shell, without a shell.

use crate::console::CONSOLE;
use crate::ending::Ending;
use crate::pipeline::state::State;
use options::CommandList;
use std::process::Command;
use std::time::Duration;

/// Runs the commands in order, up to the first that ends the machine; `None` when none does.
pub fn run(commands: &CommandList, state: &State) -> Option<Ending> {
    commands.expand(&|name| state.lookup(name)).iter().find_map(|words| run_one(words, state))
}

fn run_one(words: &[String], state: &State) -> Option<Ending> {
    let (command, arguments) = words.split_first()?;
    match command.as_str() {
        // Their flags (`-f`) say how hard to go about it; there is one way here.
        "poweroff" => return Some(Ending::PowerOff),
        "reboot" => return Some(Ending::Reboot),
        "halt" => return Some(Ending::Halt),
        "echo" => CONSOLE.plain(&arguments.join(" ")),
        "sync" => rustix::fs::sync(),
        "sleep" => sleep(arguments),
        _ => run_program(command, arguments, state),
    }
    None
}

fn sleep(arguments: &[String]) {
    let seconds = arguments.first().and_then(|text| text.parse().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(duration) => std::thread::sleep(duration),
        None => CONSOLE.error(&format!("sleep {}: not a number of seconds", arguments.join(" "))),
    }
}

/// A program that another archive of the initrd brought.
fn run_program(command: &str, arguments: &[String], state: &State) {
    match Command::new(command).args(arguments).envs(state.variables()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => CONSOLE.error(&format!("{command}: {status}")),
        Err(error) => CONSOLE.error(&format!(
            "{command}: {error}; there is no shell here: use echo, sleep, sync, poweroff, reboot, halt, or bring the program in an archive of the initrd"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(text: &str) -> Option<Ending> {
        run(&CommandList::parse(text).unwrap(), &State { status: 3, ..State::default() })
    }

    #[test]
    fn the_first_command_that_ends_the_machine_is_the_last() {
        assert_eq!(ending("sleep 0; poweroff -f; reboot"), Some(Ending::PowerOff));
        assert_eq!(ending("halt"), Some(Ending::Halt));
        assert_eq!(ending("sync"), None);
    }

    #[test]
    fn a_command_that_is_not_there_does_not_end_the_list() {
        assert_eq!(ending("no-such-program x; reboot -f"), Some(Ending::Reboot));
    }
}
