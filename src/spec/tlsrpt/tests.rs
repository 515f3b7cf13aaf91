//! Reports good and bad, as rows of data.

use super::*;
use crate::base::{
    Authentication, DkimResult, MessageFacts, PolicyType, ReportedFailure, ReportedPolicy, Verdict,
    Zone,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;

fn base() -> Domain {
    Domain::parse("example.org").unwrap()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// A report in the form of RFC 8460 appendix B, on `et`.
fn sample() -> Value {
    json!({
        "organization-name": "Sender Ltd.",
        "date-range": {
            "start-datetime": "2026-11-27T00:00:00Z",
            "end-datetime": "2026-11-27T23:59:59+00:00",
        },
        "contact-info": "tls-reports@mail.sender.example",
        "report-id": "2026-11-27-et@sender.example",
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: enforce"],
                "policy-domain": "ET.example.org.",
                "mx-host": ["mx04.et.example.org", "mx05.et.example.org"],
            },
            "summary": {"total-successful-session-count": 7, "total-failure-session-count": 3},
            "failure-details": [{
                "result-type": "certificate-not-trusted",
                "sending-mta-ip": "198.51.100.7",
                "receiving-mx-hostname": "mx04.et.example.org",
                "receiving-ip": "192.0.2.25",
                "failed-session-count": 3,
                "additional-information": "https://sender.example/why",
                "failure-reason-code": "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT",
            }],
        }],
    })
}

/// What [`sample`] says.
fn said() -> TlsReport {
    TlsReport {
        id: "2026-11-27-et@sender.example".to_owned(),
        organisation: "Sender Ltd.".to_owned(),
        from: "2026-11-27T00:00:00Z".parse().unwrap(),
        until: "2026-11-27T23:59:59Z".parse().unwrap(),
        policies: vec![ReportedPolicy {
            policy_type: PolicyType::Sts,
            zone: Zone::Et,
            domain: "et.example.org".parse().unwrap(),
            mx: vec![
                "mx04.et.example.org".to_owned(),
                "mx05.et.example.org".to_owned(),
            ],
            success: 7,
            failure: 3,
            details: vec![ReportedFailure {
                result: "certificate-not-trusted".to_owned(),
                mx: Some("mx04.et.example.org".to_owned()),
                sender: Some("198.51.100.7".parse().unwrap()),
                sessions: 3,
                reason: Some("X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT".to_owned()),
            }],
        }],
    }
}

#[test]
fn a_report_is_read_packed_or_not() {
    let text = sample().to_string();
    let content = Content {
        report: said(),
        claimed: Some("mail.sender.example".parse().unwrap()),
    };
    for (packing, bytes) in [
        (Packing::Json, text.clone().into_bytes()),
        (Packing::Gzip, packed(text.as_bytes())),
    ] {
        assert_eq!(read(packing, &bytes, &base()), Ok(content.clone()));
    }
}

/// The sample with this in place of what is at the path.
fn with(path: &str, value: Value) -> Vec<u8> {
    let mut report = sample();
    let (parent, key) = path.rsplit_once('/').unwrap();
    report.pointer_mut(parent).unwrap()[key] = value;
    report.to_string().into_bytes()
}

/// The sample without what is at the path.
fn without(path: &str) -> Vec<u8> {
    let mut report = sample();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let object = report.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    object.remove(key).unwrap();
    report.to_string().into_bytes()
}

#[test]
fn what_is_missing_or_unknown_is_no_harm() {
    let policy = "/policies/0/policy";
    for bytes in [
        without("/organization-name"),
        without("/contact-info"),
        without("/policies/0/summary"),
        without("/policies/0/failure-details"),
        without(&format!("{policy}/policy-string")),
        without(&format!("{policy}/mx-host")),
        with(&format!("{policy}/mx-host"), json!("mx04.et.example.org")),
        with(&format!("{policy}/policy-type"), json!("carrier-pigeon")),
        with("/policies/0/failure-details/0/result-type", json!("bored")),
        with(
            "/policies/0/failure-details/0/sending-mta-ip",
            json!("here"),
        ),
        with("/more", json!([[[{}]]])),
    ] {
        let text = String::from_utf8_lossy(&bytes);
        assert!(read(Packing::Json, &bytes, &base()).is_ok(), "{text}");
    }
}

