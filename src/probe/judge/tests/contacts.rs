//! By what the addresses showed.

use super::*;
use Trust::{Expired, NameMismatch, Trusted, Untrusted};

fn silent() -> Contact {
    Contact::Silent("connection timed out".to_owned())
}

fn broken() -> Attempt {
    Attempt::Broken("TLS alert HandshakeFailure".to_owned())
}

fn lost() -> Attempt {
    Attempt::Lost("TLS handshake timed out".to_owned())
}

/// What one of the two addresses showed, the other being good.
fn one(contact: Contact) -> Evidence {
    with(|it| it.hosts[0].contacts[0].1 = contact)
}

/// What both showed.
fn two(first: Contact, second: Contact) -> Evidence {
    with(|it| {
        it.hosts[0].contacts[0].1 = first;
        it.hosts[0].contacts[1].1 = second;
    })
}

#[test]
fn certificates_are_held_against_roots_and_records() {
    let without_tlsa = |certificate| {
        let mut evidence = showing(&both(certificate, TlsaResult::Absent));
        evidence.hosts[0].tlsa = secure(Vec::new());
        evidence
    };
    let unproven = TlsaResult::NoMatch(Mismatch::Unproven("P-521".to_owned()));
    let versions_differ = offered(vec![
        seen("1.3", Trusted, matching()),
        seen("1.2", Expired, mismatching()),
    ]);
    let mut bare = without_tlsa(Trusted);
    bare.mx.security = Security::Insecure;
    bare.sts.record.records.clear();
    bare.sts.policy = None;
    for (case, evidence, expected) in [
        ("all good", good(), "green +++"),
        (
            "self-signed with TLSA",
            showing(&both(Untrusted, matching())),
            "green +-+ certificate-untrusted",
        ),
        (
            "TLSA of another key",
            one(both(Trusted, mismatching())),
            "green -++ dane-no-match",
        ),
        (
            "another key to TLS 1.2",
            one(versions_differ),
            "yellow --- certificate-expired dane-no-match",
        ),
        (
            "a key that we cannot check",
            showing(&both(Trust::Unknown, unproven)),
            "grey ??? certificate-unproven",
        ),
        ("no TLSA", without_tlsa(Trusted), "green -++ tlsa-absent"),
        (
            "no TLSA, another name",
            without_tlsa(NameMismatch),
            "yellow --- tlsa-absent certificate-name",
        ),
        (
            "certificates alone",
            bare,
            "white --- mx-insecure tlsa-absent sts-absent",
        ),
    ] {
        check(case, &evidence, expected);
    }
}

#[test]
fn without_encryption_it_is_red() {
    let only_12 = || seen("1.2", Trusted, matching());
    let absent = "red --- starttls-absent dane-no-match";
    for (case, evidence, expected) in [
        ("nowhere", showing(&Contact::Clear), absent),
        ("not at one address", one(Contact::Clear), absent),
        (
            "no handshake",
            one(offered(vec![broken(), broken()])),
            "red --- starttls-failed dane-no-match",
        ),
        (
            "TLS 1.2 alone",
            one(offered(vec![only_12()])),
            "green +++ tls13-absent",
        ),
        (
            "TLS 1.3 not even offered",
            one(offered(vec![broken(), only_12()])),
            "green +++ tls13-absent",
        ),
        (
            "not known whether TLS 1.2, too",
            one(offered(vec![seen("1.3", Trusted, matching()), lost()])),
            "green +++",
        ),
    ] {
        check(case, &evidence, expected);
    }
}

#[test]
fn what_is_unknown_is_neither_failure_nor_success() {
    let unknown = "grey ??? not-reached";
    for (case, evidence, expected) in [
        ("a handshake timed out", one(offered(vec![lost()])), unknown),
        (
            "broken, then timed out",
            one(offered(vec![broken(), lost()])),
            unknown,
        ),
        ("no connection to one", one(silent()), unknown),
        ("no connection at all", showing(&silent()), unknown),
        (
            "one unknown, one certain",
            two(silent(), Contact::Clear),
            "red --- not-reached starttls-absent dane-no-match",
        ),
        (
            "one unknown, one without trust",
            two(silent(), both(Expired, matching())),
            "grey ?-? not-reached certificate-expired",
        ),
    ] {
        check(case, &evidence, expected);
    }
}
