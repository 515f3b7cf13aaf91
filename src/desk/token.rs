//! Tokens: parts of an address that start a test of their own and of which nothing is stored.
//!
//! A token is 16 digits: 50 random bits, then 30 bits of their HMAC-SHA256.

use crate::base::id::{decode, encode};
use ring::hmac;

const RANDOM: u128 = (1 << 50) - 1;

/// The token of these random bits, of which the lowest 50 count.
#[must_use]
pub fn mint(bits: u64, key: &[u8; 32]) -> String {
    let random = u128::from(bits) & RANDOM;
    spell((random << 30) | proof(random, key))
}

/// The token in the form in which it was minted, lower case; `None` when it was not minted under this key.
#[must_use]
pub fn check(text: &str, key: &[u8; 32]) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let number = decode(&text)?
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u128::from(*byte));
    let random = number >> 30;
    (number == (random << 30) | proof(random, key)).then_some(text)
}

/// The first 30 bits of the HMAC of the random bits.
fn proof(random: u128, key: &[u8; 32]) -> u128 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, &random.to_be_bytes());
    let first = tag.as_ref().iter().take(4);
    first.fold(0, |sum, byte| (sum << 8) | u128::from(*byte)) >> 2
}

fn spell(number: u128) -> String {
    let mut bits = [0; 10];
    bits.copy_from_slice(&number.to_be_bytes()[6..]);
    encode(&bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_key_alone() {
        let (key, other) = ([7; 32], [8; 32]);
        for bits in [0, 1, u64::MAX, 0x1234_5678_9abc] {
            let token = mint(bits, &key);
            assert_eq!(token.len(), 16);
            assert_eq!(check(&token, &key), Some(token.clone()));
            assert_eq!(
                check(&token.to_ascii_uppercase(), &key),
                Some(token.clone())
            );
            assert_eq!(check(&token, &other), None);
        }
    }

    #[test]
    fn one_changed_digit_spoils_a_token() {
        let key = [7; 32];
        let token = mint(42, &key);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(check(&changed, &key), None, "{changed}");
        }
        for wrong in ["", "en", "ilou000000000000"] {
            assert_eq!(check(wrong, &key), None, "{wrong}");
        }
    }

    #[test]
    fn bits_beyond_the_fiftieth_do_not_matter() {
        let key = [1; 32];
        assert_eq!(mint(5, &key), mint(5 | 1 << 50, &key));
        assert_ne!(mint(5, &key), mint(6, &key));
    }
}
