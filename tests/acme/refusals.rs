//! What cannot go well is told in a word, with what to do, and burns nothing at the CA.

use crate::appliance::{apart, wait_for};
use crate::client::Client;
use crate::https::https;
use crate::world::{ISSUED, World, row};
use std::fs::{self, File};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Mounts a small file system that vanishes with the process.
const MOUNT: &str = "mount -t tmpfs -o size=1m,mode=0700 tmpfs acme";
/// What the process becomes then.
const SERVE: &str = "exec \"$0\" --config mailproof.toml serve";
/// What Pebble logs when it is told to look for a proof.
pub const LOOKS: &str = "/chalZ/";
/// What it logs of an order.
pub const ORDER: &str = "orders in the db";

#[test]
fn what_is_in_the_way_is_told_apart() {
    let foreign = https(Ipv4Addr::LOCALHOST.into()).0;
    let asked = ["caa = ", "profile = \"shortlived\"\ncaa = "];
    let nobody = ["validate = \"upstream\"\n", ""];
    for (config, root, kind, detail, orders) in [
        (asked, None, "profile", "shortlived", 0),
        ([""; 2], Some(&foreign), "unreachable", "certificate", 0),
        // Where we do not find our zones, the CA would not either.
        (nobody, None, "not-visible", "resolver does not find", 4),
    ] {
        let mut world = World::new("");
        let [old, new] = config;
        if !old.is_empty() {
            world.reconfigure(old, new);
        }
        if let Some(root) = root {
            fs::write(world.appliance.path("ca.pem"), root).unwrap();
        }
        world.pebble.start();
        world.appliance.start();
        let trouble = world.trouble("web", kind);
        let told = trouble["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{kind}: {told}");
        assert_eq!(world.status()["ready"], false);
        assert_eq!(world.pebble.logged(ORDER), orders, "{kind}");
        assert_eq!(world.pebble.logged(LOOKS), 0, "{kind}");
        let greeting = Client::connect(world.appliance.ports.smtp).reply();
        assert!(greeting.starts_with("421 4.3.2 "), "{greeting}");
    }
}

#[test]
fn a_full_disk_burns_no_order() {
    let mut world = World::new("");
    world.pebble.start();
    start_on_a_small_disk(&mut world);
    wait_for("an order", || {
        (!world.events("ordered").is_empty()).then_some(())
    });
    let filler = world.appliance.state.join("acme/filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}

    let trouble = world.trouble("web", "storage");
    let told = trouble["detail"].as_str().unwrap();
    assert!(told.contains("No space left"), "{told}");
    let status = world.status();
    let unfit = |name: &&&str| row(&status, name)["fit"] == false;
    let unfit = ISSUED.iter().find(unfit).unwrap();
    let (ordered, known) = (world.events("ordered"), world.pebble.logged(ORDER));

    drop(file);
    fs::remove_file(&filler).unwrap();
    // Rather than after a pause.
    world.appliance.text(&["certs", "renew", unfit]);
    world.wait_until_ready();
    assert_eq!(world.events("ordered")[..ordered.len()], ordered);
    assert_eq!(world.events("ordered"), ISSUED);
    assert_eq!(world.events("issued"), ISSUED);
    assert_eq!(world.pebble.logged(ORDER), ISSUED.len(), "{known} then");
}

/// Starts the appliance with `acme/` on a small file system.
fn start_on_a_small_disk(world: &mut World) {
    let appliance = &mut world.appliance;
    let folder = appliance.path("acme");
    fs::create_dir(&folder).unwrap();
    let mounted = apart(MOUNT).current_dir(appliance.path(".")).output();
    let mounted = mounted.unwrap();
    assert!(
        mounted.status.success(),
        "no small file system can be mounted here, run `sudo make test`: {}",
        String::from_utf8_lossy(&mounted.stderr)
    );
    appliance.start_by(&mut apart(&format!("{MOUNT} && {SERVE}")));
    // Only the process itself sees the file system.
    let seen = format!("/proc/{}/root", appliance.pid());
    appliance.state = PathBuf::from(seen + folder.parent().unwrap().to_str().unwrap());
}
