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

#[test]
fn the_rrset_decides_as_rfc_7671_and_7672_say() {
    let (root, other) = (ca("root"), ca("other"));
    let own = leaf(None, HOST, false);
    let odd = leaf(None, "wrong.example", true);
    let good = leaf(Some(&root), HOST, false);
    let next_hop = leaf(Some(&root), "example.org", false);
    let misnamed = leaf(Some(&root), "wrong.example", false);
    let late = leaf(Some(&root), HOST, true);
    let hit = |record: &Tlsa| TlsaResult::Match(record.clone());
    let miss = |why| TlsaResult::NoMatch(why);
    let key = record(3, 1, 1, &own);
    let anchor = record(2, 1, 1, &root.der);
    let whole = record(2, 0, 0, &root.der);
    let bare = record(2, 1, 0, &root.der);
    for (what, records, chain, result) in [
        ("3 1 1", vec![key.clone()], vec![&own], hit(&key)),
        (
            "3 1 1, expired and misnamed (7671 5.1)",
            vec![record(3, 1, 1, &odd)],
            vec![&odd],
            hit(&record(3, 1, 1, &odd)),
        ),
        (
            "3 0 1 of another certificate",
            vec![record(3, 0, 1, &odd)],
            vec![&own],
            miss(Mismatch::Association),
        ),
        (
            "3 0 0",
            vec![record(3, 0, 0, &own)],
            vec![&own],
            hit(&record(3, 0, 0, &own)),
        ),
        (
            "3 1 2",
            vec![record(3, 1, 2, &own)],
            vec![&own],
            hit(&record(3, 1, 2, &own)),
        ),
        (
            "3 1 1 of the issuer, not the leaf",
            vec![record(3, 1, 1, &root.der)],
            vec![&good, &root.der],
            miss(Mismatch::Association),
        ),
        (
            "2 1 1, anchor presented",
            vec![anchor.clone()],
            vec![&good, &root.der],
            hit(&anchor),
        ),
        (
            "2 1 1, name of the next hop",
            vec![anchor.clone()],
            vec![&next_hop, &root.der],
            hit(&anchor),
        ),
        (
            "2 1 1, anchor not presented",
            vec![anchor.clone()],
            vec![&good],
            miss(Mismatch::Association),
        ),
        (
            "2 0 0, anchor in the record",
            vec![whole.clone()],
            vec![&good],
            hit(&whole),
        ),
        (
            "2 1 0, key in the record",
            vec![bare.clone()],
            vec![&good],
            hit(&bare),
        ),
        (
            "2 1 1, wrong name",
            vec![anchor.clone()],
            vec![&misnamed, &root.der],
            miss(Mismatch::Name),
        ),
        (
            "2 1 1, expired",
            vec![anchor.clone()],
            vec![&late, &root.der],
            miss(Mismatch::Time),
        ),
        (
            "2 1 1 of the leaf",
            vec![record(2, 1, 1, &good)],
            vec![&good, &root.der],
            miss(Mismatch::Association),
        ),
        (
            "PKIX usages",
            vec![record(0, 1, 1, &own), record(1, 1, 1, &own)],
            vec![&own],
            TlsaResult::Unusable,
        ),
        (
            "unknown selector, matching",
            vec![
                Tlsa {
                    selector: 7,
                    ..key.clone()
                },
                Tlsa {
                    matching: 99,
                    ..key.clone()
                },
            ],
            vec![&own],
            TlsaResult::Unusable,
        ),
        (
            "digest too short",
            vec![Tlsa {
                data: vec![0; 31],
                ..key.clone()
            }],
            vec![&own],
            TlsaResult::Unusable,
        ),
        (
            "wrong 1 1 1 beside right 3 1 1",
            vec![spoilt(record(1, 1, 1, &own)), key.clone()],
            vec![&own],
            hit(&key),
        ),
        (
            "rollover pair (7671 8.1)",
            vec![spoilt(key.clone()), key.clone()],
            vec![&own],
            hit(&key),
        ),
        (
            "only the strongest digest counts (7671 9)",
            vec![key.clone(), spoilt(record(3, 1, 2, &own))],
            vec![&own],
            miss(Mismatch::Association),
        ),
        ("no records", vec![], vec![&own], TlsaResult::Absent),
        (
            "no certificates",
            vec![key.clone()],
            vec![],
            miss(Mismatch::Association),
        ),
    ] {
        assert_eq!(judged(&records, &chain), result, "{what}");
    }
    // A CA presented that matches and issued something else.
    let stray = judged(&[record(2, 1, 1, &other.der)], &[&good, &other.der]);
    assert!(
        matches!(stray, TlsaResult::NoMatch(Mismatch::Path(_))),
        "{stray}"
    );
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
