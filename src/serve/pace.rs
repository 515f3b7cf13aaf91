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
    /// From a number of times to a rate.
    period: fn(NonZeroU32) -> Quota,
    in_all: Option<DefaultDirectRateLimiter>,
    allowances: Vec<DefaultDirectRateLimiter>,
    hasher: RandomState,
}

impl Pace {
    /// So many times a second for each network in the long run, and so many at once; at least one each.
    #[must_use]
    pub fn new(rate: (u32, u32)) -> Self {
        Self::of(Quota::per_second, rate)
    }

    /// The same with so many times a minute.
    #[must_use]
    pub fn per_minute(rate: (u32, u32)) -> Self {
        Self::of(Quota::per_minute, rate)
    }

    /// The same, and at this rate, in the same unit, from all networks together.
    #[must_use]
    pub fn in_all(self, rate: (u32, u32)) -> Self {
        Self {
            in_all: Some(RateLimiter::direct(quota(self.period, rate))),
            ..self
        }
    }

    fn of(period: fn(NonZeroU32) -> Quota, rate: (u32, u32)) -> Self {
        Self {
            period,
            in_all: None,
            allowances: (0..ALLOWANCES)
                .map(|_| RateLimiter::direct(quota(period, rate)))
                .collect(),
            hasher: RandomState::new(),
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

fn quota(period: fn(NonZeroU32) -> Quota, (times, burst): (u32, u32)) -> Quota {
    let least_one = |times| NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
    period(least_one(times)).allow_burst(least_one(burst))
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
