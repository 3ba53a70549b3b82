//! Answers of NTP servers, to a question that was sent at some time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::ntp::{PACKET, judge};

/// 2024-01-01
const FLOOR: u64 = 1_704_067_200;
/// Nanoseconds.
const SECOND: i128 = 1_000_000_000;

fuzz_target!(|data: ([u8; PACKET], i64, u32)| {
    let (packet, clock, delay) = data;
    if let Ok(answer) = judge(&packet, clock.into(), delay.into(), FLOOR) {
        assert!(answer.distance >= 0);
        // The clock would be set to a time that is believed: not before the floor, and in an era that NTP knows.
        let year_2200 = 7_258_118_400;
        let offset = i128::try_from(answer.offset.abs().as_nanos()).unwrap();
        let set = i128::from(clock) + if answer.offset.is_late() { offset } else { -offset };
        assert!(set >= (i128::from(FLOOR) - 10) * SECOND && set < year_2200 * SECOND, "{set}");
    }
});
