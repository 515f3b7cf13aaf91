//! Many senders of every temper at once who break off at any moment, then kills under their load: every reply that was
//! read must be in the journal, and nothing twice.
//!
//! Small by itself; `make soak` sets the numbers of the long run:
//! `SOAK_SENDERS`, `SOAK_SECONDS` before the kills, `SOAK_KILLS`, and `SOAK_SEED` to have the same choices again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

mod account;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/appliance.rs"]
mod appliance;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/dns.rs"]
mod dns;
mod evidence;
mod garbage;
mod link;
#[allow(dead_code, reason = "the tests of inference use more of it")]
#[path = "../inference/random.rs"]
mod random;
mod sender;
mod session;
#[path = "../smtp/trusting.rs"]
mod trusting;
mod watch;

use account::Account;
use appliance::{Appliance, wait_for};
use random::Random;
use sender::Senders;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

/// The times of a test are so short that senders get their `250`, and that what is forgotten is forgotten in the run.
const TEST: &str = "settle = \"1s\"\nrotation = \"2s\"\npatience = \"5s\"\npatience_attempts = 8\n\
                    deadline = \"120s\"\nquiet = \"20s\"";
/// Replies that a restarted appliance gives at least before it is killed again.
const REPLIES: usize = 10;

struct Settings {
    senders: usize,
    load: Duration,
    kills: usize,
    seed: u64,
}

impl Settings {
    fn read() -> Self {
        let clock = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Self {
            senders: number("SOAK_SENDERS", 20) as usize,
            load: Duration::from_secs(number("SOAK_SECONDS", 15)),
            kills: number("SOAK_KILLS", 3) as usize,
            seed: number("SOAK_SEED", u64::from(clock.subsec_nanos())),
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(usual, |value| value.parse().expect(name))
}

#[test]
fn whatever_was_answered_is_in_the_journal_once() {
    let settings = Settings::read();
    println!(
        "soak: {} senders, {} s, {} kills; SOAK_SEED={}",
        settings.senders,
        settings.load.as_secs(),
        settings.kills,
        settings.seed
    );
    let mut appliance = prepared();
    let account = Account::default();
    let senders = Senders::new(&appliance, &account, settings.seed, settings.senders);
    let idle = watch::Use::of(appliance.pid());
    let mut restarts = Vec::new();
    std::thread::scope(|scope| {
        senders.start(scope);
        // However this ends, so do they.
        let _stop = senders.stop_at_drop();
        watch::watch(&appliance, &account, settings.load, settings.senders, idle);
        senders.hurry(scope);
        restarts = kills(&mut appliance, &account, &settings);
    });
    account.check();
    watch::wait_until_idle(&appliance, idle);
    appliance.stop();
    let found = evidence::check(&appliance.path("journal.redb"), &account);
    println!("{account}");
    let longest = restarts.iter().max().copied().unwrap_or_default();
    println!(
        "soak: {} kills, the longest restart {} ms; the journal at the end: {found}",
        restarts.len(),
        longest.as_millis()
    );
    assert!(!appliance.log().contains("panicked"), "{}", appliance.log());
    assert!(account.accepted() > 0, "nobody was given a 250");
}

fn prepared() -> Appliance {
    let mut appliance = Appliance::new();
    let path = appliance.path("mailproof.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("settle = \"1s\"", TEST)).unwrap();
    appliance.start();
    appliance
}

/// Kills the appliance again and again while all go on sending; says how long each start took.
fn kills(appliance: &mut Appliance, account: &Account, settings: &Settings) -> Vec<Duration> {
    let mut random = Random::new(settings.seed);
    let mut restarts = Vec::new();
    for kill in 0..settings.kills {
        let before = account.claims();
        wait_for("replies under load", || {
            account.check();
            (account.claims() >= before + REPLIES).then_some(())
        });
        std::thread::sleep(Duration::from_millis(random.below(1000) as u64));
        account.dies();
        appliance.kill();
        // A copy, so that the appliance itself has to recover what it left.
        let copy = appliance.path("copy.redb");
        fs::copy(appliance.path("journal.redb"), &copy).unwrap();
        let found = evidence::check(&copy, account);
        let start = Instant::now();
        appliance.start();
        restarts.push(start.elapsed());
        println!(
            "soak: kill {}: {found}; up again after {} ms",
            kill + 1,
            start.elapsed().as_millis()
        );
    }
    restarts
}
