use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

const NOW: &str = "2026-06-01T00:00:00Z";
const HOST: &str = "mx.example.org";

struct Ca {
    params: CertificateParams,
    key: KeyPair,
    der: CertificateDer<'static>,
}

fn ca(name: &str) -> Ca {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let der = params.self_signed(&key).unwrap().der().clone();
    Ca { params, key, der }
}

/// A leaf, valid in 2026 or expired before.
fn leaf(issuer: Option<&Ca>, host: &str, expired: bool) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(if expired { 2021 } else { 2030 }, 1, 1);
    match issuer {
        None => params.self_signed(&key),
        Some(ca) => params.signed_by(&key, &Issuer::from_params(&ca.params, &ca.key)),
    }
    .unwrap()
    .der()
    .clone()
}

fn record(usage: u8, selector: u8, matching: u8, of: &CertificateDer<'_>) -> Tlsa {
    let (_, parsed) = X509Certificate::from_der(of).unwrap();
    let selected = if selector == 0 {
        of.as_ref()
    } else {
        parsed.public_key().raw
    };
    let data = match matching {
        0 => selected.to_vec(),
        1 => digest(&SHA256, selected).as_ref().to_vec(),
        _ => digest(&SHA512, selected).as_ref().to_vec(),
    };
    Tlsa {
        usage,
        selector,
        matching,
        data,
    }
}

fn spoilt(mut record: Tlsa) -> Tlsa {
    record.data[0] ^= 1;
    record
}

