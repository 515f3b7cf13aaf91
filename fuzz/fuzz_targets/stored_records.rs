//! Records of the journal and stored results: any bytes are read or refused in words; what was read is written and read
//! again as it was, and what is written stays as it is.
//!
//! Input: an even octet for a record, an odd one for a result; then the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailproof::journal;
use mailproof::report::Report;
use std::fmt::{Debug, Display};

fuzz_target!(|input: &[u8]| {
    let [kind, bytes @ ..] = input else {
        return;
    };
    match kind % 2 {
        0 => check(bytes, journal::decode, journal::encode),
        _ => check(bytes, Report::from_stored, Report::to_stored),
    }
});

fn check<T: PartialEq + Debug, E: Display + Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Result<Vec<u8>, E>,
) {
    let value = match decode(bytes) {
        Ok(value) => value,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = encode(&value).unwrap();
    let again = decode(&written).unwrap();
    assert_eq!(again, value);
    assert_eq!(encode(&again).unwrap(), written);
}
