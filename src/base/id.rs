//! Names for pieces of evidence and for tests.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! evidence_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.strip_prefix($prefix)
                    .and_then(|number| number.parse().ok())
                    .map(Self)
                    .ok_or_else(|| format!("{text:?} is not of the form {}NUMBER", $prefix))
            }
        }
    };
}

evidence_id!(
    /// One SMTP connection, or one further transaction in it; unique for the life of the journal.
    ConnectionId,
    "c"
);
evidence_id!(
    /// One DNS query for a name of ours.
    QueryId,
    "q"
);
evidence_id!(
    /// One fetch of the MTA-STS policy.
    FetchId,
    "f"
);

/// A test's name: 16 characters of `0-9 a-z` without `i l o u`, 80 random bits, so that it cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TestId(String);

/// The digits of tokens and test ids (Crockford's base 32).
pub const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl TestId {
    /// The id that these random bits spell.
    #[must_use]
    pub fn from_bits(bits: [u8; 10]) -> Self {
        Self(encode(&bits))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Spells 10 bytes in 16 digits, most significant bits first.
#[must_use]
pub fn encode(bits: &[u8; 10]) -> String {
    let number = bits
        .iter()
        .fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    (0..16)
        .rev()
        .map(|place| char::from(DIGITS[(number >> (place * 5)) as usize & 31]))
        .collect()
}

/// The 10 bytes that 16 digits spell; `None` for anything else.
#[must_use]
pub fn decode(text: &str) -> Option<[u8; 10]> {
    if text.len() != 16 {
        return None;
    }
    let mut number = 0u128;
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        number = (number << 5) | digit as u128;
    }
    let mut bits = [0; 10];
    bits.copy_from_slice(&number.to_be_bytes()[6..]);
    Some(bits)
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TestId> for String {
    fn from(id: TestId) -> Self {
        id.0
    }
}

impl FromStr for TestId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode(text)
            .map(|_| Self(text.to_owned()))
            .ok_or_else(|| format!("{text:?} is not a test id (16 of 0-9 a-z without i l o u)"))
    }
}

impl TryFrom<String> for TestId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_spell_the_bits_and_back() {
        for bits in [[0; 10], [255; 10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            assert_eq!(decode(&encode(&bits)), Some(bits));
        }
        for wrong in ["", "0", "il0000000000000u", "00000000000000000"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
