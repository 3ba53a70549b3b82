//! One server's answer: whether it may be believed, and what it says about this machine's clock.

use super::{Offset, SECOND};

/// Without extension fields and signatures.
pub const PACKET: usize = 48;
/// Seconds from 1900, where NTP counts from, to 1970.
const UNIX_EPOCH: i128 = 2_208_988_800;
/// A server that may be farther off than that is not synchronised (RFC 5905 §7.2, MAXDISP), in nanoseconds.
const MAX_DISTANCE: i128 = 16 * SECOND;

/// "Kisses of death" that are final (RFC 5905 §7.4). Others (`INIT`, `STEP`) are of a server that will know the time soon.
const NEVER_AGAIN: [&[u8; 4]; 2] = [b"DENY", b"RSTR"];

/// What is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How far this machine's clock is off.
    pub offset: Offset,
    /// How far that may be wrong at most (root distance, RFC 5905 §11.2.1), in nanoseconds.
    pub distance: i128,
}

/// Why an answer is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// For that reason.
    Because(&'static str),
    /// The server does not want to be asked any more ("kiss of death", RFC 5905 §7.4).
    Unwanted,
}

/// How far `clock` (when the question was sent) was off, by an answer that came `delay` later. Both in nanoseconds. A time before `floor`, in seconds
/// since 1970, is not believed.
pub fn judge(packet: &[u8; PACKET], clock: i128, delay: i128, floor: u64) -> Result<Answer, Unfit> {
    let (leap, version, mode, stratum) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7, packet[1]);
    if mode != 4 || !matches!(version, 3 | 4) {
        return Err(Unfit::Because("it is no answer of an NTP server"));
    }
    match stratum {
        0 if NEVER_AGAIN.iter().any(|code| packet[12..16] == **code) => return Err(Unfit::Unwanted),
        // It may say so to machines that boot again and again; the pause before the next try is longer than what it asks of anybody.
        0 if packet[12..16] == *b"RATE" => return Err(Unfit::Because("the server is asked too often")),
        1..=15 if leap != 3 => {}
        _ => return Err(Unfit::Because("the server does not know the time itself")),
    }
    if packet[32..40] == [0; 8] || packet[40..48] == [0; 8] {
        return Err(Unfit::Because("it has no time"));
    }
    let (received, transmitted) = (timestamp(packet, 32), timestamp(packet, 40));
    let floor = i128::from(floor) * SECOND;
    if transmitted < floor || received < floor {
        return Err(Unfit::Because("the server's time is before this program was built"));
    }
    let (root_delay, dispersion) = (short(packet, 4), short(packet, 8));
    // What the road took of the time between question and answer; a server that claims to have thought for longer lies, or its clock jumps.
    let road = delay - (transmitted - received);
    if transmitted < received || road < -SECOND {
        return Err(Unfit::Because("its times contradict each other"));
    }
    let distance = root_delay / 2 + dispersion + road.max(0) / 2;
    if root_delay / 2 + dispersion >= MAX_DISTANCE {
        return Err(Unfit::Because("the server does not know the time well enough"));
    }
    // RFC 5905 §8: ((T2 - T1) + (T3 - T4)) / 2
    let offset = ((received - clock) + (transmitted - (clock + delay))) / 2;
    Ok(Answer { offset: Offset(offset), distance })
}

/// Nanoseconds since 1970 (RFC 5905 §6: 32 bits of seconds, 32 bits of fraction). What would be before 1968 is after 2036.
fn timestamp(packet: &[u8; PACKET], at: usize) -> i128 {
    let bits = u64::from_be_bytes(std::array::from_fn(|i| packet[at + i]));
    let era = if bits >> 63 == 0 { 1i128 << 32 } else { 0 };
    let seconds = i128::from(bits >> 32) + era - UNIX_EPOCH;
    let fraction = i128::from(bits & 0xffff_ffff);
    seconds * SECOND + ((fraction * SECOND) >> 32)
}

