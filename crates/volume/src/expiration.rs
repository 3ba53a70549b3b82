//! When a volume goes: decided when it is made, and noted beside its content.

use crate::{Error, note};
use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The note, in the volume's own folder. A volume without one never expires.
const NOTE: &str = "expiration";
/// 2026-01-01T00:00:00Z, before which this program did not exist: a clock that shows less was never set.
const FIRST_SANE_SECOND: u64 = 1_767_225_600;

/// When a volume is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiration {
    /// Never.
    #[default]
    Never,
    /// At the end of the pipeline, or at the next start if power was cut before.
    PipelineEnd,
    /// That long after it was made.
    After(Duration),
    /// At this time, in seconds since 1970-01-01T00:00:00Z.
    At(u64),
}

impl fmt::Display for Expiration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::PipelineEnd => f.write_str("pipeline_end"),
            Self::After(duration) => write!(f, "{} s after it was made", duration.as_secs()),
            Self::At(second) => write!(f, "{second} s after 1970-01-01"),
        }
    }
}

/// The time in seconds since 1970; `None` if nobody has set the clock, as on a machine without a battery.
pub fn now() -> Option<u64> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    (seconds >= FIRST_SANE_SECOND).then_some(seconds)
}

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) expiration: Expiration,
    /// When the volume was made; `None` if the clock was not set then.
    pub(crate) since: Option<u64>,
}

impl Note {
    /// Whether the volume has outlived its time. `None`: that cannot be said.
    pub(crate) fn is_over(&self, now: Option<u64>) -> Option<bool> {
        match self.expiration {
            Expiration::Never => Some(false),
            Expiration::PipelineEnd => Some(true),
            Expiration::At(end) => now.map(|now| now >= end),
            Expiration::After(duration) => {
                let (since, now) = (self.since?, now?);
                Some(now >= since.saturating_add(duration.as_secs()))
            }
        }
    }

    /// Reads the note in a volume's folder. What is not understood is an error: it must never cost a volume.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let Some(text) = note::read(folder, NOTE)? else {
            return Ok(Self { expiration: Expiration::Never, since: None });
        };
        Self::parse(&text).ok_or_else(|| Error::Note { path: folder.join(NOTE) })
    }

    /// Writes the note, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        match self.text() {
            Some(text) => note::write(folder, NOTE, &text),
            None => note::remove(folder, NOTE),
        }
    }

    /// One line; nothing for a volume that never expires.
    fn text(&self) -> Option<String> {
        Some(match (self.expiration, self.since) {
            (Expiration::Never, _) => return None,
            (Expiration::PipelineEnd, _) => "pipeline_end\n".to_owned(),
            (Expiration::At(end), _) => format!("at {end}\n"),
            (Expiration::After(duration), Some(since)) => {
                format!("after {} since {since}\n", duration.as_secs())
            }
            (Expiration::After(duration), None) => format!("after {} since ?\n", duration.as_secs()),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.strip_suffix('\n')?.split(' ').collect();
        let (expiration, since) = match words[..] {
            ["pipeline_end"] => (Expiration::PipelineEnd, None),
            ["at", end] => (Expiration::At(number(end)?), None),
            ["after", seconds, "since", "?"] => {
                (Expiration::After(Duration::from_secs(number(seconds)?)), None)
            }
            ["after", seconds, "since", since] => {
                (Expiration::After(Duration::from_secs(number(seconds)?)), Some(number(since)?))
            }
            _ => return None,
        };
        Some(Self { expiration, since })
    }
}

/// Digits only.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustix::fs::{CWD, FileType, Mode};
    use std::fs;

    fn note(expiration: Expiration, since: Option<u64>) -> Note {
        Note { expiration, since }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let day = Expiration::After(Duration::from_secs(86_400));
        for note in [
            note(Expiration::PipelineEnd, None),
            note(Expiration::At(1_800_000_000), None),
            note(day, Some(1_790_000_000)),
            note(day, None),
            note(Expiration::Never, None),
        ] {
            note.write(folder.path()).unwrap();
            assert_eq!(Note::read(folder.path()).unwrap(), note);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "never is no note");
    }

    #[test]
    fn nothing_is_over_by_a_clock_that_nobody_has_set() {
        let day = Expiration::After(Duration::from_secs(86_400));
        assert_eq!(note(Expiration::At(5), None).is_over(None), None);
        assert_eq!(note(day, Some(5)).is_over(None), None);
        assert_eq!(note(day, None).is_over(Some(u64::MAX)), None);
        assert_eq!(note(Expiration::PipelineEnd, None).is_over(None), Some(true));
        assert_eq!(note(Expiration::At(5), None).is_over(Some(4)), Some(false));
        assert_eq!(note(Expiration::At(5), None).is_over(Some(5)), Some(true));
        assert_eq!(note(day, Some(5)).is_over(Some(86_404)), Some(false));
        assert_eq!(note(day, Some(5)).is_over(Some(86_405)), Some(true));
        assert_eq!(note(Expiration::After(Duration::MAX), Some(5)).is_over(Some(u64::MAX - 1)), Some(false));
    }

    #[test]
    fn torn_and_foreign_notes_are_errors() {
        for text in
            ["", "\n", "pipeline_end", "pipeline_end\n\n", "pipeline_end \n", "at 17\nat 18\n", "at 1"]
        {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
        for text in ["at +1\n", "at \n", "after 5\n", "after 5 since \n", "after 5 since -1\n", "never\n"] {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_note_that_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NOTE);
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(Note::read(folder.path()).is_err());
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(Note::read(folder.path()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_note_or_none(text in "(?s).{0,40}|(after|at) [0-9]{0,22}( since [0-9?]{0,22})?\n?") {
            if let Some(note) = Note::parse(&text) {
                prop_assert_eq!(Note::parse(&note.text().unwrap()), Some(note));
            }
        }
    }
}
