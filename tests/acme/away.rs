//! A CA that is away, hangs, or has forgotten all: what is in service stays, and what can be done is done by itself.

use crate::appliance::wait_for;
use crate::dns;
use crate::presented::by_mail;
use crate::world::{ISSUED, LIMIT, World, row, until};
use serde_json::Value;

/// What clients and the operator see of mx06 does not change while there is trouble.
fn stays_in_service(world: &World, before: &Value) {
    let (ports, host) = (world.appliance.ports, "mx06.et.example.org");
    let leaf = wait_for("STARTTLS", || by_mail(ports.smtp, host));
    assert_eq!(row(before, "mx06")["serial"], leaf.serial.as_str());
    dns::serial(ports.dns, "et.example.org");
    let status = world.status();
    assert_eq!(status["ready"], true, "{status:#}");
    let output = world.appliance.run(&["certs", "status"]);
    assert_eq!(output.status.code(), Some(0));
}

/// `certs status` and `check` tell of a CA that is not reached, and what to do.
fn is_told(world: &World, trouble: &Value) {
    let advice = trouble["advice"].as_str().unwrap();
    assert!(advice.contains("certificates.directory"), "{advice}");
    let check = world.asked(&["check"]);
    for name in ISSUED {
        let what = format!("certificate {name}");
        let row = check.as_array().unwrap().iter();
        let row = { row }.find(|row| row["what"] == what.as_str()).unwrap();
        assert_eq!(row["state"], "warning", "{row}");
        assert_eq!(row["advice"], advice, "{row}");
    }
    assert_eq!(world.appliance.run(&["check"]).status.code(), Some(0));
    for command in [&["certs", "status"][..], &["check"]] {
        let text = world.appliance.text(command);
        assert!(text.contains("unreachable"), "{text}");
        assert!(text.contains(advice), "{text}");
    }
}

fn renewed(world: &World, before: &Value) -> Value {
    until("new certificates", LIMIT, || {
        let status = world.status();
        let new = |name: &&str| {
            let (now, was) = (row(&status, name), row(before, name));
            now["serial"] != was["serial"] && now["trouble"].is_null()
        };
        ISSUED.iter().all(new).then(|| status.clone())
    })
}

#[test]
fn a_ca_that_comes_back_with_nothing_left_is_found_anew_by_itself() {
    let mut world = World::ready();
    let before = world.status();
    world.pebble.stop();
    world.appliance.text(&["certs", "renew"]);
    let trouble = world.trouble("mx06", "unreachable");
    is_told(&world, &trouble);
    stays_in_service(&world, &before);

    world.pebble.start();
    let after = renewed(&world, &before);
    let account = after["account"].as_str().unwrap();
    assert_ne!(before["account"], account);
    let caa = format!("accounturi={account}; validationmethods=dns-01");
    wait_for("CAA records of the new account", || {
        let zones = ["et", "ut"].map(|zone| world.appliance.text(&["zone", zone]));
        let whole = |zone: &String| zone.contains(&caa) && !zone.contains("_acme-challenge");
        zones.iter().all(whole).then_some(())
    });
    let log = world.appliance.log();
    assert!(log.contains("account-gone: "), "{log}");
    // Trusted by who trusts the new root alone.
    let mut client = world.appliance.client();
    client.converse(&[("EHLO watcher.example", "250")]);
    let trust = world.pebble.trust();
    client
        .starttls(&trust, "mx06.et.example.org")
        .converse(&[("EHLO watcher.example", "250"), ("QUIT", "221")]);
}

#[test]
fn a_ca_that_hangs_stops_nothing_else() {
    let world = World::ready();
    let before = world.status();
    world.pebble.pause();
    world.appliance.text(&["certs", "renew"]);
    let trouble = until("the end of our patience", LIMIT, || {
        stays_in_service(&world, &before);
        let trouble = &world.row("mx06")["trouble"];
        (!trouble.is_null()).then(|| trouble.clone())
    });
    assert_eq!(trouble["kind"], "unreachable", "{trouble}");
    is_told(&world, &trouble);

    world.pebble.go_on();
    world.appliance.text(&["certs", "renew"]);
    let after = renewed(&world, &before);
    assert_eq!(before["account"], after["account"]);
}