/// Nanoseconds (RFC 5905 §6: 16 bits of seconds, 16 bits of fraction).
fn short(packet: &[u8; PACKET], at: usize) -> i128 {
    let bits = u32::from_be_bytes(std::array::from_fn(|i| packet[at + i]));
    (i128::from(bits) * SECOND) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer of a good server whose clock says `seconds` (since 1970) on both occasions.
    fn answer(seconds: u64) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0] = 4 << 3 | 4;
        packet[1] = 2;
        let ntp = u32::try_from((i128::from(seconds) + UNIX_EPOCH) & 0xffff_ffff).unwrap();
        for at in [32, 40] {
            packet[at..at + 4].copy_from_slice(&ntp.to_be_bytes());
        }
        packet
    }

    const NEW_YEAR_2024: u64 = 1_704_067_200;
    const NEW_YEAR_2026: u64 = 1_767_225_600;

    fn offset(packet: &[u8; PACKET], clock: i128, delay: i128) -> Offset {
        judge(packet, clock, delay, NEW_YEAR_2024).unwrap().offset
    }

    #[test]
    fn a_clock_in_1970_is_late() {
        let off = offset(&answer(NEW_YEAR_2026), 5 * SECOND, 2 * SECOND);
        assert_eq!(off, Offset((i128::from(NEW_YEAR_2026) - 6) * SECOND));
        assert!(off.is_late());
    }

    #[test]
    fn times_after_2036_are_understood() {
        let year_2040 = 2_208_988_800;
        assert_eq!(offset(&answer(year_2040), i128::from(year_2040) * SECOND, 0), Offset(0));
    }

    #[test]
    fn fractions_are_read() {
        let mut packet = answer(NEW_YEAR_2026);
        packet[36] = 0x80;
        packet[44] = 0x80;
        let off = offset(&packet, (i128::from(NEW_YEAR_2026) + 1) * SECOND, 0);
        assert_eq!(off.to_string(), "-0.500 s");
    }

    #[test]
    fn the_distance_is_half_of_all_roads_and_what_the_server_admits() {
        let mut packet = answer(NEW_YEAR_2026);
        // 2 s of delay and 3 s of dispersion, up to the sources of time.
        packet[4..8].copy_from_slice(&(2u32 << 16).to_be_bytes());
        packet[8..12].copy_from_slice(&(3u32 << 16).to_be_bytes());
        let judged = judge(&packet, 0, 4 * SECOND, 0).unwrap();
        assert_eq!(judged.distance, 6 * SECOND);
    }

    #[test]
    fn answers_that_are_no_time() {
        let with = |change: fn(&mut [u8; PACKET])| {
            let mut packet = answer(NEW_YEAR_2026);
            change(&mut packet);
            judge(&packet, 0, 0, NEW_YEAR_2024).err()
        };
        assert_eq!(with(|_| {}), None);
        for (change, reason) in [
            ((|p| p[0] = 4 << 3 | 3) as fn(&mut [u8; PACKET]), "it is no answer of an NTP server"),
            (|p| p[0] |= 0xc0, "the server does not know the time itself"),
            (|p| p[1] = 16, "the server does not know the time itself"),
            (|p| p[1] = 0, "the server does not know the time itself"),
            (|p| *p = answer(1_600_000_000), "the server's time is before this program was built"),
            (|p| p[32..48].fill(0), "it has no time"),
            (|p| p[9] = 16, "the server does not know the time well enough"),
            (|p| p[35] += 1, "its times contradict each other"),
            (|p| p[43] += 9, "its times contradict each other"),
        ] {
            assert_eq!(with(change), Some(Unfit::Because(reason)));
        }
        let kiss = with(|p| {
            p[1] = 0;
            p[12..16].copy_from_slice(b"RSTR");
        });
        assert_eq!(kiss, Some(Unfit::Unwanted));
        // Not final: it is asked again.
        let soon = with(|p| {
            p[1] = 0;
            p[12..16].copy_from_slice(b"RATE");
        });
        assert_eq!(soon, Some(Unfit::Because("the server is asked too often")));
        let soon = with(|p| {
            p[1] = 0;
            p[12..16].copy_from_slice(b"INIT");
        });
        assert_eq!(soon, Some(Unfit::Because("the server does not know the time itself")));
    }

    proptest! {
        #[test]
        fn any_packet_is_believed_or_not(bytes in any::<[u8; 32]>(), times in any::<[u8; 16]>(), clock in any::<i64>()) {
            let mut packet = [0; PACKET];
            packet[..32].copy_from_slice(&bytes);
            packet[32..].copy_from_slice(&times);
            packet[0] = packet[0] & 0xc0 | 4 << 3 | 4;
            let _ = judge(&packet, clock.into(), i128::from(clock) / 2, NEW_YEAR_2024);
        }
    }
}
