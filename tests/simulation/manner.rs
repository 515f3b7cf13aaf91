//! How senders walk a list of MX hosts, how often they come again, and how long they believe an answer of the DNS.

use crate::random::Random;
use mailproof::spec::sender::Reach;

/// A way of walking.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub name: &'static str,
    /// How far one attempt goes.
    pub reach: Reach,
    /// The preferences of the MX count for nothing, against RFC 5321 5.1.
    pub at_random: bool,
    /// It says MAIL again in the session in which it was put off.
    pub stays: bool,
    /// Of hosts with equal addresses it knows the first alone, and an address that failed is left alone for a while.
    pub remembers: bool,
}

impl Manner {
    /// The manner of one sender: of those at random every second one leaves to chance which host it meets at all.
    pub fn of_one(self, random: &mut Random) -> Self {
        match self.at_random && random.below(2) == 0 {
            true => Self {
                reach: ONE_HOST,
                ..self
            },
            false => self,
        }
    }
}

const ALL: Manner = Manner {
    name: "all hosts",
    reach: Reach::FULL,
    at_random: false,
    stays: false,
    remembers: false,
};
const ONE_SESSION: Reach = Reach {
    sessions: 1,
    ..Reach::FULL
};
const ONE_HOST: Reach = Reach {
    hosts: 1,
    ..Reach::FULL
};
const POSTFIX: Reach = Reach {
    addresses: 5,
    sessions: 2,
    ..Reach::FULL
};
const EXIM: Reach = Reach {
    addresses: 5,
    ..Reach::FULL
};

#[rustfmt::skip]
pub const MANNERS: [Manner; 7] = [
    ALL,
    Manner { name: "five addresses, two sessions", reach: POSTFIX, ..ALL },
    Manner { name: "up to the first 4xx", reach: ONE_SESSION, ..ALL },
    Manner { name: "one host", reach: ONE_HOST, ..ALL },
    Manner { name: "one host per address, remembers", reach: EXIM, remembers: true, ..ALL },
    Manner { name: "stays in the session", reach: ONE_SESSION, stays: true, ..ALL },
    Manner { name: "at random, all hosts or one", at_random: true, ..ALL },
];

/// When attempts are repeated.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub name: &'static str,
    /// Seconds between attempts; the last one repeats.
    pauses: &'static [i64],
    /// By how many percent a pause is longer at most.
    jitter: i64,
    /// The queue is looked at no more often, in seconds.
    runner: i64,
}

#[rustfmt::skip]
pub const SCHEDULES: [Schedule; 11] = [
    Schedule { name: "postfix", pauses: &[300, 300, 600, 1200, 2400, 4000], jitter: 1, runner: 300 },
    Schedule { name: "mailcow", pauses: &[300, 300, 600, 1200, 1800], jitter: 1, runner: 300 },
    Schedule { name: "exim", pauses: &[900, 900, 900, 900, 900, 900, 900, 900, 3600, 5400, 8100, 12150, 18225, 21600], jitter: 1, runner: 900 },
    Schedule { name: "opensmtpd", pauses: &[400, 1600, 3600, 6400, 10_000, 14_400], jitter: 1, runner: 1 },
    Schedule { name: "sendmail", pauses: &[1800], jitter: 10, runner: 1 },
    Schedule { name: "mox", pauses: &[450, 900, 1800, 3600, 7200, 14_400, 28_800, 57_600], jitter: 5, runner: 1 },
    Schedule { name: "haraka", pauses: &[64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768], jitter: 1, runner: 1 },
    Schedule { name: "stalwart", pauses: &[120, 300, 600, 900, 1800, 3600], jitter: 2, runner: 1 },
    Schedule { name: "kumomta", pauses: &[1200, 2400, 4800, 9600, 19_200, 38_400], jitter: 50, runner: 1 },
    Schedule { name: "chasquid", pauses: &[60, 120, 300, 600, 1200], jitter: 20, runner: 1 },
    Schedule { name: "exchange", pauses: &[900, 900, 3600], jitter: 10, runner: 1 },
];

impl Schedule {
    /// The second of the attempt after the one of this number, from 1, which began at `second`.
    pub fn after(&self, attempt: usize, second: i64, random: &mut Random) -> i64 {
        let pause = self.pauses[(attempt - 1).min(self.pauses.len() - 1)];
        let jitter = random.below(1 + usize::try_from(pause * self.jitter / 100).unwrap());
        let due = second + pause + i64::try_from(jitter).unwrap();
        (due + self.runner - 1) / self.runner * self.runner
    }
}

/// The least time, in seconds, for which slow resolvers keep an answer, whatever its TTL.
pub const SLOW: [i64; 3] = [300, 900, 3600];
