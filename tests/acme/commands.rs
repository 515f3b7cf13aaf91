//! Commands about certificates beside a stopped appliance, and files that somebody damaged.

use crate::world::{LIMIT, World, row, until};
use std::fs;
use std::process::Command;

#[test]
fn a_wish_is_kept_until_the_next_start() {
    let mut world = World::ready();
    for command in ["renew", "roll"] {
        let output = world.appliance.run(&["certs", command, "mx06", "mx09"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        let known = "self-signed, mx03, mx04, mx05, mx06, ut, web";
        assert!(told.contains("\"mx09\"") && told.contains(known), "{told}");
    }
    let before = world.status();
    assert_eq!(row(&before, "mx06")["renew_by"], "lifetime");
    world.appliance.stop();
    assert_eq!(world.status(), before);
    for wish in [["renew", "mx05"], ["renew", "mx03"], ["roll", "mx06"]] {
        world.appliance.text(&[&["certs"], &wish[..]].concat());
    }
    assert_eq!(world.row("mx05")["renew_by"], "operator");
    assert!(world.row("mx06")["next"].is_object());
    assert_eq!(world.status()["ready"], true);

    world.appliance.start();
    let changed = |name: &str, key: &str| row(&before, name)[key] != world.row(name)[key];
    until("what was wished", LIMIT, || {
        let done = changed("mx05", "serial")
            && changed("mx03", "serial")
            && changed("mx06", "spki_sha256");
        done.then_some(())
    });
    for (name, key) in [
        ("mx05", "spki_sha256"),
        ("mx03", "spki_sha256"),
        ("mx04", "serial"),
        ("ut", "serial"),
    ] {
        assert!(!changed(name, key), "{name} {key}");
    }
    assert_eq!(world.row("mx05")["renew_by"], "lifetime");
    what_is_damaged_is_named(&mut world);
}

/// It does not start, names the file, and leaves it alone.
fn what_is_damaged_is_named(world: &mut World) {
    world.appliance.stop();
    let path = |name: &str| world.appliance.state.join("acme").join(name);
    let other = fs::read_to_string(path("ut.key")).unwrap();
    for (name, content, why) in [
        (
            "mx06.key",
            &other[..],
            "mx06.pem: is not of the key in mx06.key",
        ),
        ("mx06.pem", "", "mx06.pem: holds no whole certificate"),
        ("ledger.json", "{", "ledger.json: damaged"),
        ("ledger.json", "{\"events\": 3}", "ledger.json: damaged"),
        ("account.json", "x", "account.json: damaged"),
        ("account.key", "x", "account.key: holds no whole"),
    ] {
        let before = fs::read_to_string(path(name)).unwrap();
        fs::write(path(name), content).unwrap();
        let output = Command::new("timeout")
            .args(["60", crate::appliance::PROGRAM])
            .args(["--config", "mailproof.toml", "serve"])
            .current_dir(world.appliance.path("."))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(why), "{told}");
        assert_eq!(fs::read_to_string(path(name)).unwrap(), content);
        fs::write(path(name), before).unwrap();
    }
    world.appliance.start();
    world.wait_until_ready();
}
