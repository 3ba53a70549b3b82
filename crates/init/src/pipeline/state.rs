//! What the pipeline has come to: the five variables that containers and shutdown commands see.

use crate::time_limit::{FAILED_BY, STATUS, TIME_LIMIT};
use std::fmt;

/// How the machine ends after the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Nobody asked: `b2c.shutdown_cmd`.
    #[default]
    Default,
    /// A container called reboot(2) to restart: `b2c.reboot_cmd`.
    Reboot,
    /// A container called reboot(2) to power off.
    PowerOff,
}

impl fmt::Display for ShutdownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ShutdownMode::Default => "default",
            ShutdownMode::Reboot => "reboot",
            ShutdownMode::PowerOff => "poweroff",
        })
    }
}

/// `B2C_PIPELINE_*`.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// 0, or what the first failure left.
    pub status: u8,
    /// The text of the step, or the name of the stage, that failed first.
    pub failed_by: String,
    /// The step that ran last, and how it ended; post containers and services do not count.
    pub previous: Option<(String, u8)>,
    /// The last wish of a container wins.
    pub shutdown_mode: ShutdownMode,
}

impl State {
    /// Records a failure; only the first one counts. What fails after the time limit fails because of it.
    pub fn fail(&mut self, status: u8, by: &str) {
        let (status, by) = if TIME_LIMIT.is_over() { (STATUS, FAILED_BY) } else { (status, by) };
        if self.status == 0 {
            self.status = status;
            self.failed_by = by.to_owned();
            TIME_LIMIT.failed(status);
        }
    }

    /// The variables, as every container gets them.
    pub fn variables(&self) -> [(String, String); 5] {
        let (previous, exit_code) = match &self.previous {
            Some((text, code)) => (text.clone(), code.to_string()),
            None => (String::new(), String::new()),
        };
        [
            ("B2C_PIPELINE_STATUS", self.status.to_string()),
            ("B2C_PIPELINE_FAILED_BY", self.failed_by.clone()),
            ("B2C_PIPELINE_PREV_CONTAINER", previous),
            ("B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE", exit_code),
            ("B2C_PIPELINE_SHUTDOWN_MODE", self.shutdown_mode.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// What `$NAME` stands for in a container line or a shutdown command: ours, else the environment that the kernel gave to /init.
    pub fn lookup(&self, name: &str) -> Option<String> {
        let ours = self.variables().into_iter().find(|(known, _)| known == name);
        ours.map(|(_, value)| value).or_else(|| std::env::var(name).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_stays() {
        let mut state = State::default();
        state.fail(3, "first");
        state.fail(4, "second");
        assert_eq!(state.lookup("B2C_PIPELINE_STATUS").as_deref(), Some("3"));
        assert_eq!(state.lookup("B2C_PIPELINE_FAILED_BY").as_deref(), Some("first"));
    }

    #[test]
    fn before_the_first_step_the_variables_are_there_and_empty() {
        let state = State::default();
        assert_eq!(state.lookup("B2C_PIPELINE_STATUS").as_deref(), Some("0"));
        assert_eq!(state.lookup("B2C_PIPELINE_PREV_CONTAINER_EXIT_CODE").as_deref(), Some(""));
        assert_eq!(state.lookup("B2C_PIPELINE_SHUTDOWN_MODE").as_deref(), Some("default"));
        assert_eq!(state.lookup("B2C_NO_SUCH_VARIABLE"), None);
    }
}