#[test]
fn the_claim_is_the_domain_of_the_contact_else_the_name() {
    for (contact, name, claimed) in [
        (
            json!("a@sender.example"),
            json!("x"),
            Some("sender.example"),
        ),
        (
            json!("mailto:a@b@Sender.Example"),
            json!("x"),
            Some("sender.example"),
        ),
        (
            json!("<a@sender.example> "),
            json!("x"),
            Some("sender.example"),
        ),
        (
            json!("call us"),
            json!("sender.example"),
            Some("sender.example"),
        ),
        (json!(null), json!("Sender"), None),
        (json!("a@localhost"), json!("Sender Ltd."), None),
    ] {
        let mut report = sample();
        report["contact-info"] = contact;
        report["organization-name"] = name;
        let content = read(Packing::Json, report.to_string().as_bytes(), &base()).unwrap();
        let found = content.claimed.as_ref().map(Domain::as_str);
        assert_eq!(found, claimed, "{report}");
    }
}

#[test]
fn what_is_of_others_is_dropped() {
    let mut report = sample();
    let own = report["policies"][0].clone();
    for domain in ["example.org", "et.example.com", "xet.example.org", ".", ""] {
        let mut other = own.clone();
        other["policy"]["policy-domain"] = json!(domain);
        report["policies"].as_array_mut().unwrap().push(other);
    }
    let mut second = own;
    second["policy"]["policy-domain"] = json!("ut.example.org");
    report["policies"].as_array_mut().unwrap().push(second);
    let content = read(Packing::Json, report.to_string().as_bytes(), &base()).unwrap();
    let kept = content.report.policies.iter();
    let kept: Vec<_> = kept
        .map(|policy| (policy.zone, policy.domain.as_str()))
        .collect();
    assert_eq!(
        kept,
        [(Zone::Et, "et.example.org"), (Zone::Ut, "ut.example.org")]
    );
}

/// So many copies of what is first in the list at this path.
fn many(path: &str, count: usize) -> Vec<u8> {
    let mut report = sample();
    let list = report.pointer_mut(path).unwrap().as_array_mut().unwrap();
    *list = vec![list[0].clone(); count];
    report.to_string().into_bytes()
}