fn judged(records: &[Tlsa], chain: &[&CertificateDer<'_>]) -> TlsaResult {
    let chain: Vec<_> = chain
        .iter()
        .map(|certificate| (*certificate).clone())
        .collect();
    let names = [
        Domain::parse(HOST).unwrap(),
        Domain::parse("example.org").unwrap(),
    ];
    matches(records, &chain, &names, NOW.parse().unwrap())
}

/// What each RRset says of a chain, in words as [`TlsaResult`] shows them.
fn check(rows: Vec<(&str, Vec<Tlsa>, Vec<&CertificateDer<'_>>, &str)>) {
    for (what, records, chain, result) in rows {
        assert_eq!(judged(&records, &chain).to_string(), result, "{what}");
    }
}

const MISS: &str = "no TLSA record matches the certificate";

#[test]
fn the_end_entity_record_looks_at_the_leaf_alone() {
    let root = ca("root");
    let own = leaf(None, HOST, false);
    let odd = leaf(None, "wrong.example", true);
    let good = leaf(Some(&root), HOST, false);
    let key = || record(3, 1, 1, &own);
    check(vec![
        ("3 1 1", vec![key()], vec![&own], "TLSA 3 1 1 matches"),
        (
            "expired and misnamed (7671 5.1)",
            vec![record(3, 1, 1, &odd)],
            vec![&odd],
            "TLSA 3 1 1 matches",
        ),
        (
            "3 0 1 of another",
            vec![record(3, 0, 1, &odd)],
            vec![&own],
            MISS,
        ),
        (
            "3 0 0",
            vec![record(3, 0, 0, &own)],
            vec![&own],
            "TLSA 3 0 0 matches",
        ),
        (
            "3 1 0",
            vec![record(3, 1, 0, &own)],
            vec![&own],
            "TLSA 3 1 0 matches",
        ),
        (
            "3 1 2",
            vec![record(3, 1, 2, &own)],
            vec![&own],
            "TLSA 3 1 2 matches",
        ),
        (
            "of the issuer, not the leaf",
            vec![record(3, 1, 1, &root.der)],
            vec![&good, &root.der],
            MISS,
        ),
        (
            "rollover pair (7671 8.1)",
            vec![spoilt(key()), key()],
            vec![&own],
            "TLSA 3 1 1 matches",
        ),
        (
            "only the strongest digest counts (7671 9)",
            vec![key(), spoilt(record(3, 1, 2, &own))],
            vec![&own],
            MISS,
        ),
        ("no certificates", vec![key()], vec![], MISS),
    ]);
}

#[test]
fn the_trust_anchor_record_looks_at_path_names_and_time() {
    let (root, other) = (ca("root"), ca("other"));
    let good = leaf(Some(&root), HOST, false);
    let next_hop = leaf(Some(&root), "example.org", false);
    let misnamed = leaf(Some(&root), "wrong.example", false);
    let late = leaf(Some(&root), HOST, true);
    let key = || record(2, 1, 1, &root.der);
    let named = "the trust anchor matches its TLSA record, but the certificate is for other names";
    let timed =
        "the trust anchor matches its TLSA record, but the certificate is not valid at this time";
    let stray = "the trust anchor of the TLSA record did not issue the certificate: no trusted root issued the certificate";
    check(vec![
        (
            "anchor presented",
            vec![key()],
            vec![&good, &root.der],
            "TLSA 2 1 1 matches",
        ),
        (
            "name of the next hop",
            vec![key()],
            vec![&next_hop, &root.der],
            "TLSA 2 1 1 matches",
        ),
        ("anchor not presented", vec![key()], vec![&good], MISS),
        (
            "anchor in the record",
            vec![record(2, 0, 0, &root.der)],
            vec![&good],
            "TLSA 2 0 0 matches",
        ),
        (
            "key in the record",
            vec![record(2, 1, 0, &root.der)],
            vec![&good],
            "TLSA 2 1 0 matches",
        ),
        (
            "another key in the record",
            vec![record(2, 1, 0, &other.der)],
            vec![&good],
            "the trust anchor of the TLSA record did not issue the certificate: the certificate cannot be traced to a trusted root: InvalidSignatureForPublicKey",
        ),
        ("wrong name", vec![key()], vec![&misnamed, &root.der], named),
        ("expired", vec![key()], vec![&late, &root.der], timed),
        (
            "of the leaf",
            vec![record(2, 1, 1, &good)],
            vec![&good, &root.der],
            MISS,
        ),
        (
            "presented, but issued something else",
            vec![record(2, 1, 1, &other.der)],
            vec![&good, &other.der],
            stray,
        ),
    ]);
}

#[test]
fn unusable_records_say_nothing() {
    let own = leaf(None, HOST, false);
    let key = || record(3, 1, 1, &own);
    let unusable = "no usable TLSA record";
    check(vec![
        (
            "PKIX usages (7672 3.1.3)",
            vec![record(0, 1, 1, &own), record(1, 1, 1, &own)],
            vec![&own],
            unusable,
        ),
        (
            "unknown selector",
            vec![Tlsa {
                selector: 7,
                ..key()
            }],
            vec![&own],
            unusable,
        ),
        (
            "unknown matching type",
            vec![Tlsa {
                matching: 99,
                ..key()
            }],
            vec![&own],
            unusable,
        ),
        (
            "digest too short",
            vec![Tlsa {
                data: vec![0; 31],
                ..key()
            }],
            vec![&own],
            unusable,
        ),
        (
            "whole certificate that is none",
            vec![Tlsa {
                selector: 0,
                matching: 0,
                data: vec![0; 31],
                ..key()
            }],
            vec![&own],
            unusable,
        ),
        (
            "beside a usable one",
            vec![spoilt(record(1, 1, 1, &own)), key()],
            vec![&own],
            "TLSA 3 1 1 matches",
        ),
        ("no records", vec![], vec![&own], "no TLSA record"),
    ]);
}

#[test]
fn chains_are_judged_apart_from_records() {
    use crate::spec::pkix::{Trust, judge};
    let root = ca("Testing Root");
    let anchors = [webpki::anchor_from_trusted_cert(&root.der).unwrap()];
    let host = Domain::parse(HOST).unwrap();
    for (chain, trust, vouches) in [
        (
            leaf(Some(&root), HOST, false),
            Trust::Trusted,
            "Testing Root",
        ),
        (
            leaf(Some(&root), HOST, true),
            Trust::Expired,
            "Testing Root",
        ),
        (
            leaf(Some(&root), "wrong.example", false),
            Trust::NameMismatch,
            "Testing Root",
        ),
        (
            leaf(Some(&ca("Nobody")), HOST, false),
            Trust::Untrusted,
            "Nobody",
        ),
        (
            leaf(Some(&ca("Nobody")), HOST, true),
            Trust::Untrusted,
            "Nobody",
        ),
        (
            leaf(None, HOST, true),
            Trust::Untrusted,
            "rcgen self signed cert",
        ),
    ] {
        let pkix = judge(&[chain], &anchors, &host, NOW.parse().unwrap());
        assert_eq!(
            (pkix.trust, pkix.root.as_deref()),
            (trust, Some(vouches)),
            "{pkix}"
        );
    }
    assert_eq!(
        judge(&[], &anchors, &host, NOW.parse().unwrap()).trust,
        Trust::Untrusted
    );
}
