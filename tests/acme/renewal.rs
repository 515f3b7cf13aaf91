//! New certificates for the keys in use, under the eyes of clients.

use crate::appliance::wait_for;
use crate::presented::{Web, by_mail};
use crate::world::{ISSUED, LIMIT, World, row, until};

const POLICY: &str = "/.well-known/mta-sts.txt";

#[test]
fn a_renewal_keeps_the_keys_and_the_connections() {
    let world = World::ready();
    let appliance = &world.appliance;
    let trust = world.pebble.trust();
    let before = world.status();
    let first = wait_for("STARTTLS", || {
        by_mail(appliance.ports.smtp, "mx06.et.example.org")
    });
    let mut client = appliance.client();
    client.converse(&[("EHLO watcher.example", "250")]);
    let mut client = client.starttls(&trust, "mx06.et.example.org");
    client.converse(&[("EHLO watcher.example", "250")]);
    let web = || Web::connect(appliance.ports.https, "mta-sts.et.example.org", &trust);
    let mut open = web();
    assert!(open.get(POLICY).starts_with("HTTP/1.1 200 "));

    appliance.text(&["certs", "renew"]);
    let after = until("new certificates", LIMIT, || {
        client.converse(&[("NOOP", "250")]);
        assert!(open.get(POLICY).starts_with("HTTP/1.1 200 "));
        let status = world.status();
        let rows = status["certificates"].as_array().unwrap().iter();
        let mut rows = rows.map(|now| (now, row(&before, now["name"].as_str().unwrap())));
        let renewed = rows.all(|(now, was)| {
            assert_eq!(now["spki_sha256"], was["spki_sha256"]);
            assert_eq!(now["fit"], true, "{now}");
            now["serial"] != was["serial"] && now["renew_by"] != "operator"
        });
        renewed.then_some(status)
    });
    client.converse(&[
        ("MAIL FROM:<jim@watcher.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
    ]);
    client.quit();
    assert!(open.get(POLICY).starts_with("HTTP/1.1 200 "));
    let second = by_mail(appliance.ports.smtp, "mx06.et.example.org").unwrap();
    assert_ne!(first.serial, second.serial);
    assert_eq!(first.digest, second.digest);
    assert_eq!(row(&after, "mx06")["serial"], second.serial.as_str());
    let mut new = web();
    assert!(new.get(POLICY).starts_with("HTTP/1.1 200 "));
    assert_eq!(row(&before, "web")["serial"], open.leaf().serial.as_str());
    assert_eq!(row(&after, "web")["serial"], new.leaf().serial.as_str());
    assert_eq!(world.events("issued").len(), 2 * ISSUED.len());
    assert_eq!(world.events("ordered").len(), 2 * ISSUED.len());
}
