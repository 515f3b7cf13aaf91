//! New certificates for the keys in use, under the eyes of clients.

use crate::appliance::wait_for;
use crate::presented::{Web, by_mail};
use crate::world::{ISSUED, LIMIT, World, row, until};
use serde_json::Value;
use std::time::{Duration, Instant};

const POLICY: &str = "/.well-known/mta-sts.txt";
/// How often a client of the web host comes that stays.
const PAUSE: Duration = Duration::from_secs(5);
/// For how long: the web host ends every connection after half a minute.
const STAY: Duration = Duration::from_secs(20);

/// Clients of the web host that keep their connections.
struct Browsers<'a> {
    world: &'a World,
    open: Vec<(Instant, Web)>,
}

impl<'a> Browsers<'a> {
    fn new(world: &'a World) -> Self {
        let open = Vec::new();
        Self { world, open }
    }

    fn connect(&self) -> Web {
        let (ports, trust) = (self.world.appliance.ports, self.world.pebble.trust());
        let mut web = Web::connect(ports.https, "mta-sts.et.example.org", &trust);
        assert!(web.get(POLICY).starts_with("HTTP/1.1 200 "));
        web
    }

    /// One more comes when it is time.
    fn come(&mut self) {
        self.open.retain(|(since, _)| since.elapsed() < STAY);
        let last = self.open.last();
        if last.is_none_or(|(since, _)| since.elapsed() >= PAUSE) {
            self.open.push((Instant::now(), self.connect()));
        }
    }

    /// Those that came before the certificate changed are answered as before, and who comes now is shown the new one.
    fn are_answered(&mut self, before: &Value, now: &Value) {
        let serial = |status| row(status, "web")["serial"].as_str().unwrap().to_owned();
        let old = serial(before);
        let mut stayed = 0;
        for (_, web) in &mut self.open {
            assert!(web.get(POLICY).starts_with("HTTP/1.1 200 "));
            stayed += usize::from(web.leaf().serial == old);
        }
        assert!(stayed > 0, "nobody came before");
        assert_eq!(self.connect().leaf().serial, serial(now));
    }
}

#[test]
fn a_renewal_keeps_the_keys_and_the_connections() {
    let world = World::ready();
    let appliance = &world.appliance;
    let before = world.status();
    let first = wait_for("STARTTLS", || {
        by_mail(appliance.ports.smtp, "mx06.et.example.org")
    });
    let mut client = appliance.client();
    client.converse(&[("EHLO watcher.example", "250")]);
    let mut client = client.starttls(&world.pebble.trust(), "mx06.et.example.org");
    client.converse(&[("EHLO watcher.example", "250")]);
    let mut browsers = Browsers::new(&world);
    browsers.come();

    appliance.text(&["certs", "renew"]);
    let mut browsed = false;
    let after = until("new certificates", LIMIT, || {
        client.converse(&[("NOOP", "250")]);
        browsers.come();
        let status = world.status();
        let rows = status["certificates"].as_array().unwrap().iter();
        let mut rows = rows.map(|now| (now, row(&before, now["name"].as_str().unwrap())));
        if !browsed && row(&status, "web")["serial"] != row(&before, "web")["serial"] {
            browsers.are_answered(&before, &status);
            browsed = true;
        }
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
    let second = by_mail(appliance.ports.smtp, "mx06.et.example.org").unwrap();
    assert_ne!(first.serial, second.serial);
    assert_eq!(first.digest, second.digest);
    assert_eq!(row(&after, "mx06")["serial"], second.serial.as_str());
    assert_eq!(world.events("issued").len(), 2 * ISSUED.len());
    assert_eq!(world.events("ordered").len(), 2 * ISSUED.len());
}
