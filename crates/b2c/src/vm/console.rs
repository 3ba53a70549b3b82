//! What the guest's console says about how the pipeline ended.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_status_line_counts() {
        let console = "[1.00]: Execution is over, pipeline status: 7\r\nx\n[12.30]: Execution is over, pipeline status: 0\r\n[12.40]: bye\r\n";
        assert_eq!(pipeline_status(console), Some(0));
    }

    #[test]
    fn a_machine_may_end_without_a_status() {
        assert_eq!(pipeline_status("Kernel panic - not syncing\r\n"), None);
        assert_eq!(pipeline_status("[1.00]: Execution is over, pipeline status: \r\n"), None);
    }
}
