//! How often equal answers go to one client network over UDP, so that nobody is flooded with them by somebody who sends
//! queries in its name. Fixed memory, no lock, no clock: the time is an argument.

use crate::base::limits;
use crate::base::origin::network;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
/// The bit of an allowance that says what became of the last answer beyond it.
const SLIPPED: u64 = 1;

/// What is to become of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is sent.
    Send,
    /// It is sent without its records, truncated: an honest client comes again over TCP. Every second one beyond the
    /// limit is.
    Shorten,
    /// It is not sent.
    Withhold,
}

/// The limits.
#[derive(Debug)]
pub(super) struct Rate {
    equal: Allowances,
    in_all: Allowances,
    /// Nobody outside knows it, so that nobody can choose a network that shares an allowance with another.
    hasher: RandomState,
}

impl Rate {
    /// So many equal answers a second and client network, at least one, and `limits::DNS_RATE_IN_ALL` times as many in
    /// all; at once as many as in a second.
    pub(super) fn new(answers: u32) -> Self {
        Self {
            equal: Allowances::new(answers),
            in_all: Allowances::new(answers.saturating_mul(limits::DNS_RATE_IN_ALL)),
            hasher: RandomState::new(),
        }
    }

    /// What is to become of an answer to this client, at a time since some fixed moment; `same` is the same for equal
    /// answers.
    pub(super) fn judge(&self, client: IpAddr, same: usize, now: Duration) -> Verdict {
        let network = match network(client) {
            IpAddr::V4(network) => u64::from(network.to_bits()),
            // The upper half holds a /56; none that is in use is as small a number as an IPv4 network.
            IpAddr::V6(network) => (network.to_bits() >> 64) as u64,
        };
        // 584 years are enough for a time.
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX >> 1);
        match self.equal.judge(self.hasher.hash_one((network, same)), now) {
            Verdict::Send => self.in_all.judge(self.hasher.hash_one(network), now),
            other => other,
        }
    }
}

/// Allowances of one size (the generic cell rate algorithm, ITU-T I.371): each is the time, in nanoseconds, at which
/// all answers sent would be due had they gone out evenly. It may be a second ahead.
#[derive(Debug)]
struct Allowances {
    interval: u64,
    due: Box<[AtomicU64]>,
}

impl Allowances {
    fn new(answers: u32) -> Self {
        Self {
            interval: SECOND / u64::from(answers.max(1)),
            due: (0..limits::DNS_ALLOWANCES)
                .map(|_| AtomicU64::new(0))
                .collect(),
        }
    }

    fn judge(&self, hash: u64, now: u64) -> Verdict {
        // The remainder is below the number of allowances.
        let allowance = &self.due[(hash % limits::DNS_ALLOWANCES as u64) as usize];
        let used = allowance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            let next = (due & !SLIPPED).max(now) + self.interval;
            (next <= now + SECOND).then_some((next & !SLIPPED) | (due & SLIPPED))
        });
        if used.is_ok() {
            return Verdict::Send;
        }
        match allowance.fetch_xor(SLIPPED, Ordering::Relaxed) & SLIPPED {
            0 => Verdict::Shorten,
            _ => Verdict::Withhold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Send, Shorten, Withhold};

    const ONE: &str = "192.0.2.1";

    fn judge(rate: &Rate, client: &str, same: usize, millis: u64) -> Verdict {
        rate.judge(client.parse().unwrap(), same, Duration::from_millis(millis))
    }

    /// How many of these answers are sent whole.
    fn sent(rate: &Rate, client: &str, same: usize, millis: u64, times: usize) -> usize {
        (0..times)
            .filter(|_| judge(rate, client, same, millis) == Send)
            .count()
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_then_one_after_the_other() {
        for answers in [1, 3, 50, 100_000] {
            let rate = Rate::new(answers);
            let all = answers as usize;
            assert_eq!(sent(&rate, ONE, 77, 5000, all + 10), all, "{answers}");
            assert_eq!(sent(&rate, ONE, 77, 7000, all + 10), all, "{answers}");
        }
        let rate = Rate::new(50);
        assert_eq!(sent(&rate, ONE, 77, 0, 60), 50);
        assert_eq!(sent(&rate, ONE, 77, 19, 60), 0);
        assert_eq!(sent(&rate, ONE, 77, 20, 60), 1);
        assert_eq!(sent(&rate, ONE, 77, 120, 60), 5);
    }

    #[test]
    fn beyond_the_limit_every_second_one_is_shortened() {
        let rate = Rate::new(2);
        let found: Vec<_> = (0..8).map(|_| judge(&rate, ONE, 77, 0)).collect();
        assert_eq!(
            found,
            [
                Send, Send, Shorten, Withhold, Shorten, Withhold, Shorten, Withhold
            ]
        );
        // Whatever is sent between.
        assert_eq!(judge(&rate, ONE, 77, 500), Send);
        assert_eq!(judge(&rate, ONE, 77, 500), Shorten);
    }

    #[test]
    fn networks_and_answers_have_limits_of_their_own() {
        for (what, client, same, free) in [
            ("the same client", ONE, 77, 0),
            ("its network", "192.0.2.255", 77, 0),
            ("its network, as IPv6 has it", "::ffff:192.0.2.9", 77, 0),
            ("another answer", ONE, 78, 50),
            ("another network", "192.0.3.1", 77, 50),
            ("IPv6", "2001:db8:1:2ff::1", 77, 50),
        ] {
            // Once in 65536 times two share an allowance.
            let found = (0..3).map(|_| {
                let rate = Rate::new(50);
                assert_eq!(sent(&rate, ONE, 77, 0, 60), 50);
                sent(&rate, client, same, 0, 60)
            });
            assert_eq!(found.max(), Some(free), "{what}");
        }
        let rate = Rate::new(50);
        assert_eq!(sent(&rate, "2001:db8:1:2ff::1", 77, 0, 60), 50);
        assert_eq!(sent(&rate, "2001:db8:1:200::2", 77, 0, 60), 0);
    }

    #[test]
    fn different_answers_are_limited_together() {
        let rate = Rate::new(50);
        let different = |client: &str| {
            let answers = 100..5100;
            answers
                .filter(|same| judge(&rate, client, *same, 0) == Send)
                .count()
        };
        let limit = 50 * limits::DNS_RATE_IN_ALL as usize;
        // A few share their allowance with another answer, which takes nothing as long as there are few.
        assert_eq!(different(ONE), limit);
        // Once in 65536 times two networks share an allowance.
        let others = ["192.0.3.1", "192.0.4.1", "192.0.5.1"].map(different);
        assert!(others.contains(&limit), "{others:?}");
    }

    #[test]
    fn threads_share_the_limit() {
        let rate = Rate::new(1000);
        let in_all: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| sent(&rate, ONE, 77, 0, 1000)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(in_all, 1000);
    }
}
