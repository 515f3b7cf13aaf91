//! The zones in the eyes of `dnsviz`, which finds neither an error nor a warning, and each delegation as it is meant.
//!
//! The root has no trust anchor there: that the chain begins with the right key is for the validators to judge.

use crate::server::Server;
use crate::validators::tool;
use crate::world::{ET, Signing, World, zone};
use serde_json::Value;

/// Names, with the state of their delegation when they are apexes.
const NAMES: &[(&str, Option<&str>)] = &[
    ("lab", Some("SECURE")),
    ("et.lab", Some("SECURE")),
    ("mx05.et.lab", None),
    ("_25._tcp.mx05.et.lab", None),
    ("_25._tcp.et.lab", None),
    ("nothing.et.lab", None),
    ("torture.lab", Some("SECURE")),
    ("www.torture.lab", None),
    ("foo.wild.torture.lab", None),
    ("x.foo.ent.wild.torture.lab", None),
    ("foo.mixed.torture.lab", None),
    ("a.b.c.nothing.torture.lab", None),
    ("c.d.torture.lab", None),
    ("c1.torture.lab", None),
    ("cwild1.torture.lab", None),
    ("sec.torture.lab", Some("SECURE")),
    ("host.sec.torture.lab", None),
    ("ins.torture.lab", Some("INSECURE")),
    ("ins.mixed.torture.lab", Some("INSECURE")),
    ("example.lab", Some("SECURE")),
    ("host3.example.lab", None),
];

/// Types asked of every name; not NSEC, which it takes for other data beside a CNAME (RFC 4034 4 allows just that).
const TYPES: &str = "A,AAAA,NS,SOA,MX,TXT,TLSA,CAA,DNSKEY,DS,CDS";

/// What it finds about these names.
fn analysis(world: &World, names: &[&str]) -> Value {
    let server = Server::of(world);
    let probed = server.file("probed");
    let probed = probed.to_str().unwrap();
    let port = server.address.port();
    // Each zone is told, since a delegation does not tell the port of a nameserver; `+`: there is nothing above.
    let servers = world.zones.iter().flat_map(|zone| {
        let end = if zone.origin().is_root() { "+" } else { "" };
        let servers = format!("{}{end}:ns.lab=127.0.0.1:{port}", zone.origin());
        ["-x".to_owned(), servers]
    });
    let servers: Vec<_> = servers.collect();
    let mut arguments = vec![
        "probe", "-A", "-a", ".", "-t", "4", "-R", TYPES, "-o", probed,
    ];
    arguments.extend(servers.iter().map(String::as_str));
    arguments.extend(names);
    let output = tool("dnsviz", "dnsviz", &arguments);
    assert!(output.status.success(), "{output:?}");
    // Loopback addresses are no fault here.
    let output = tool("dnsviz", "dnsviz", &["grok", "-P", "-r", probed]);
    assert!(output.status.success(), "{output:?}");
    server.stop();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything under `errors` and `warnings`, wherever it stands.
fn faults(value: &Value, at: &str, found: &mut Vec<String>) {
    let (fields, items) = (value.as_object(), value.as_array());
    for (key, inner) in fields.into_iter().flatten() {
        if key == "errors" || key == "warnings" {
            found.push(format!("{at}: {inner}"));
        } else {
            faults(inner, &format!("{at} {key}"), found);
        }
    }
    for inner in items.into_iter().flatten() {
        faults(inner, at, found);
    }
}

#[test]
fn dnsviz_finds_no_fault() {
    let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
    let analysis = analysis(&World::new(), &names);
    let mut found = Vec::new();
    faults(&analysis, "", &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
    for (name, state) in NAMES {
        let of = &analysis[format!("{name}.")];
        assert!(of["queries"].is_object(), "{name} was asked for: {of}");
        assert_eq!(of["delegation"]["status"].as_str(), *state, "{name}");
    }
}

#[test]
fn dnsviz_would_find_a_fault() {
    let mut world = World::new();
    // Signed with keys that the parent does not know.
    world.zones[World::ET] = Signing::new(zone("et.lab.", ET)).sign();
    let analysis = analysis(&world, &["et.lab"]);
    let mut found = Vec::new();
    faults(&analysis, "", &mut found);
    assert!(!found.is_empty());
    assert_eq!(analysis["et.lab."]["delegation"]["status"], "BOGUS");
}
