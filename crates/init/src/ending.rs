//! How the machine is to end: what the boot process tells process 1 by its own end.

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
    /// End QEMU with twice this plus one, by its debug-exit device. At most [`MOST_DEBUG_EXIT`].
    DebugExit(u8),
}

/// An exit code has eight bits, and one of them is always set: what is more would come out as something else, 128 as a success.
const MOST_DEBUG_EXIT: u8 = 127;
/// The boot process's exit code for a debug exit with 0.
const DEBUG_EXIT: u8 = 128;

impl Ending {
    /// A debug exit with that status, or with what stands for all that are greater.
    pub fn debug_exit(status: u8) -> Ending {
        Ending::DebugExit(status.min(MOST_DEBUG_EXIT))
    }

    /// The boot process's exit code for this ending: none that a crash yields (0 is a forgotten return, 1 and 101 an error and a panic; what a signal ended has no exit code).
    pub fn exit_code(self) -> u8 {
        match self {
            Ending::PowerOff => 40,
            Ending::Reboot => 41,
            Ending::Halt => 42,
            Ending::DebugExit(status) => DEBUG_EXIT | status,
        }
    }

    /// The ending behind an exit code; `None` when the boot process did not choose one.
    pub fn from_exit_code(code: i32) -> Option<Ending> {
        let code = u8::try_from(code).ok()?;
        if let Some(status) = code.checked_sub(DEBUG_EXIT) {
            return Some(Ending::DebugExit(status));
        }
        [Ending::PowerOff, Ending::Reboot, Ending::Halt].into_iter().find(|ending| ending.exit_code() == code)
    }

    /// The command of reboot(2); for a debug exit, if it is refused.
    pub fn reboot_command(self) -> RebootCommand {
        match self {
            Ending::PowerOff | Ending::DebugExit(_) => RebootCommand::PowerOff,
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
        for code in [0, 1, 2, 101, 125, -1, 256] {
            assert_eq!(Ending::from_exit_code(code), None, "{code}");
        }
    }

    #[test]
    fn exit_codes_carry_endings() {
        let debug_exits = [0, 1, 127, 128, 255].map(Ending::debug_exit);
        for ending in [Ending::PowerOff, Ending::Reboot, Ending::Halt].into_iter().chain(debug_exits) {
            assert_eq!(Ending::from_exit_code(ending.exit_code().into()), Some(ending));
        }
    }

    #[test]
    fn no_failure_comes_out_of_qemu_as_a_success() {
        for status in 1..=255 {
            let Ending::DebugExit(code) = Ending::debug_exit(status) else { panic!("{status}") };
            let exit_code = (u32::from(code) * 2 + 1) & 0xff;
            assert_eq!((exit_code - 1) / 2, u32::from(status.min(127)));
        }
    }
}
