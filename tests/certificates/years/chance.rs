//! Chance, the same in every run with the same seed.

use mailproof::base::ports::Random;
use std::sync::Mutex;

/// A fixed sequence (splitmix64).
pub struct Chance(Mutex<u64>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0, below the limit.
    pub fn below(&self, limit: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// From the first, below the second.
    pub fn between(&self, least: i64, limit: i64) -> i64 {
        least + self.below((limit - least).max(1))
    }

    /// One time in this many.
    pub fn once_in(&self, times: i64) -> bool {
        self.below(times) == 0
    }

    pub fn one_of<T: Copy>(&self, list: &[T]) -> T {
        list[usize::try_from(self.below(i64::try_from(list.len()).unwrap())).unwrap()]
    }
}

impl Random for Chance {
    fn fill(&self, buffer: &mut [u8]) {
        for octet in buffer {
            *octet = self.next().to_be_bytes()[0];
        }
    }
}
