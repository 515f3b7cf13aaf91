//! Reports good and bad, as rows of data.

mod whose;
mod wrong;

use super::*;
use crate::base::{PolicyType, ReportedFailure, ReportedPolicy, Zone};
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
        without(&format!("{policy}/policy-domain")),
        with(
            &format!("{policy}/policy-domain"),
            json!("mx04.et.example.org"),
        ),
        with("/contact-info", json!(null)),
        with(
            "/policies/0/failure-details",
            json!([{"result-type": "sts-policy-fetch-error"}]),
        ),
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
        let content = read(Packing::Json, &bytes, &base());
        let policies = content.map(|content| content.report.policies);
        assert!(policies.is_ok_and(|all| all[0].zone == Zone::Et), "{text}");
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
        "application/tlsrpt+gzip; \r\n\tname=\"a!b!1!2.json.gz\"",
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
