//! Look-ups against real nameservers: what is secure, insecure, bogus and unknown, present or absent.

#![allow(missing_docs, reason = "a test")]

mod world;

use mailproof::base::{Domain, Lookup, Security};
use mailproof::dial::resolver::Anchors;
use mailproof::dial::{Dial, Settings, Validate};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

fn dial(resolver: SocketAddr, validate: Validate, anchor: &str) -> Dial {
    Dial::new(Settings {
        resolvers: vec![resolver],
        trust_anchors: Some(Anchors::parse(anchor).unwrap()),
        validate,
        cache: false,
        ..Settings::default()
    })
    .unwrap()
}

fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// Waits until the server answers.
async fn ready(dial: &Dial) {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let mx = dial.resolver().mx(&name("signed.lab")).await;
        if mx.is_secure() && !mx.records.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "the nameserver does not answer: {:?}",
        dial.resolver().mx(&name("signed.lab")).await
    );
}

/// `records security [canonical]`, or why not.
fn show<T: std::fmt::Debug>(lookup: &Lookup<T>) -> String {
    let security = format!("{:?}", lookup.security);
    match (&lookup.failed, &lookup.canonical) {
        (Some(_), _) => format!("failed {security}"),
        (None, Some(canonical)) => format!("{} {security} {canonical}", lookup.records.len()),
        (None, None) => format!("{} {security}", lookup.records.len()),
    }
}

/// Address look-ups and what they must come to, whoever validates.
const ADDRESSES: [(&str, &str); 14] = [
    ("mx.signed.lab", "2 Secure"),
    ("none.signed.lab", "0 Secure"),
    ("a.b.c.none.signed.lab", "0 Secure"),
    ("_tcp.mx.signed.lab", "0 Secure"),
    ("a.w.signed.lab", "1 Secure"),
    ("a.b.w.signed.lab", "1 Secure"),
    ("a.w.three.lab", "1 Secure"),
    ("none.three.lab", "0 Secure"),
    ("host.plain.lab", "1 Insecure"),
    ("none.plain.lab", "0 Insecure"),
    ("alias.signed.lab", "2 Secure mx.signed.lab"),
    ("a.c.signed.lab", "2 Secure mx.signed.lab"),
    ("away.signed.lab", "1 Insecure host.plain.lab"),
    ("nowhere.signed.lab", "0 Secure none.three.lab"),
];

async fn check_all(dial: &Dial) {
    let resolver = dial.resolver();
    for (host, expected) in ADDRESSES {
        let found = resolver.addresses(&name(host)).await;
        assert_eq!(show(&found), expected, "{host}: {found:?}");
    }
    let tlsa = |host: &'static str| async move {
        let found = resolver.tlsa(&name(&format!("_25._tcp.{host}"))).await;
        show(&found)
    };
    assert_eq!(tlsa("mx.signed.lab").await, "1 Secure");
    assert_eq!(tlsa("four.signed.lab").await, "0 Secure");
    assert_eq!(tlsa("text.three.lab").await, "0 Secure");
    assert_eq!(tlsa("host.plain.lab").await, "0 Insecure");
    assert_eq!(tlsa("host.broken.lab").await, "failed Bogus");
    let broken = resolver.addresses(&name("host.broken.lab")).await;
    assert_eq!(show(&broken), "failed Bogus");
    assert!(broken.records.is_empty());
    let mx = resolver.mx(&name("signed.lab")).await;
    assert_eq!(show(&mx), "2 Secure");
    assert!(
        mx.records
            .iter()
            .any(|mx| mx.host == Some(name("mx.signed.lab")))
    );
    assert!(
        mx.records
            .iter()
            .any(|mx| mx.host.is_none() && mx.preference == 20)
    );
    assert_eq!(show(&resolver.mx(&name("mx.signed.lab")).await), "0 Secure");
    let txt = resolver.txt(&name("signed.lab")).await;
    assert_eq!(txt.records, ["v=spf1 -all"]);
    let empty = resolver.addresses(&name("empty.signed.lab")).await;
    assert_eq!(show(&empty), "0 Secure text.three.lab");
    let caa = resolver.caa(&name("signed.lab")).await;
    assert_eq!(
        (caa.records[0].tag.as_str(), caa.records[0].value.as_str()),
        ("issue", "ca.lab")
    );
    let round = resolver.addresses(&name("loop.signed.lab")).await;
    assert_eq!(show(&round), "failed Unknown");
}

#[tokio::test]
async fn own_validation_tells_secure_insecure_bogus_and_unknown_apart() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    check_all(&dial).await;
}
