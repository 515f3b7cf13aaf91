//! Ten years of certificates within seconds: the true store, plan and ledger against a CA that keeps its limits, with
//! outages, lagging name servers, wrong clocks, full disks, crashes and an impatient operator.
//!
//! `MAILPROOF_SEED=NUMBER` takes other random numbers.

#[path = "years/authority.rs"]
mod authority;
#[path = "years/chance.rs"]
mod chance;
#[path = "years/events.rs"]
mod events;
#[path = "years/life.rs"]
mod life;

use life::live;
use mailproof::base::Timestamp;
use mailproof::certs::{Issuer, Kind};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Of TLSA records.
const TTL: i64 = 5 * MINUTE;
const BEGIN: i64 = 1_800_000_000;
/// A self-signed certificate lives as long, and is renewed within.
const END: i64 = BEGIN + 3653 * DAY;
const SEED: u64 = 20_261_129;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The first whole second that is not before.
fn second(time: Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

/// What an appliance lives in.
#[derive(Clone, Copy, Debug)]
struct World {
    issuer: Issuer,
    /// How long a certificate of the CA is valid, in seconds.
    life: i64,
    /// Whether the CA says when to renew (RFC 9773).
    ari: bool,
    /// Until when it goes on.
    end: i64,
    quirk: Option<Quirk>,
}

/// A way to be wrong, which must be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quirk {
    /// A new key is used as soon as it is seen.
    Hasty,
    /// The name servers are not asked whether they show it.
    Blind,
    /// What they answer is not noted.
    Deaf,
    /// What was ordered and refused is not remembered.
    Forgetful,
    /// Nothing is ordered.
    Lazy,
    /// Whatever is due is looked at days later.
    Sleepy,
}

/// What went wrong, and when.
#[derive(Debug)]
struct Fault(String);

/// What ten years came to.
#[derive(Debug, Default)]
struct Tally {
    /// Certificates of the CA.
    issued: usize,
    /// Looks at the plan.
    steps: usize,
    /// Changes of a key.
    keys: usize,
    /// The troubles met.
    kinds: BTreeSet<Kind>,
    /// Requests to the CA on the days that had one.
    requests: Vec<usize>,
}

const fn acme(tenths: i64, ari: bool, quirk: Option<Quirk>) -> World {
    World {
        issuer: Issuer::Acme,
        life: tenths * DAY / 10,
        ari,
        end: END,
        quirk,
    }
}

/// A year of it.
const fn brief(world: World) -> World {
    World {
        end: BEGIN + 366 * DAY,
        ..world
    }
}

const INTERNAL: World = World {
    issuer: Issuer::Internal,
    life: 90 * DAY,
    ari: false,
    end: END,
    quirk: None,
};

fn seed() -> u64 {
    let seed = std::env::var("MAILPROOF_SEED").ok();
    seed.map_or(SEED, |seed| seed.parse().unwrap())
}

/// Each of these lived through, on all processors.
fn all(worlds: &[World]) -> Vec<Result<Tally, Fault>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let lived = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(world) = worlds.get(number) else {
                        break;
                    };
                    let result = live(*world, seed() + number as u64);
                    lived.lock().unwrap().push((number, result));
                }
            });
        }
    });
    let mut lived = lived.into_inner().unwrap();
    lived.sort_by_key(|(number, _)| *number);
    lived.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn certificates_outlast_ten_years_of_mishaps_within_the_limits_of_the_ca() {
    let worlds = [
        acme(67, false, None),
        acme(450, true, None),
        acme(640, false, None),
        acme(900, true, None),
        brief(acme(67, true, None)),
        brief(acme(450, false, None)),
        brief(acme(640, true, None)),
        brief(acme(900, false, None)),
    ];
    let (mut faults, mut kinds) = (Vec::new(), BTreeSet::new());
    for (world, result) in worlds.iter().zip(all(&worlds)) {
        let told = format!("MAILPROOF_SEED={} {world:?}", seed());
        let tally = match result {
            Ok(tally) => tally,
            Err(Fault(why)) => {
                faults.push(format!("{told}: {why}"));
                continue;
            }
        };
        let days = usize::try_from((world.end - BEGIN) / DAY).unwrap();
        let requests: usize = tally.requests.iter().sum();
        let most = tally.requests.iter().copied().max();
        println!(
            "{told}: {} certificates, {} keys, {requests} requests, {most:?} on one day, {} looks",
            tally.issued, tally.keys, tally.steps
        );
        // Two thirds of a life each, four at a time, and what else there was.
        let least = 4 * usize::try_from((world.end - BEGIN) / world.life).unwrap();
        assert!(tally.issued > least, "{told}: {}", tally.issued);
        assert!(tally.keys > days / 10, "{told}: {}", tally.keys);
        // Each certificate is asked about twice a day, and rarely fails.
        assert!(requests < days * 20, "{told}: {requests} requests");
        assert!(most < Some(250), "{told}: {most:?} requests on one day");
        kinds.extend(tally.kinds);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let met = [
        Kind::Unreachable,
        Kind::Clock,
        Kind::Storage,
        Kind::AccountGone,
        Kind::RateLimited,
        Kind::NotVisible,
        Kind::Validation,
        Kind::Caa,
    ];
    let unmet: Vec<_> = met.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(unmet.is_empty(), "MAILPROOF_SEED={}: {unmet:?}", seed());
}

#[test]
fn what_we_issue_ourselves_outlasts_them_as_well() {
    for (world, result) in [INTERNAL].iter().zip(all(&[INTERNAL])) {
        let told = format!("MAILPROOF_SEED={} {world:?}", seed());
        let tally = result.unwrap_or_else(|Fault(why)| panic!("{told}: {why}"));
        assert!(tally.keys > 300, "{told}: {}", tally.keys);
        assert_eq!(tally.issued, 0);
    }
}

#[test]
fn who_does_it_wrong_is_found_out() {
    let rows = [
        (Quirk::Hasty, "is used after"),
        // Too early, for all name servers or for one that lags.
        (Quirk::Blind, "the key of"),
        (Quirk::Deaf, "in circles"),
        (Quirk::Forgetful, "times"),
        (Quirk::Lazy, "no certificate"),
        (Quirk::Sleepy, "slept through"),
    ];
    let worlds = rows.map(|(quirk, _)| acme(450, true, Some(quirk)));
    for ((quirk, why), result) in rows.iter().zip(all(&worlds)) {
        let Err(Fault(found)) = result else {
            panic!("MAILPROOF_SEED={}: {quirk:?} goes well", seed());
        };
        assert!(found.contains(why), "{quirk:?}: {found}");
    }
}
