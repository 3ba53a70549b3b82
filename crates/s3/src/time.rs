//! Dates as S3 writes them. All are UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Now, as a signature has it: `YYYYMMDDTHHMMSSZ` (ISO 8601, basic format).
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    basic(i64::try_from(since.as_secs()).unwrap_or(0))
}

fn basic(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60)
}

/// `2009-10-12T17:50:30.000Z`, as listings have it, in nanoseconds since 1970.
pub(crate) fn parse_iso(text: &str) -> Option<i128> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date.split('-'))?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time.split(':'))?;
    let seconds = since_1970([year, month, day], [hour, minute, second])?;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds(fraction)?))
}

/// `Mon, 12 Oct 2009 17:50:30 GMT` (RFC 9110 §5.6.7), as the header `Last-Modified` has it, in nanoseconds since 1970.
pub(crate) fn parse_http(text: &str) -> Option<i128> {
    let (_, date) = text.split_once(", ")?;
    let mut words = date.strip_suffix(" GMT")?.split(' ');
    let [day] = numbers(words.by_ref().take(1))?;
    let name = words.next()?;
    let month = MONTHS.iter().zip(1..).find_map(|(month, number)| (*month == name).then_some(number))?;
    let [year] = numbers(words.by_ref().take(1))?;
    let time = numbers(words.next()?.split(':'))?;
    Some(i128::from(since_1970([year, month, day], time)?) * 1_000_000_000)
}

/// Exactly so many numbers, each of at most four digits.
fn numbers<'a, const N: usize>(words: impl Iterator<Item = &'a str>) -> Option<[i64; N]> {
    let mut words = words;
    let mut found = [0; N];
    for number in &mut found {
        let word = words.next()?;
        let digits = (1..=4).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
        *number = if digits { word.parse().ok()? } else { return None };
    }
    words.next().is_none().then_some(found)
}

/// What follows the decimal point. More than nine digits say nothing that could be kept.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok()
}

fn since_1970([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let right = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    right.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 of a date, and back (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read() {
        assert_eq!(parse_iso("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_iso("2009-10-12T17:50:30.000Z"), Some(1_255_369_830_000_000_000));
        assert_eq!(parse_iso("2000-02-29T23:59:59.25Z"), Some(951_868_799_250_000_000));
        assert_eq!(parse_http("Mon, 12 Oct 2009 17:50:30 GMT"), Some(1_255_369_830_000_000_000));
        for bad in ["", "2009-10-12", "2009-13-12T00:00:00Z", "2009-10-12T24:00:00Z", "2009-1-1T0:0:0.-1Z"] {
            assert_eq!(parse_iso(bad), None, "{bad}");
        }
        for bad in ["", "Mon, 12 Okt 2009 17:50:30 GMT", "Mon, 12 Oct 2009 17:50:30", "12 Oct 2009"] {
            assert_eq!(parse_http(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0i64..253_402_300_800) {
            let basic = basic(seconds);
            let (date, time) = basic.split_at(8);
            let iso = format!("{}-{}-{}{}:{}:{}", &date[..4], &date[4..6], &date[6..], &time[..3], &time[3..5], &time[5..]);
            prop_assert_eq!(parse_iso(&iso), Some(i128::from(seconds) * 1_000_000_000));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = (parse_iso(&text), parse_http(&text));
        }
    }
}
