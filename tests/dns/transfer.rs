//! Zone transfers as `dig` fetches them, judged by `ldns-verify-zone`.

use crate::ask::{Tcp, query, udp, udp_octets};
use crate::master::{master, verifies};
use crate::server::Server;
use crate::validators::tool;
use crate::world::{Signing, World, add, serial, zone};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{RecordType, TSigner};
use mailproof::base::Timestamp;
use mailproof::keys::TsigKey;
use mailproof::serve::dns::TransferKey;
use mailproof::sign::Snapshot;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// The text of a key, as an operator brings it.
fn text(name: &str, algorithm: &str, secret: u8) -> String {
    let secret = data_encoding::BASE64.encode(&[secret; 32]);
    format!("key \"{name}\" {{\n algorithm {algorithm};\n secret \"{secret}\";\n}};\n")
}

fn signer(text: &str) -> TSigner {
    TsigKey::parse(text).unwrap().signer().unwrap()
}

fn key(text: &str) -> TransferKey {
    TransferKey(signer(text))
}

/// What `dig` prints with this key.
fn dig(server: &Server, key: Option<&str>, arguments: &[&str]) -> String {
    let port = server.address.port().to_string();
    let mut all = vec!["@127.0.0.1", "-p", &port, "+time=20", "+tries=1"];
    let file = server.file("key");
    if let Some(key) = key {
        fs::write(&file, key).unwrap();
        all.extend(["-k", file.to_str().unwrap()]);
    }
    all.extend(arguments);
    let output = tool("bind9-dnsutils", "dig", &all);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A zone file as ldns prints it, so that two can be compared.
fn normal(server: &Server, zone: &str) -> String {
    let file = server.file("zone");
    fs::write(&file, zone).unwrap();
    let arguments = ["-z", file.to_str().unwrap()];
    let output = tool("ldnsutils", "ldns-read-zone", &arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn dig_fetches_every_zone_whole() {
    let mut zones = World::new().zones;
    let mut big = zone("big.lab.", &[]);
    for number in 0..300 {
        add(&mut big, &format!("host{number} A 127.0.0.1"));
        add(&mut big, &format!("text{number} TXT {}", "x".repeat(200)));
    }
    zones.insert(0, Signing::new(big).sign());
    for algorithm in ["hmac-sha256", "hmac-sha384", "hmac-sha512"] {
        let text = text("a.example", algorithm, 7);
        let server = Server::shared(zones.clone(), vec![key(&text)]);
        for zone in &zones {
            let origin = zone.origin().to_string();
            let printed = dig(&server, Some(&text), &["AXFR", &origin, "+onesoa"]);
            assert!(!printed.contains("verify"), "{printed}");
            let fetched = records(&printed).join("\n") + "\n";
            assert_eq!(
                normal(&server, &fetched),
                normal(&server, &master(zone)),
                "{origin}"
            );
            assert_eq!(verifies(&fetched), Ok(()), "{origin}");
            let summary = printed.lines().find(|line| line.contains("XFR size"));
            let summary = summary.unwrap();
            let several = !summary.contains("(messages 1,");
            let long = ["big.lab.", "torture.lab."].contains(&&*origin);
            assert_eq!(several, long, "{origin} {summary}");
        }
        server.stop();
    }
}

#[test]
fn only_a_key_of_ours_opens_a_transfer() {
    let good = text("a.example", "hmac-sha256", 7);
    let server = Server::shared(World::new().zones, vec![key(&good)]);
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let unsigned = query("et.lab", RecordType::AXFR, Some((1232, true)));
    for answer in [
        Tcp::connect(server.address).ask(&unsigned),
        udp(server.address, &unsigned),
    ] {
        assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
        let edns = answer.edns.unwrap();
        let explained = edns.option(EdnsCode::Unknown(15));
        assert_eq!(explained, Some(&EdnsOption::Unknown(15, vec![0, 18])));
    }
    for (what, text, time, fault) in [
        (
            "unknown",
            text("b.example", "hmac-sha256", 7),
            now,
            TsigError::BadKey,
        ),
        (
            "another algorithm",
            text("a.example", "hmac-sha512", 7),
            now,
            TsigError::BadKey,
        ),
        (
            "another secret",
            text("a.example", "hmac-sha256", 8),
            now,
            TsigError::BadSig,
        ),
        ("an hour ago", good.clone(), now - 3600, TsigError::BadTime),
        ("in an hour", good.clone(), now + 3600, TsigError::BadTime),
    ] {
        for rtype in [RecordType::AXFR, RecordType::SOA] {
            let mut message = query("et.lab", rtype, Some((1232, true)));
            let (record, _) = signer(&text).sign_message(&message, time).unwrap();
            message.set_signature(record);
            let answer = Tcp::connect(server.address).ask(&message);
            let code = answer.metadata.response_code;
            assert_eq!(code, ResponseCode::NotAuth, "{what}");
            assert_eq!(answer.answers, []);
            let tsig = &answer.signature().unwrap().data;
            assert_eq!(tsig.error, Some(fault), "{what}");
            let anonymous = fault != TsigError::BadTime;
            assert_eq!(tsig.mac.is_empty(), anonymous, "{what}");
        }
        let failed = dig(&server, Some(&text), &["AXFR", "et.lab"]);
        assert_eq!(
            failed.contains("Transfer failed"),
            fault != TsigError::BadTime
        );
    }
    server.stop();
}

#[test]
fn signed_questions_have_signed_answers() {
    let text = text("a.example", "hmac-sha256", 7);
    let server = Server::shared(World::new().zones, vec![key(&text)]);
    for (arguments, expected) in [
        (&["et.lab", "SOA"][..], "status: NOERROR"),
        (&["et.lab", "SOA", "+tcp"], "status: NOERROR"),
        (&["et.lab", "MX", "+dnssec"], "RRSIG"),
        (&["nothing.et.lab", "A", "+dnssec"], "status: NXDOMAIN"),
        (&["example.net", "A"], "status: NXDOMAIN"),
        (&["et.lab", "A", "+edns=1", "+noednsneg"], "status: BADVERS"),
        (&["version.bind", "TXT", "CH"], "mailproof"),
        (&["et.lab", "SOA", "+opcode=4"], "status: NOTIMP"),
        (
            &["big.torture.lab", "TXT", "+bufsize=1232", "+ignore"],
            " tc ",
        ),
        (&["et.lab", "IXFR=1", "+notcp"], "\tSOA\t"),
        (&["www.et.lab", "AXFR"], "Transfer failed"),
        (&["example.net", "AXFR"], "Transfer failed"),
    ] {
        let said = dig(&server, Some(&text), arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("verify"), "{arguments:?}: {said}");
        let signed = said.contains("TSIG") || said.contains("XFR") || said.contains("failed");
        assert!(signed, "{arguments:?}: {said}");
    }
    server.stop();
}

#[test]
fn over_udp_there_is_no_room_for_a_zone_nor_for_more_than_fits_beside_a_signature() {
    let text = text("a.example", "hmac-sha256", 7);
    let server = Server::shared(World::new().zones, vec![key(&text)]);
    let signer = signer(&text);
    // What an answer takes that leaves too little room for a signature.
    let unsigned = query("cnx1.torture.lab", RecordType::A, Some((1232, true)));
    let fits = udp_octets(server.address, &[unsigned.to_vec().unwrap()]).len();
    let fits = u16::try_from(fits).unwrap();
    assert!(fits > 512);
    let unsigned = query("cnx1.torture.lab", RecordType::A, Some((fits, true)));
    assert!(!udp(server.address, &unsigned).metadata.truncation);
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    for (name, rtype, payload, code, truncated) in [
        (
            "et.lab",
            RecordType::AXFR,
            1232,
            ResponseCode::FormErr,
            false,
        ),
        (
            "et.lab",
            RecordType::IXFR,
            1232,
            ResponseCode::NoError,
            false,
        ),
        (
            "www.et.lab",
            RecordType::IXFR,
            1232,
            ResponseCode::NotAuth,
            false,
        ),
        ("et.lab", RecordType::MX, 1232, ResponseCode::NoError, false),
        ("et.lab", RecordType::MX, 512, ResponseCode::NoError, false),
        (
            "cnx1.torture.lab",
            RecordType::A,
            fits,
            ResponseCode::NXDomain,
            true,
        ),
    ] {
        let mut message = query(name, rtype, Some((payload, true)));
        let (record, verifier) = signer.sign_message(&message, now).unwrap();
        message.set_signature(record);
        let octets = udp_octets(server.address, &[message.to_vec().unwrap()]);
        assert!(octets.len() <= usize::from(payload), "{name} {rtype}");
        assert!(verifier.unwrap().verify(&octets).is_ok(), "{name} {rtype}");
        let answer = Message::from_vec(&octets).unwrap();
        let meta = &answer.metadata;
        let found = (meta.response_code, meta.truncation);
        assert_eq!(found, (code, truncated), "{name} {rtype} {payload}");
        assert_eq!(answer.queries, message.queries);
        assert!(answer.edns.is_some());
    }
    server.stop();
}

/// The records that `dig` printed, in their order.
fn records(printed: &str) -> Vec<String> {
    let lines = printed.lines();
    let records = lines.filter(|line| !line.is_empty() && !line.starts_with(';'));
    // The pseudo record of the signature is the message's.
    records
        .filter(|line| !line.contains("\tTSIG\t"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn from_each_older_version_dig_gets_what_changed() {
    let text = text("a.example", "hmac-sha256", 7);
    let mut world = World::new();
    let server = Server::shared(world.zones.clone(), vec![key(&text)]);
    let whole = || -> BTreeSet<String> {
        let fetched = dig(&server, Some(&text), &["AXFR", "et.lab", "+onesoa"]);
        records(&fetched).into_iter().collect()
    };
    let is_soa = |record: &String| record.starts_with("et.lab. 300 IN SOA ");
    let mut versions = vec![whole()];
    for turn in 2..8_u32 {
        serial(&mut world.et.zone, turn);
        add(&mut world.et.zone, &format!("new{turn} A 127.0.0.{turn}"));
        world.zones[World::ET] = world.et.sign();
        let next = server.snapshot.load().followed_by(world.zones.clone());
        server.snapshot.store(Arc::new(next));
        versions.push(whole());
        for (from, old) in (1..turn).zip(&versions) {
            let wanted = format!("IXFR={from}");
            let printed = dig(&server, Some(&text), &[&wanted, "et.lab"]);
            let records = records(&printed);
            assert_eq!(records.first(), records.last());
            let parts: Vec<_> = records.split(is_soa).collect();
            let [[], [], removed, added, []] = parts[..] else {
                panic!("{printed}")
            };
            let mut held = old.clone();
            held.retain(|record| !is_soa(record));
            assert!(removed.iter().all(|record| held.remove(record)), "{from}");
            assert!(added.iter().all(|record| held.insert(record.clone())));
            held.insert(records[0].clone());
            assert_eq!(&held, versions.last().unwrap(), "from {from} to {turn}");
        }
    }
    for (since, count) in [
        ("IXFR=7", 1),
        ("IXFR=8", 1),
        ("IXFR=0", versions[6].len() + 1),
    ] {
        let printed = dig(&server, Some(&text), &[since, "et.lab"]);
        assert_eq!(records(&printed).len(), count, "{since}");
    }
    // What is served without a history before it.
    server.snapshot.store(Arc::new(Snapshot::new(world.zones)));
    let printed = dig(&server, Some(&text), &["IXFR=6", "et.lab"]);
    assert_eq!(records(&printed).len(), versions[6].len() + 1);
    server.stop();
}
