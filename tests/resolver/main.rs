//! Look-ups against real nameservers: what is secure, insecure, bogus and unknown, present or absent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod fetch;
mod host;
mod judge;
mod meddler;
mod request;
mod serial;
mod world;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use mailproof::base::{Domain, Lookup, Security};
use mailproof::dial::resolver::Anchors;
use mailproof::dial::{Dial, Settings, Validate};
use meddler::meddler;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
const ADDRESSES: [(&str, &str); 17] = [
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
    ("mx.moved.signed.lab", "2 Secure mx.signed.lab"),
    ("none.moved.signed.lab", "0 Secure none.signed.lab"),
    ("host.half.signed.lab", "failed Bogus"),
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
    assert_eq!(dial.resolver().trusted().await, Ok(()));
}

#[tokio::test]
async fn answers_are_kept_for_their_ttl_unless_told_otherwise() {
    let world = world::world();
    ready(&dial(world.server.address, Validate::Own, &world.anchor)).await;
    for (cache, again) in [(true, false), (false, true)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let counted = meddler(world.server.address, move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let dial = Dial::new(Settings {
            resolvers: vec![counted],
            trust_anchors: Some(Anchors::parse(&world.anchor).unwrap()),
            cache,
            ..Settings::default()
        })
        .unwrap();
        for host in ["mx.signed.lab", "none.signed.lab"] {
            dial.resolver().addresses(&name(host)).await;
        }
        let before = asked.load(Ordering::SeqCst);
        assert!(before > 0);
        for host in ["mx.signed.lab", "none.signed.lab"] {
            assert!(dial.resolver().addresses(&name(host)).await.is_secure());
        }
        let asked_again = asked.load(Ordering::SeqCst) > before;
        assert_eq!(asked_again, again, "cache: {cache}");
    }
}

#[tokio::test]
async fn a_validating_resolver_is_believed_when_told_so() {
    let world = world::world();
    ready(&dial(world.server.address, Validate::Own, &world.anchor)).await;
    let unbound = world::unbound(&world);
    let upstream = dial(unbound.address, Validate::Upstream, &world.anchor);
    ready(&upstream).await;
    check_all(&upstream).await;
    assert_eq!(upstream.resolver().trusted().await, Ok(()));
    let careless = dial(world.server.address, Validate::Upstream, &world.anchor);
    let why = careless.resolver().trusted().await.unwrap_err();
    assert!(why.contains("do not validate"), "{why}");
    // What we validate ourselves comes to the same through a resolver that validates too.
    check_all(&dial(unbound.address, Validate::Own, &world.anchor)).await;
}

#[tokio::test]
async fn answers_too_long_for_udp_come_over_tcp() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    let big = dial.resolver().txt(&name("big.signed.lab")).await;
    assert_eq!(show(&big), "1 Secure");
    assert_eq!(big.records[0].len(), 1600);
}

#[tokio::test]
async fn reverse_names_count_when_they_lead_back() {
    let world = world::world();
    let dial = dial(world.server.address, Validate::Own, &world.anchor);
    ready(&dial).await;
    for (address, names) in [
        ("127.0.0.4", vec![name("four.signed.lab")]),
        // The name has another address.
        ("127.0.0.5", vec![]),
        ("127.0.0.6", vec![]),
    ] {
        let found = dial.resolver().reverse(address.parse().unwrap()).await;
        assert_eq!((found.records, found.failed), (names, None), "{address}");
    }
    let nobody = self::dial("127.0.0.1:1".parse().unwrap(), Validate::Own, &world.anchor);
    let found = nobody
        .resolver()
        .reverse("127.0.0.4".parse().unwrap())
        .await;
    assert!(found.records.is_empty() && found.failed.is_some());
}

/// Whether the message is about this name and type.
fn is(message: &Message, name: &str, kind: RecordType) -> bool {
    let query = &message.queries[0];
    query.name().to_ascii() == name && query.query_type() == kind
}

#[tokio::test]
async fn forgery_and_failure_are_told_apart() {
    let world = world::world();
    let target = world.server.address;
    ready(&dial(target, Validate::Own, &world.anchor)).await;

    let forged = meddler(target, |message| {
        for record in &mut message.answers {
            if matches!(record.data, RData::A(_)) {
                record.data = RData::A(A::new(127, 0, 0, 66));
            }
        }
    });
    let stripped = meddler(target, |message| {
        if is(message, "_25._tcp.mx.signed.lab.", RecordType::TLSA) {
            message
                .answers
                .retain(|record| record.record_type() != RecordType::RRSIG);
        }
    });
    let absent = meddler(target, |message| {
        if is(message, "_25._tcp.mx.signed.lab.", RecordType::TLSA) {
            message.answers.clear();
            message.authorities.clear();
        }
    });
    let strange = meddler(target, |message| {
        if is(message, "_25._tcp.mx.signed.lab.", RecordType::TLSA) {
            let soa = RData::try_from_str(RecordType::SOA, "ns.lab. root.lab. 1 1 1 1 1").unwrap();
            let zone = Name::from_ascii("plain.lab.").unwrap();
            message.answers.clear();
            message.authorities = vec![Record::from_rdata(zone, 60, soa)];
        }
    });
    let broken_chain = meddler(target, |message| {
        if is(message, "signed.lab.", RecordType::DNSKEY) {
            message.answers.clear();
            message.metadata.response_code = ResponseCode::ServFail;
        }
    });
    let silent_family = meddler(target, |message| {
        if is(message, "mx.signed.lab.", RecordType::AAAA) {
            message.metadata.response_code = ResponseCode::ServFail;
        }
    });
    for (what, resolver, expected) in [
        ("untouched", target, "1 Secure"),
        ("signatures stripped", stripped, "failed Bogus"),
        ("denied without proof", absent, "failed Bogus"),
        ("denied by an insecure zone", strange, "failed Bogus"),
        ("keys not to be had", broken_chain, "failed Unknown"),
        (
            "nobody there",
            "127.0.0.1:9".parse().unwrap(),
            "failed Unknown",
        ),
    ] {
        let dial = dial(resolver, Validate::Own, &world.anchor);
        let found = dial.resolver().tlsa(&name("_25._tcp.mx.signed.lab")).await;
        assert_eq!(show(&found), expected, "{what}: {found:?}");
    }
    let found = dial(forged, Validate::Own, &world.anchor);
    let found = found.resolver().addresses(&name("four.signed.lab")).await;
    assert_eq!(show(&found), "failed Bogus", "{found:?}");
    assert!(found.records.is_empty());
    let half = dial(silent_family, Validate::Own, &world.anchor);
    let half = half.resolver().addresses(&name("mx.signed.lab")).await;
    assert_eq!(half.records.len(), 1, "the other family is there");
    assert!(
        half.failed
            .is_some_and(|why| why.contains("Server Failure"))
    );
    assert_eq!(half.security, Security::Unknown);
}

#[tokio::test]
async fn an_anchor_that_fits_no_key_makes_everything_bogus() {
    let world = world::world();
    ready(&dial(world.server.address, Validate::Own, &world.anchor)).await;
    let anchor = format!(". DS 1 13 2 {}", "00".repeat(32));
    let dial = dial(world.server.address, Validate::Own, &anchor);
    let found = dial.resolver().mx(&name("signed.lab")).await;
    assert_eq!(show(&found), "failed Bogus");
    assert!(found.failed.unwrap().contains("trust anchor"));
}
