//! When a volume is deleted.

use crate::values::{self, digits};
use std::time::Duration;

/// When a volume is deleted. Decided when it is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiration {
    /// Never.
    #[default]
    Never,
    /// At the end of the pipeline, and, in case power was cut, at the next start.
    PipelineEnd,
    /// That long after its creation.
    After(Duration),
    /// At this time, in seconds since 1970-01-01T00:00:00Z.
    At(u64),
}

/// `never`, `pipeline_end`, a duration (`90s`, `30m`, `12h`, `7d`, `2w`) or a date (`2027-01-31`, `2027-01-31T12:00:00Z`).
pub(super) fn parse(text: &str) -> Option<Expiration> {
    match text {
        "never" => Some(Expiration::Never),
        "pipeline_end" => Some(Expiration::PipelineEnd),
        _ => values::duration(text).map(Expiration::After).or_else(|| date_time(text).map(Expiration::At)),
    }
}

/// RFC 3339, in UTC; without a time it is the day's first second.
fn date_time(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_since_1970(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Three numbers of just so many digits.
fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        *number = digits(parts.next().filter(|part| part.len() == length)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Gregorian calendar; `None` if there is no such day.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let mut lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    lengths[1] += u64::from(is_leap(year));
    if year < 1970 || day == 0 || day > *lengths.get(month)? {
        return None;
    }
    // Four digits at most: a loop over the years is short.
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    Some(years + lengths[..month].iter().sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_and_dates() {
        let hour = Duration::from_secs(3600);
        for (text, expected) in [
            ("never", Expiration::Never),
            ("pipeline_end", Expiration::PipelineEnd),
            ("90s", Expiration::After(Duration::from_secs(90))),
            ("12h", Expiration::After(12 * hour)),
            ("2w", Expiration::After(14 * 24 * hour)),
            ("1970-01-01", Expiration::At(0)),
            ("2000-03-01", Expiration::At(951_868_800)),
            ("2024-02-29T23:59:59Z", Expiration::At(1_709_251_199)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_neither() {
        for text in [
            "",
            "tomorrow",
            "0d",
            "d",
            "1y",
            "-1h",
            "18446744073709551615w",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in [
            "1969-12-31",
            "2024-1-1",
            "2024-01-01T00:00:00",
            "2024-01-01T24:00:00Z",
            "+024-01-01",
            "2024-01-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_not(text in "(?s).{0,24}|[0-9]{1,22}[smhdw]|[0-9-]{10}(T[0-9:]{8}Z)?") {
            let _ = parse(&text);
        }
    }
}
