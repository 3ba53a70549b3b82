//! From milliseconds to pixels, and to words.

use report::Millis;

/// Where times are.
pub struct Axis {
    left: f64,
    width: f64,
    total: Millis,
}

impl Axis {
    /// From 0 to `total`, `width` pixels from `left`.
    pub fn new(left: f64, width: f64, total: Millis) -> Axis {
        Axis { left, width, total: total.max(1) }
    }

    /// Where a moment is; what lies outside is at an end.
    pub fn x(&self, moment: Millis) -> f64 {
        self.left + self.width * (moment as f64 / self.total as f64).min(1.0)
    }

    /// Round moments, five to twelve of them.
    pub fn ticks(&self) -> impl Iterator<Item = Millis> {
        let total = self.total;
        let step = steps().find(|step| total / step <= 12).unwrap_or(total);
        (0..=total / step).map(move |number| number * step)
    }
}

/// 1, 2 and 5 with zeros up to seconds, then what clocks have.
fn steps() -> impl Iterator<Item = Millis> {
    const CLOCK: [Millis; 12] = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600];
    let short = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].into_iter();
    let days = (0..40).map(|power| 86_400_000_u64.saturating_mul(1 << power));
    short.chain(CLOCK.into_iter().map(|seconds| seconds * 1000)).chain(days)
}

/// `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 05 min`.
pub fn duration(millis: Millis) -> String {
    let seconds = millis / 1000;
    match millis {
        0..=999 => format!("{millis} ms"),
        1000..=59_999 => format!("{seconds}.{} s", millis % 1000 / 100),
        60_000..=3_599_999 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1.2 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        1000..=999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_has_a_few_ticks() {
        for total in [0, 1, 999, 5483, 61_000, 3_600_000, 90_000_000, 10_000_000_000, u64::MAX] {
            let ticks: Vec<_> = Axis::new(0.0, 100.0, total).ticks().collect();
            assert!((1..=13).contains(&ticks.len()), "{total}: {}", ticks.len());
            assert!(ticks.iter().all(|tick| *tick <= total.max(1)), "{total}: {ticks:?}");
        }
        assert_eq!(
            Axis::new(0.0, 100.0, 5483).ticks().collect::<Vec<_>>(),
            (0..=10).map(|n| n * 500).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_lies_outside_is_at_an_end() {
        let axis = Axis::new(10.0, 100.0, 50);
        assert_eq!([0, 25, 50, u64::MAX].map(|moment| axis.x(moment)), [10.0, 60.0, 110.0, 110.0]);
    }

    #[test]
    fn durations_are_short() {
        let said = [0, 999, 12_345, 245_000, 7_500_000].map(duration);
        assert_eq!(said, ["0 ms", "999 ms", "12.3 s", "4 min 05 s", "2 h 05 min"]);
    }
}
