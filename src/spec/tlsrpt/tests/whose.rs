//! When a report is of use, and whose it is.

use super::*;
use crate::base::{Authentication, DkimResult, MessageFacts, Verdict};

#[test]
fn a_report_is_about_a_time_that_is_lately_over() {
    let now: Timestamp = "2026-11-28T06:00:00Z".parse().unwrap();
    for (from, until, why) in [
        ("2026-11-27T00:00:00Z", "2026-11-27T23:59:59Z", None),
        ("2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z", None),
        ("2026-11-19T00:00:00Z", "2026-11-27T00:00:00Z", None),
        ("2026-11-28T00:00:00Z", "2026-11-28T23:59:59Z", None),
        ("2026-11-14T06:00:00Z", "2026-11-14T06:00:00Z", None),
        (
            "2026-11-27T12:00:01Z",
            "2026-11-27T12:00:00Z",
            Some("before it begins"),
        ),
        (
            "2026-11-19T00:00:00Z",
            "2026-11-27T00:00:01Z",
            Some("eight days"),
        ),
        (
            "0001-01-01T00:00:00Z",
            "9999-12-30T00:00:00Z",
            Some("eight days"),
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

const PASS: Verdict = Verdict::Pass;
const FROM: &str = "reports@mail.sender.example";
const OWN: &str = "sender.example";
const OTHER: &str = "other.example";

/// Facts of a message with these signatures; that SPF and DMARC pass proves not who reports.
fn facts(from: &str, signatures: &[(&str, Verdict)]) -> MessageFacts {
    let dkim = signatures.iter().map(|(domain, result)| DkimResult {
        domain: domain.parse().unwrap(),
        result: *result,
    });
    MessageFacts {
        header_from: from.parse().ok(),
        authentication: Authentication {
            spf: PASS,
            dmarc: PASS,
            dkim: dkim.collect(),
            ..Authentication::default()
        },
        ..MessageFacts::default()
    }
}

/// Who it is from, the signatures, the submitters named, and who signed it or what is said.
type Mailed = (
    &'static str,
    &'static [(&'static str, Verdict)],
    &'static [&'static str],
    Result<&'static str, &'static str>,
);

const MAILED: [Mailed; 15] = [
    (FROM, &[(OWN, PASS)], &[], Ok(OWN)),
    (
        FROM,
        &[(OTHER, PASS), (OWN, PASS)],
        &["x.sender.example"],
        Ok(OWN),
    ),
    (
        FROM,
        &[(OWN, Verdict::Fail), ("a.sender.example", PASS)],
        &[],
        Ok("a.sender.example"),
    ),
    (
        FROM,
        &[(OWN, Verdict::TempError), (OWN, PASS)],
        &[],
        Ok(OWN),
    ),
    (
        FROM,
        &[(OWN, Verdict::TempError), (OWN, Verdict::Fail)],
        &[],
        Err("unclear"),
    ),
    (FROM, &[], &[], Err("signature")),
    (FROM, &[(OWN, Verdict::Fail)], &[], Err("signature")),
    (FROM, &[(OWN, Verdict::PermError)], &[], Err("signature")),
    (FROM, &[(OTHER, PASS)], &[], Err("signature")),
    (FROM, &[(OTHER, Verdict::TempError)], &[], Err("signature")),
    (FROM, &[("example", PASS)], &[], Err("signature")),
    (FROM, &[(OWN, PASS)], &[OTHER], Err("Submitter")),
    (FROM, &[(OWN, PASS)], &["no name"], Err("Submitter")),
    (FROM, &[(OWN, PASS)], &[OWN, OTHER], Err("Submitter")),
    ("", &[(OWN, PASS)], &[], Err("one address")),
];

#[test]
fn a_mailed_report_is_proven_by_a_signature_of_who_it_is_from() {
    for (from, signatures, submitters, whose) in MAILED {
        let submitters: Vec<_> = submitters.iter().map(|name| name.parse().ok()).collect();
        let found = signer(&facts(from, signatures), &submitters);
        match (&found, whose) {
            (Ok(found), Ok(whose)) => assert_eq!(found.as_str(), whose),
            (Err(NotTaken::Unclear), Err("unclear")) => {}
            (Err(NotTaken::Unproven(said)), Err(why)) => assert!(said.contains(why), "{said}"),
            _ => panic!("{from} {signatures:?}: {found:?}"),
        }
    }
}
