//! The first certificates: mail waits for them, and what was shown on the way is gone afterwards.

use crate::appliance::wait_for;
use crate::client::Client;
use crate::presented::{Web, by_mail, subject};
use crate::world::{ISSUED, World, row};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn the_first_certificates_are_obtained_while_mail_waits() {
    let mut world = World::new("");
    world.pebble.start();
    world.pebble.pause();
    world.appliance.start();
    let status = world.status();
    assert_eq!(status["ready"], false);
    assert_eq!(status["account"], serde_json::Value::Null);
    for row in status["certificates"].as_array().unwrap() {
        let issued = ISSUED.contains(&row["name"].as_str().unwrap());
        assert_eq!(row["fit"], !issued, "{row}");
    }
    let greeting = Client::connect(world.appliance.ports.smtp).reply();
    assert!(greeting.starts_with("421 4.3.2 "), "{greeting}");
    for command in [&["certs", "status"][..], &["check"]] {
        assert_eq!(world.appliance.run(command).status.code(), Some(1));
    }
    let summary = &world.appliance.json(&["status"])["certificates"];
    let missing = "nothing to show for mx05, mx06, ut, web";
    assert!(summary.as_str().unwrap().contains(missing), "{summary}");

    world.pebble.go_on();
    world.wait_until_ready();
    assert_eq!(world.appliance.json(&["status"])["certificates"], "ok");
    world.appliance.text(&["check"]);
    is_presented(&world);
    is_bound(&world);
    files_are_private_and_readable(&world);
}

/// What is presented is what is reported, and trusted by who trusts the CA.
fn is_presented(world: &World) {
    let (status, appliance) = (world.status(), &world.appliance);
    let trust = world.pebble.trust();
    for host in ["mx05.et", "mx06.et", "ut"] {
        let label = host.trim_end_matches(".et");
        let shown = row(&status, label);
        let issuer = shown["issuer"].as_str().unwrap();
        assert!(issuer.contains("Pebble Intermediate CA"), "{issuer}");
        let host = format!("{host}.example.org");
        // The first connection of an origin begins its window.
        let leaf = wait_for("STARTTLS", || by_mail(appliance.ports.smtp, &host));
        assert_eq!(shown["serial"], leaf.serial.as_str());
        assert_eq!(shown["spki_sha256"], leaf.digest.as_str());
        let mut client = appliance.client();
        client.converse(&[("EHLO watcher.example", "250")]);
        let mut client = client.starttls(&trust, &host);
        client.converse(&[("EHLO watcher.example", "250")]);
        client.quit();
    }
    for host in ["mta-sts.et.example.org", "et.example.org"] {
        let mut web = Web::connect(appliance.ports.https, host, &trust);
        assert!(web.get("/").starts_with("HTTP/1.1 "));
        assert_eq!(row(&status, "web")["serial"], web.leaf().serial.as_str());
    }
    let root = subject(&world.pebble.root());
    assert!(root.contains("Pebble Root CA"), "{root}");
}

/// CAA names the account, and no proof is left.
fn is_bound(world: &World) {
    let account = world.status()["account"].as_str().unwrap().to_owned();
    let caa = format!("0 issue \"pebble.example; accounturi={account}; validationmethods=dns-01\"");
    for zone in ["et", "ut"] {
        wait_for("a zone without proofs", || {
            let zone = world.appliance.text(&["zone", zone]);
            assert!(zone.contains(&caa), "{caa}: {zone}");
            (!zone.contains("_acme-challenge")).then_some(())
        });
    }
}

fn files_are_private_and_readable(world: &World) {
    let folder = world.appliance.state.join("acme");
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
    let root = folder.join("root-of-the-ca.pem");
    fs::write(root, world.pebble.root_pem()).unwrap();
    for arguments in [
        "x509 -noout -in mx06.pem",
        "pkey -noout -in mx06.key",
        "pkey -noout -in account.key",
        "verify -CAfile root-of-the-ca.pem -untrusted mx06.pem mx06.pem",
        "verify -CAfile root-of-the-ca.pem -untrusted web.pem web.pem",
    ] {
        let read = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(&folder)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{arguments}: {told}");
    }
    let digests = fs::read_to_string(folder.join("digests.txt")).unwrap();
    let status = world.status();
    let rows = status["certificates"].as_array().unwrap();
    for row in rows {
        let digest = row["spki_sha256"].as_str().unwrap();
        assert!(digests.contains(digest), "{row}: {digests}");
    }
    assert_eq!(digests.lines().count(), rows.len());
    assert_eq!(world.events("ordered").len(), ISSUED.len());
    assert_eq!(world.events("issued").len(), ISSUED.len());
}
