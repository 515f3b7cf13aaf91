//! How often clients may come, network by network.

use crate::base::origin::network;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Networks share so many allowances. Two that happen to share one are both slowed down; in return the memory does not
/// grow with the number of networks, which are easily forged.
const ALLOWANCES: usize = 4096;

/// The allowances of all networks.
#[derive(Debug)]
pub struct Pace {
    in_all: Option<DefaultDirectRateLimiter>,
    allowances: Vec<DefaultDirectRateLimiter>,
    hasher: RandomState,
}

impl Pace {
    /// So many times a second for each network in the long run, and so many at once; at least one each.
    #[must_use]
    pub fn new(rate: (u32, u32)) -> Self {
        Self {
            in_all: None,
            allowances: (0..ALLOWANCES)
                .map(|_| RateLimiter::direct(quota(rate)))
                .collect(),
            hasher: RandomState::new(),
        }
    }

    /// The same, and at this rate from all networks together.
    #[must_use]
    pub fn in_all(self, rate: (u32, u32)) -> Self {
        Self {
            in_all: Some(RateLimiter::direct(quota(rate))),
            ..self
        }
    }

    /// Uses some of the allowance of a client's network, and of that of all. Never waits.
    ///
    /// # Errors
    /// Whose allowance is used up: this client's network's, or with `None` that of all.
    pub fn allow(&self, client: IpAddr) -> Result<(), Option<IpAddr>> {
        let place = self.hasher.hash_one(network(client)) as usize % ALLOWANCES;
        self.allowances[place].check().map_err(|_| Some(client))?;
        match &self.in_all {
            Some(in_all) => in_all.check().map_err(|_| None),
            None => Ok(()),
        }
    }
}

fn quota((per_second, burst): (u32, u32)) -> Quota {
    let least_one = |times| NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(least_one(per_second)).allow_burst(least_one(burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_in_a_rush_slows_no_other() {
        let pace = Pace::new((1, 100));
        let allowed = |network: u8, times: usize| {
            let client = |time: usize| [10, 0, network, time as u8].into();
            (0..times)
                .filter(|time| pace.allow(client(*time)).is_ok())
                .count()
        };
        assert!(allowed(0, 2000) < 200);
        // A few of them may share the allowance of the first.
        let unhindered = (1..=100).filter(|network| allowed(*network, 10) == 10);
        assert!(unhindered.count() > 90);
    }
}