#[test]
fn what_is_wrong_is_said() {
    let (policies, details) = (limits::TLS_REPORT_POLICIES, limits::TLS_REPORT_DETAILS);
    let hosts = "/policies/0/policy/mx-host";
    let long = json!("x".repeat(limits::NOTED_TEXT + 1));
    let noise: Vec<u8> = (0..2000u32).map(|n| (n * n % 251) as u8).collect();
    for (name, bytes, why) in [
        ("nothing", Vec::new(), "no report"),
        ("noise", noise, "no report"),
        ("another document", b"[]".to_vec(), "no report"),
        (
            "a deep one",
            [&b"{\"x\":"[..], &b"[".repeat(100_000)].concat(),
            "EOF while parsing",
        ),
        ("no id", without("/report-id"), "missing field `report-id`"),
        (
            "an empty id",
            with("/report-id", json!(" ")),
            "report-id is empty",
        ),
        (
            "no time",
            without("/date-range"),
            "missing field `date-range`",
        ),
        (
            "a wrong time",
            with("/date-range/end-datetime", json!("today")),
            "no report",
        ),
        (
            "no policies",
            without("/policies"),
            "missing field `policies`",
        ),
        (
            "none of ours",
            with("/policies/0/policy/policy-domain", json!("a.example")),
            "none of its",
        ),
        (
            "a negative count",
            with("/policies/0/summary/total-failure-session-count", json!(-1)),
            "-1",
        ),
        (
            "a long name",
            with("/organization-name", long.clone()),
            "organization-name has more",
        ),
        (
            "a long id",
            with("/report-id", long.clone()),
            "report-id has more",
        ),
        (
            "a long host",
            with(hosts, json!([long])),
            "mx-host has more",
        ),
        (
            "many policies",
            many("/policies", policies + 1),
            "50 values at most",
        ),
        (
            "many details",
            many("/policies/0/failure-details", details + 1),
            "100 values at most",
        ),
        ("many hosts", many(hosts, details + 1), "within its limit"),
    ] {
        match read(Packing::Json, &bytes, &base()) {
            Err(Flaw::Unfit(said)) => {
                assert!(said.contains(why), "{name}: {said}");
                assert!(said.chars().count() <= limits::NOTED_TEXT, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for bytes in [
        many("/policies", policies),
        many("/policies/0/failure-details", details),
        many(hosts, details),
    ] {
        assert!(read(Packing::Json, &bytes, &base()).is_ok());
    }
    let mut spread = sample();
    let mut half = spread["policies"][0].clone();
    half["failure-details"] = json!(vec![half["failure-details"][0].clone(); details / 2 + 1]);
    spread["policies"] = json!([half, half]);
    let told = read(Packing::Json, spread.to_string().as_bytes(), &base()).unwrap_err();
    assert!(matches!(told, Flaw::Unfit(said) if said.contains("100 failure-details")));
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let most = limits::TLS_REPORT_UNPACKED;
    let mut padded = sample().to_string().into_bytes();
    padded.resize(most, b' ');
    assert!(read(Packing::Gzip, &packed(&padded), &base()).is_ok());
    padded.push(b' ');
    let bomb = packed(&vec![b' '; 64 * most]);
    assert!(bomb.len() <= limits::TLS_REPORT, "{}", bomb.len());
    for bytes in [packed(&padded), bomb] {
        assert_eq!(read(Packing::Gzip, &bytes, &base()), Err(Flaw::TooLarge));
    }
    let large = vec![b' '; limits::TLS_REPORT + 1];
    for packing in [Packing::Json, Packing::Gzip] {
        assert_eq!(read(packing, &large, &base()), Err(Flaw::TooLarge));
    }
    let good = packed(sample().to_string().as_bytes());
    let mut damaged = good.clone();
    damaged[20] ^= 0xff;
    for bytes in [&b""[..], b"plain", &good[..good.len() - 9], &damaged] {
        let told = read(Packing::Gzip, bytes, &base());
        assert!(matches!(told, Err(Flaw::Unfit(_))), "{told:?}");
    }
}

/// A message with these parts, each a media type and a body in base 64.
fn message(head: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = format!(
        "From: reports@sender.example\r\nMIME-Version: 1.0\r\n{head}\
         Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n"
    );
    for (media_type, body) in parts {
        let body = data_encoding::BASE64.encode(body);
        text += &format!(
            "--b\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in body.as_bytes().chunks(76) {
            text += &format!("{}\r\n", String::from_utf8_lossy(line));
        }
    }
    (text + "--b--\r\n").into_bytes()
}

#[test]
fn the_only_report_in_a_message_is_read() {
    let json = sample().to_string().into_bytes();
    let gzip = packed(&json);
    let words = ("text/plain", &b"A report."[..]);
    let text = ("application/tlsrpt+json; charset=utf-8", &json[..]);
    let zipped = (
        "application/tlsrpt+gzip; name=\"a!b!1!2.json.gz\"",
        &gzip[..],
    );
    let other = ("application/gzip", &gzip[..]);
    let submitter = "TLS-Report-Domain: et.example.org\r\nTLS-Report-Submitter: Sender.Example\r\n";
    for (head, parts, submitters) in [
        ("", &[words, zipped][..], vec![]),
        (
            submitter,
            &[words, text, other],
            vec![Domain::parse("sender.example").ok()],
        ),
        ("TLS-Report-Submitter: a b\r\n", &[zipped], vec![None]),
    ] {
        let found = mailed(&message(head, parts), &base()).unwrap();
        assert_eq!(found.content.report, said());
        assert_eq!(found.submitters, submitters);
    }
    for parts in [&[words, other][..], &[zipped, text], &[]] {
        let told = mailed(&message("", parts), &base()).unwrap_err();
        assert!(matches!(told, Flaw::Unfit(said) if said.contains("does not have one part")));
    }
    let broken = mailed(&message("", &[(zipped.0, b"no")]), &base());
    assert!(matches!(broken, Err(Flaw::Unfit(said)) if said.contains("gzip")));
    let bomb = packed(&vec![b' '; 64 * limits::TLS_REPORT_UNPACKED]);
    let bomb = mailed(&message("", &[(zipped.0, &bomb)]), &base());
    assert_eq!(bomb, Err(Flaw::TooLarge));
    for bytes in [
        &b""[..],
        b"\r\n",
        b"\0\xff",
        b"Content-Type: application/tlsrpt+json\r\n\r\n",
    ] {
        assert!(mailed(bytes, &base()).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_report_is_about_a_day_that_is_lately_over() {
    let now: Timestamp = "2026-11-28T06:00:00Z".parse().unwrap();
    for (from, until, why) in [
        ("2026-11-27T00:00:00Z", "2026-11-27T23:59:59Z", None),
        ("2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z", None),
        ("2026-11-28T00:00:00Z", "2026-11-28T23:59:59Z", None),
        ("2026-11-14T06:00:00Z", "2026-11-14T06:00:00Z", None),
        (
            "2026-11-27T12:00:01Z",
            "2026-11-27T12:00:00Z",
            Some("before it begins"),
        ),
        (
            "2026-11-25T00:00:00Z",
            "2026-11-27T00:00:01Z",
            Some("two days"),
        ),
        (
            "0001-01-01T00:00:00Z",
            "9999-12-30T00:00:00Z",
            Some("two days"),
        ),
        (
            "2026-11-28T06:00:00Z",
            "2026-11-29T06:00:01Z",
            Some("future"),
        ),
        (
            "2026-11-13T06:00:00Z",
            "2026-11-14T05:59:59Z",
            Some("too long"),
        ),
    ] {
        let report = TlsReport {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            ..said()
        };
        match (timely(&report, now), why) {
            (Ok(()), None) => {}
            (Err(Flaw::Unfit(said)), Some(why)) => assert!(said.contains(why), "{said}"),
            (told, _) => panic!("{from} {until}: {told:?}"),
        }
    }
}

#[test]
fn a_posted_report_is_proven_by_the_name_of_who_posts_it() {
    let domain = |text: &str| Domain::parse(text).unwrap();
    for (claimed, names, whose) in [
        (
            Some("sender.example"),
            &["out.sender.example"][..],
            Some(("sender.example", true)),
        ),
        (
            Some("a.sender.example"),
            &["b.sender.example"],
            Some(("a.sender.example", true)),
        ),
        (
            Some("sender.example"),
            &["x.example", "sender.example"],
            Some(("sender.example", true)),
        ),
        (
            Some("sender.example"),
            &["xsender.example"],
            Some(("sender.example", false)),
        ),
        (Some("sender.example"), &[], Some(("sender.example", false))),
        (Some("co.uk"), &["sender.co.uk"], Some(("co.uk", false))),
        (
            None,
            &["out.sender.example"],
            Some(("sender.example", true)),
        ),
        (None, &[], None),
    ] {
        let names: Vec<_> = names.iter().map(|name| domain(name)).collect();
        let found = poster(claimed.map(domain), &names).ok();
        let whose = whose.map(|(whose, proven)| (domain(whose), proven));
        assert_eq!(found, whose, "{claimed:?} {names:?}");
    }
}

#[test]
fn a_mailed_report_is_proven_by_a_signature_of_who_it_is_from() {
    const PASS: Verdict = Verdict::Pass;
    let facts = |from: &str, signatures: &[(&str, Verdict)]| MessageFacts {
        header_from: from.parse().ok(),
        authentication: Authentication {
            // Neither proves who reports.
            spf: PASS,
            dmarc: PASS,
            dkim: (signatures.iter())
                .map(|(domain, result)| DkimResult {
                    domain: domain.parse().unwrap(),
                    result: *result,
                })
                .collect(),
            ..Authentication::default()
        },
        ..MessageFacts::default()
    };
    let from = "reports@mail.sender.example";
    let (own, other) = ("sender.example", "other.example");
    for (from, signatures, submitters, whose) in [
        (from, &[(own, PASS)][..], &[][..], Ok(own)),
        (
            from,
            &[(other, PASS), (own, PASS)],
            &[Some("x.sender.example")],
            Ok(own),
        ),
        (
            from,
            &[(own, Verdict::Fail), ("a.sender.example", PASS)],
            &[],
            Ok("a.sender.example"),
        ),
        (
            from,
            &[(own, Verdict::TempError), (own, PASS)],
            &[],
            Ok(own),
        ),
        (
            from,
            &[(own, Verdict::TempError), (own, Verdict::Fail)],
            &[],
            Err("unclear"),
        ),
        (from, &[], &[], Err("signature")),
        (from, &[(own, Verdict::Fail)], &[], Err("signature")),
        (from, &[(own, Verdict::PermError)], &[], Err("signature")),
        (from, &[(other, PASS)], &[], Err("signature")),
        (from, &[(other, Verdict::TempError)], &[], Err("signature")),
        (from, &[("example", PASS)], &[], Err("signature")),
        (from, &[(own, PASS)], &[Some(other)], Err("Submitter")),
        (from, &[(own, PASS)], &[None], Err("Submitter")),
        (
            from,
            &[(own, PASS)],
            &[Some(own), Some(other)],
            Err("Submitter"),
        ),
        ("", &[(own, PASS)], &[], Err("one address")),
    ] {
        let submitters: Vec<_> = submitters
            .iter()
            .map(|name| name.map(|name| name.parse().unwrap()))
            .collect();
        let found = signer(&facts(from, signatures), &submitters);
        match (&found, whose) {
            (Ok(found), Ok(whose)) => assert_eq!(found.as_str(), whose),
            (Err(NotTaken::Unclear), Err("unclear")) => {}
            (Err(NotTaken::Unproven(said)), Err(why)) => assert!(said.contains(why), "{said}"),
            _ => panic!("{signatures:?}: {found:?}"),
        }
    }
}
