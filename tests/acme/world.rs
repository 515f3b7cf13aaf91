//! An appliance and the CA that it gets its certificates from.

use crate::appliance::Appliance;
use crate::pebble::Pebble;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// What the CA calls itself in CAA records.
pub const CAA: &str = "pebble.example";
/// The certificates that the CA issues.
pub const ISSUED: [&str; 4] = ["mx05", "mx06", "ut", "web"];
/// Only keeps a broken run from hanging: the appliance waits two minutes for a name server alone.
pub const LIMIT: Duration = Duration::from_secs(300);

pub struct World {
    pub appliance: Appliance,
    pub pebble: Pebble,
}

impl World {
    /// Neither runs yet. These lines come last in the configuration, in the table `dns`.
    pub fn new(more: &str) -> Self {
        let appliance = Appliance::new();
        let pebble = Pebble::new(appliance.ports.dns);
        fs::write(appliance.path("ca.pem"), pebble.https_root()).unwrap();
        let world = Self { appliance, pebble };
        let issuer = format!(
            "issuer = \"acme\"\ndirectory = \"{}\"\ncontact = \"mailto:postmaster@operator.example\"\n\
             caa = \"{CAA}\"\nca_file = \"ca.pem\"\n",
            world.pebble.directory()
        );
        world.reconfigure("issuer = \"internal\"\n", &issuer);
        // Its own nameserver is all the DNS that there is; nobody validates it.
        world.reconfigure("[dial]\n", "[dial]\nvalidate = \"upstream\"\n");
        let ttls = "ttl_mx = \"1s\"\nttl_records = \"1s\"\nttl_negative = \"1s\"\n";
        world.reconfigure("rate_limit = 0\n", &format!("rate_limit = 0\n{ttls}{more}"));
        world
    }

    /// Both run, and all certificates are in service.
    pub fn ready() -> Self {
        let mut world = Self::new("");
        world.pebble.start();
        world.appliance.start();
        world.wait_until_ready();
        world
    }

    /// Replaces a part of the configuration, which must be there.
    pub fn reconfigure(&self, old: &str, new: &str) {
        let path = self.appliance.path("mailproof.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(path, text.replace(old, new)).unwrap();
    }

    pub fn wait_until_ready(&self) {
        until("all certificates", LIMIT, || {
            (self.status()["ready"] == true).then_some(())
        });
    }

    /// `certs status --json`, whatever its exit code.
    pub fn status(&self) -> Value {
        self.asked(&["certs", "status"])
    }

    /// What a command prints with `--json`, whatever its exit code.
    pub fn asked(&self, arguments: &[&str]) -> Value {
        let output = self.appliance.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let told = String::from_utf8_lossy(&output.stderr);
            panic!("{arguments:?}: {error}: {told}")
        })
    }

    /// The row of one certificate.
    pub fn row(&self, name: &str) -> Value {
        row(&self.status(), name)
    }

    /// Waits until one certificate has this trouble, and returns it.
    pub fn trouble(&self, name: &str, kind: &str) -> Value {
        let what = format!("{kind} of {name}");
        until(&what, LIMIT, || {
            let trouble = &self.row(name)["trouble"];
            (trouble["kind"] == kind).then(|| trouble.clone())
        })
    }

    /// What is noted in the ledger as having happened, each with the certificate's name.
    pub fn events(&self, what: &str) -> Vec<String> {
        let path = self.appliance.state.join("acme/ledger.json");
        let Ok(text) = fs::read_to_string(path) else {
            return Vec::new();
        };
        let ledger: Value = serde_json::from_str(&text).unwrap();
        let events = ledger["events"].as_array().unwrap().iter();
        events
            .filter(|event| event["what"] == what)
            .map(|event| event["place"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The row of one certificate in a status.
pub fn row(status: &Value, name: &str) -> Value {
    let rows = status["certificates"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("{status:#}")).clone()
}

/// Tries again and again until there is a value.
pub fn until<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < limit, "{what}: nothing after {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
