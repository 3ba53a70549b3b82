//! A registry is asked again as [`net::patience`] has it.

use super::error::{Fault, RegistryError};
pub(crate) use net::patience::Cancel;
pub use net::patience::Limits;
use net::patience::Verdict;

/// What is left of it for one download.
pub(super) struct Patience<'a>(net::patience::Patience<'a>);

impl<'a> Patience<'a> {
    pub(super) fn new(limits: Limits, cancel: &'a Cancel) -> Patience<'a> {
        Patience(net::patience::Patience::new(limits, cancel))
    }

    pub(super) fn progress(&mut self) {
        self.0.progress();
    }

    pub(super) fn check_cancelled(&self) -> Result<(), RegistryError> {
        if self.0.is_cancelled() { Err(RegistryError::Cancelled) } else { Ok(()) }
    }

    /// Waits until it is time to try again, or says that it is not worth it.
    pub(super) fn wait(&mut self, host: &str, fault: Fault) -> Result<(), RegistryError> {
        self.check_cancelled()?;
        match self.0.judge(fault.again) {
            Verdict::Fail => Err(fault.error),
            Verdict::GiveUp(silence) => {
                let last = Box::new(fault.error);
                Err(RegistryError::GaveUp { host: host.to_owned(), seconds: silence.as_secs(), last })
            }
            Verdict::Wait(pause) => {
                log::warn!("{}; trying again in {:.1} s", fault.error, pause.as_secs_f32());
                self.0.sleep(pause);
                self.check_cancelled()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::error::Again;
    use std::time::Duration;

    fn fault(again: Again) -> Fault {
        Fault { error: RegistryError::Protocol { url: "u".into(), reason: "r".into() }, again }
    }

    #[test]
    fn giving_up_names_host_and_last_failure() {
        let cancel = Cancel::default();
        let limits = Limits { silence: Duration::ZERO, ..Limits::default() };
        let error = Patience::new(limits, &cancel).wait("reg:5000", fault(Again::Soon)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("reg:5000") && error.contains("u: r"), "{error}");
    }

    #[test]
    fn whoever_is_cancelled_does_not_wait() {
        let cancel = Cancel::default();
        cancel.cancel();
        let mut patience = Patience::new(Limits::default(), &cancel);
        let hour = Again::After(Duration::from_secs(3600));
        assert!(matches!(patience.wait("h", fault(hour)), Err(RegistryError::Cancelled)));
    }
}
