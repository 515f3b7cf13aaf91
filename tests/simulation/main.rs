//! Simulated senders against the true desk: hours of mail within milliseconds, and a verdict on every behaviour.
//!
//! Each behaviour walks the MX list in each way, comes again by each schedule, meets shared and own addresses, alone
//! and among others, with a resolver that obeys the TTL and with one that does not. `SIMULATION_PLAY=NUMBER` plays one
//! of them and tells its story; `SIMULATION_SEED=NUMBER` takes other random numbers; `SIMULATION_STEP=7` plays one in
//! seven (any number that shares no factor with the lengths of the tables).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it found"
)]

mod appliance;
mod behaviour;
mod hosts;
mod identity;
mod manner;
mod play;
#[path = "../inference/random.rs"]
mod random;
mod sender;
mod table;

use play::{Ending, PLAYS, Play, play};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::Table;

const SEED: u64 = 20_261_128;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Every play, by number, on all processors.
fn all(seed: u64) -> Vec<(Play, Ending)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let step = usize::try_from(number("SIMULATION_STEP").unwrap_or(1)).unwrap();
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(step, Ordering::Relaxed);
                    if number >= PLAYS {
                        break;
                    }
                    let what = Play::of(number, seed);
                    let ending = play(&what, false);
                    played.lock().unwrap().push((what, ending));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|(what, _)| what.number);
    played
}

#[test]
fn no_sender_is_called_by_another_name_and_nearly_all_are_found_out() {
    let seed = number("SIMULATION_SEED").unwrap_or(SEED);
    if let Some(number) = number("SIMULATION_PLAY") {
        let what = Play::of(usize::try_from(number).unwrap(), seed);
        let ending = play(&what, true);
        println!("{what:?}\n{}\n{:?}", ending.story, ending.faults);
        assert!(ending.faults.is_empty());
        return;
    }
    let played = all(seed);
    let table = Table::of(&played);
    println!("seed {seed}\n{table}");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(
        format!("{folder}/simulation.txt"),
        format!("seed {seed}\n{table}"),
    )
    .unwrap();
    let faults: Vec<_> = (played.iter())
        .filter_map(|(what, ending)| Some((what.number, ending.faults.first()?)))
        .map(|(number, fault)| format!("SIMULATION_PLAY={number}: {fault}"))
        .collect();
    let shown = faults[..faults.len().min(60)].join("\n");
    assert!(
        faults.is_empty(),
        "{} plays went wrong:\n{shown}",
        faults.len()
    );
    let (right, told_apart) = table.told_apart_on_a_shared_address();
    assert!(
        right * 100 >= told_apart * 98,
        "{right} of {told_apart} found out on a shared address"
    );
}
