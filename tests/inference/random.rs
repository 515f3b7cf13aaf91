//! Numbers that look random and are the same in every run.

/// A fixed sequence (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Some elements twice, all in another order.
    pub fn shuffle<T: Clone>(&mut self, list: &mut Vec<T>) {
        for place in 0..list.len() {
            if self.below(3) == 0 {
                list.push(list[place].clone());
            }
        }
        self.order(list);
    }

    /// All elements in another order.
    pub fn order<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            let other = self.below(place + 1);
            list.swap(place, other);
        }
    }
}
