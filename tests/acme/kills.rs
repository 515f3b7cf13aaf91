//! Kills at any moment of the first issuance.

use crate::refusals::ORDER;
use crate::world::{ISSUED, LIMIT, World, until};
use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const KILLS: usize = 3;
/// The longest time to a kill: about that of one certificate.
const LONGEST: u64 = 4000;
/// What Pebble logs of an order whose proof it did not find.
const INVALID: &str = "set INVALID by invalid authz";

#[test]
fn a_first_issuance_that_is_killed_is_gone_on_with() {
    let mut world = World::new("");
    world.pebble.start();
    for _ in 0..KILLS {
        world.appliance.start();
        let pause = RandomState::new().hash_one(0) % LONGEST;
        std::thread::sleep(Duration::from_millis(pause));
        world.appliance.kill();
        eprintln!("killed after {pause} ms");
    }
    world.appliance.start();
    let forgot = wait_until_ready(&mut world);
    let mut issued = world.events("issued");
    issued.sort();
    assert_eq!(issued, ISSUED);
    if forgot {
        return;
    }
    // A kill loses what the CA had made and was not noted yet, or an order for which the CA looked just then, but no other.
    let (ordered, known) = (world.events("ordered"), world.pebble.logged(ORDER));
    let log = world.pebble.log();
    let lost = log.lines().filter_map(|line| line.split_once(INVALID));
    // The same order may become invalid twice.
    let lost: BTreeSet<_> = lost
        .filter_map(|(order, _)| order.split(' ').nth_back(1))
        .collect();
    let lost = lost.len();
    assert_eq!(ordered.len(), ISSUED.len() + lost, "{ordered:?}");
    assert!(known <= ISSUED.len() + KILLS, "{known} orders");
    assert!(world.events("failed").len() <= lost);
}

/// Waits for all certificates, and hurries what a kill has delayed. Says whether the CA had to be started anew: Pebble may
/// stop answering for ever when it was told of one proof twice, before and after a kill.
fn wait_until_ready(world: &mut World) -> bool {
    let mut hurried = BTreeSet::new();
    let mut forgot = false;
    until("all certificates", LIMIT, || {
        let status = world.status();
        for row in status["certificates"].as_array().unwrap() {
            let (name, trouble) = (row["name"].as_str().unwrap(), &row["trouble"]);
            match trouble["kind"].as_str() {
                // Whom the CA asked was not there.
                Some("validation") => {}
                Some("unreachable") if !forgot => {
                    world.pebble.stop();
                    world.pebble.start();
                    forgot = true;
                }
                _ => continue,
            }
            if hurried.insert((name.to_owned(), trouble["since"].clone().to_string())) {
                world.appliance.text(&["certs", "renew", name]);
            }
        }
        (status["ready"] == true).then_some(())
    });
    forgot
}
