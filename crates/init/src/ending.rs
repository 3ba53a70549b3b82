//! How the machine is to end: the one thing that the boot process tells process 1.

use rustix::system::RebootCommand;

/// What process 1 does last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Switch the machine off.
    PowerOff,
    /// Start it again.
    Reboot,
    /// Stop the processors, leave the power on.
    Halt,
}

impl Ending {
    /// The boot process's exit code for this ending: none that a crash yields (0 is a forgotten return, 1 and 101 an error and a panic, 128 and more a signal).
    pub fn exit_code(self) -> u8 {
        match self {
            Ending::PowerOff => 40,
            Ending::Reboot => 41,
            Ending::Halt => 42,
        }
    }

    /// The ending behind an exit code; `None` when the boot process did not choose one.
    pub fn from_exit_code(code: i32) -> Option<Ending> {
        [Ending::PowerOff, Ending::Reboot, Ending::Halt]
            .into_iter()
            .find(|ending| i32::from(ending.exit_code()) == code)
    }

    /// The command of reboot(2).
    pub fn reboot_command(self) -> RebootCommand {
        match self {
            Ending::PowerOff => RebootCommand::PowerOff,
            Ending::Reboot => RebootCommand::Restart,
            Ending::Halt => RebootCommand::Halt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ending;

    #[test]
    fn crashes_are_no_endings() {
        for code in [0, 1, 2, 101, 125, 134, 137, -1, 255] {
            assert_eq!(Ending::from_exit_code(code), None, "{code}");
        }
    }

    #[test]
    fn exit_codes_carry_endings() {
        for ending in [Ending::PowerOff, Ending::Reboot, Ending::Halt] {
            assert_eq!(Ending::from_exit_code(ending.exit_code().into()), Some(ending));
        }
    }
}
