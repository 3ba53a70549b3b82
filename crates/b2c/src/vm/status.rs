//! How the pipeline ended: by QEMU's exit code, and by what the guest's console says.

/// The text in front of the number. CI systems match it too, so it cannot change.
const STATUS: &str = "]: Execution is over, pipeline status: ";

/// The status that the initramfs printed last, or `None` if the machine ended without one.
///
/// The last one counts, because a container may print anything, but nothing of a container's comes after the real line.
pub fn pipeline_status(console: &str) -> Option<u8> {
    console.lines().rev().find_map(|line| {
        let (_, number) = line.rsplit_once(STATUS)?;
        number.trim_end_matches('\r').parse().ok()
    })
}

/// The status behind QEMU's exit code, where the guest ended it by its debug-exit device, else the one on the console.
///
/// The console is also asked about the two exit codes that say less than the status: 1 is a success and QEMU's own failures, 255 is 127 and all that is more.
pub fn status(exit_code: Option<i32>, console: &str) -> Option<u8> {
    let said = pipeline_status(console);
    match exit_code {
        // What printed nothing was never started.
        _ if console.is_empty() => None,
        Some(255) => said.or(Some(127)),
        Some(code @ 3..255) if code % 2 == 1 => u8::try_from(code / 2).ok(),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_status_line_counts() {
        let console = "[1.00]: Execution is over, pipeline status: 7\r\nx\n[12.30]: Execution is over, pipeline status: 0\r\n[12.40]: bye\r\n";
        assert_eq!(pipeline_status(console), Some(0));
    }

    #[test]
    fn the_exit_code_counts_where_it_is_clear() {
        let console = "[1.00]: Execution is over, pipeline status: 200\r\n";
        for (code, found) in [(0, 200), (1, 200), (2, 200), (15, 7), (253, 126), (255, 200)] {
            assert_eq!(status(Some(code), console), Some(found), "{code}");
        }
        assert_eq!(status(None, console), Some(200));
        assert_eq!(status(Some(255), "[1.00]: x"), Some(127));
        assert_eq!(status(Some(1), "[1.00]: x"), None);
        // A shell's for a program that is not there.
        assert_eq!(status(Some(127), ""), None);
    }

    #[test]
    fn a_machine_may_end_without_a_status() {
        assert_eq!(pipeline_status("Kernel panic - not syncing\r\n"), None);
        assert_eq!(pipeline_status("[1.00]: Execution is over, pipeline status: \r\n"), None);
    }
}
