//! What befalls an appliance in ten years.

use super::chance::Chance;
use super::{BEGIN, DAY, END, HOUR, MINUTE};
use mailproof::certs::Slot;

/// What keeps certificates from being issued for a while; one at a time, and shorter than the last third of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The CA is not there.
    Outage,
    /// A secondary does not follow.
    Lag,
    /// The CA does not see what it looks for.
    Unproven,
    /// CAA records forbid it.
    Caa,
    /// Others have used up the domain's certificates.
    Filled,
}

const TRIALS: [Trial; 6] = [
    Trial::Outage,
    Trial::Lag,
    Trial::Lag,
    Trial::Unproven,
    Trial::Caa,
    Trial::Filled,
];

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A trial begins that lasts until this time.
    Begins(Trial, i64),
    /// It ends.
    Ends,
    /// The disk is full, or is so no more.
    Disk(bool),
    /// Our clock goes wrong by so many seconds; by none, it is right again.
    Clock(i64),
    /// The process ends without notice, and begins anew.
    Crash,
    /// The operator's `certs renew`.
    Renew(Slot),
    /// The operator's `certs roll`.
    Roll(Slot),
    /// The CA forgets our account.
    Forgotten,
    /// The CA wants all certificates of before renewed now.
    Revoked,
    /// Nothing happens; whether something was slept through is looked at.
    Look,
}

/// All of it, in order, for certificates that live so long.
pub fn events(life: i64, chance: &Chance) -> Vec<(i64, Event)> {
    let slots: Vec<_> = Slot::all().collect();
    // Keys in the DNS need more care than others.
    let shown = slots.iter().filter(|slot| slot.has_tlsa());
    let keys: Vec<_> = shown.cycle().take(8).chain(&slots).copied().collect();
    let mut all = trials(life, chance);
    let mut spans = |each: i64, longest: i64, both: &dyn Fn() -> (Event, Event)| {
        let mut time = BEGIN + 2 * DAY;
        while time < END {
            time += chance.between(HOUR, 2 * each);
            let (begins, ends) = both();
            all.push((time, begins));
            time += chance.between(MINUTE, longest);
            all.push((time, ends));
        }
    };
    spans(30 * DAY, 12 * HOUR, &|| {
        (Event::Disk(true), Event::Disk(false))
    });
    let wrong = [-70 * HOUR, -5 * HOUR, -2500, 2500, 5 * HOUR, 70 * HOUR];
    spans(20 * DAY, 2 * HOUR, &|| {
        (Event::Clock(chance.one_of(&wrong)), Event::Clock(0))
    });
    let mut moments = |each: i64, times: i64, pause: i64, what: &dyn Fn() -> Event| {
        let mut time = BEGIN + 2 * DAY;
        while time < END {
            time += chance.between(0, 2 * each);
            let event = what();
            let times = (0..times).map(|number| (time + number * pause, event));
            all.extend(times);
        }
    };
    moments(3 * DAY, 1, 0, &|| Event::Look);
    moments(10 * DAY, 1, 0, &|| Event::Crash);
    moments(200 * DAY, 12, 10 * MINUTE, &|| Event::Crash);
    moments(10 * DAY, 1, 0, &|| Event::Renew(chance.one_of(&slots)));
    moments(50 * DAY, 20, 3 * MINUTE, &|| {
        Event::Renew(chance.one_of(&slots))
    });
    moments(10 * DAY, 1, 0, &|| Event::Roll(chance.one_of(&keys)));
    moments(50 * DAY, 20, 3 * MINUTE, &|| {
        Event::Roll(chance.one_of(&keys))
    });
    moments(300 * DAY, 1, 0, &|| Event::Forgotten);
    moments(400 * DAY, 1, 0, &|| Event::Revoked);
    all.sort_by_key(|(time, _)| *time);
    all
}

/// Between two of them a certificate can be obtained, whatever pause the one before has left.
fn trials(life: i64, chance: &Chance) -> Vec<(i64, Event)> {
    let last = life / 3;
    let mut all = Vec::new();
    let mut time = BEGIN + 2 * DAY;
    while time < END {
        time += chance.between(last, last + 20 * DAY);
        let trial = chance.one_of(&TRIALS);
        let until = time + chance.between(MINUTE, (last / 3).min(3 * DAY));
        all.push((time, Event::Begins(trial, until)));
        all.push((until, Event::Ends));
        time = until;
    }
    all
}
