//! A CA may ask any name server: it is not told to look before all of them show the proof.

use crate::appliance::{Appliance, free};
use crate::refusals::LOOKS;
use crate::world::{ISSUED, World};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const KEY: &str = "nsd.example.net";

/// NSD, which ends with the test.
struct Nsd {
    home: TempDir,
    child: Child,
}

impl Nsd {
    /// A secondary of this appliance at this address.
    fn start(address: SocketAddr, primary: &Appliance) -> Self {
        let home = tempfile::tempdir().unwrap();
        let key = fs::read_to_string(primary.path(&format!("keys/tsig-{KEY}.key"))).unwrap();
        let (_, behind) = key.split_once("secret \"").unwrap();
        let (secret, _) = behind.split_once('"').unwrap();
        let (at, dns) = (home.path().display(), primary.ports.dns);
        let mut config = format!(
            "server:\n  ip-address: {}@{}\n  username: \"\"\n  zonesdir: \"{at}\"\n  database: \"\"\n\
             \x20 pidfile: \"{at}/pid\"\n  xfrdfile: \"{at}/xfrd\"\n  xfrdir: \"{at}\"\n  zonelistfile: \"{at}/list\"\n\
             \x20 xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n\
             key:\n  name: \"{KEY}\"\n  algorithm: hmac-sha256\n  secret: \"{secret}\"\n",
            address.ip(),
            address.port()
        );
        for zone in ["et", "ut"] {
            config.push_str(&format!(
                "zone:\n  name: \"{zone}.example.org\"\n  zonefile: \"{zone}.zone\"\n\
                 \x20 allow-notify: {} {KEY}\n  request-xfr: {}@{} {KEY}\n",
                dns.ip(),
                dns.ip(),
                dns.port()
            ));
        }
        fs::write(home.path().join("nsd.conf"), config).unwrap();
        let log = fs::File::create(home.path().join("log")).unwrap();
        let child = Command::new("nsd")
            .arg("-d")
            .arg("-c")
            .arg(home.path().join("nsd.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("nsd does not start ({error}); it is in the Debian package nsd")
            });
        Self { home, child }
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // In order, for it has children of its own.
        let _ = Command::new("sh")
            .args(["-c", "kill -TERM \"$1\"", "sh", &pid])
            .status();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home.path().join("log"));
            eprintln!("NSD's log:\n{}", log.unwrap_or_default());
        }
    }
}

#[test]
fn a_secondary_that_is_away_keeps_the_ca_from_looking() {
    let address = free(Ipv4Addr::LOCALHOST.into());
    let secondaries = format!("secondaries = [{{ address = \"{address}\", key = \"{KEY}\" }}]\n");
    let mut world = World::new(&secondaries);
    world.pebble.start();
    world.appliance.start();
    let trouble = world.trouble("mx05", "not-visible");
    let told = trouble["detail"].as_str().unwrap();
    assert!(told.contains(&address.to_string()), "{told}");
    let advice = trouble["advice"].as_str().unwrap();
    assert!(advice.contains("dns.secondaries"), "{advice}");
    assert_eq!(world.pebble.logged(LOOKS), 0, "{}", world.pebble.log());

    let _nsd = Nsd::start(address, &world.appliance);
    // Rather than after a pause.
    world.appliance.text(&["certs", "renew", "mx05"]);
    world.wait_until_ready();
    assert!(world.pebble.logged(LOOKS) > 0, "{}", world.pebble.log());
    assert!(world.events("failed").is_empty());
    let mut ordered = world.events("ordered");
    ordered.sort();
    assert_eq!(ordered, ISSUED, "the first order was gone on with");
}
