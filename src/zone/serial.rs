//! The serial number of a zone: it rises for ever, whatever the clock does. Pure.

use crate::base::Timestamp;
use hickory_proto::rr::SerialNumber;

/// The serial after `last`, the one published last, or the first one. It is the seconds of the clock, so that a zone whose
/// last serial is lost goes on all the same; but where they are not after `last` (RFC 1982), since the clock was set
/// back, or so far that they would be before it, it is the next number. Never 0, which some take for no serial.
#[must_use]
pub fn next(last: Option<u32>, now: Timestamp) -> u32 {
    let clock = u32::try_from(now.as_second().rem_euclid(1 << 32)).unwrap_or_default();
    let serial = match last {
        Some(last) if !is_after(clock, last) => last.wrapping_add(1),
        _ => clock,
    };
    serial.max(1)
}

/// Whether a serial is later than another (RFC 1982 3.2).
#[must_use]
pub fn is_after(serial: u32, other: u32) -> bool {
    SerialNumber::new(serial) > SerialNumber::new(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_rise_for_ever() {
        let year = 366 * 24 * 3600;
        let begun = 1_800_000_000;
        for (what, last, clock, expected) in [
            ("the first", None, begun, 1_800_000_000),
            (
                "as the clock goes",
                Some(1_800_000_000),
                begun + 5,
                1_800_000_005,
            ),
            (
                "twice in a second",
                Some(1_800_000_000),
                begun,
                1_800_000_001,
            ),
            (
                "faster than the clock",
                Some(1_800_000_007),
                begun,
                1_800_000_008,
            ),
            ("set back", Some(1_900_000_000), begun, 1_900_000_001),
            (
                "ten years off",
                Some(1_800_000_000),
                begun + 10 * year,
                2_116_224_000,
            ),
            // Half the circle or more would be a step back.
            (
                "too far off",
                Some(1_800_000_000),
                begun + (1 << 31),
                1_800_000_001,
            ),
            ("round", Some(u32::MAX), i64::from(u32::MAX), 1),
            ("after 2106", Some(u32::MAX - 5), (1 << 32) + 7, 7),
            ("the first after 2106", None, 1 << 32, 1),
            ("before 1970", None, -1, u32::MAX),
        ] {
            let now = Timestamp::from_second(clock).unwrap();
            let found = next(last, now);
            assert_eq!(found, expected, "{what}");
            assert!(last.is_none_or(|last| is_after(found, last)), "{what}");
        }
    }
}
