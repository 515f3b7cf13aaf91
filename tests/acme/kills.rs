//! Kills at any moment of the first issuance.

use crate::refusals::ORDER;
use crate::world::{ISSUED, World};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const KILLS: usize = 3;
/// The longest time to a kill: about that of one certificate.
const LONGEST: u64 = 4000;

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
    world.wait_until_ready();
    // What was noted was gone on with; lost is at most what the CA had made and was not noted yet.
    let known = world.pebble.logged(ORDER);
    assert!(known <= ISSUED.len() + KILLS, "{known} orders");
    assert_eq!(world.events("ordered"), ISSUED);
    assert_eq!(world.events("issued"), ISSUED);
    assert!(world.events("failed").is_empty());
}
