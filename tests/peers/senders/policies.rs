//! Postfix with Debian's MTA-STS resolver, whose answer takes the place of the security level.

use super::{Outcome, Sender};
use crate::mta::Mta;

/// With the resolver in front, whatever the level behind it, on a shared address.
const RESOLVER_SHARED: Outcome = Outcome {
    verdict: &["mta-sts"],
    rating: Some("very good"),
    findings: &["plaintext-ut-only"],
    may_be_found: &["sts-refused-after-connect"],
    log: &[
        "TLS is required, but was not offered by host mx0*.et.mp.lab",
        "to=<en@ut.mp.lab>*said: 451 4.7.0",
        "Verified TLS connection established to mx05.et.mp.lab",
        "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
        "to=<en@ut.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
    ],
    records: &[
        "server=7 domain=ut starttls_offered=false transport=plain status=Mail",
        "server=5 via=mx05 sni=mx05.et.mp.lab ehlo_in_tls=true",
        "!server=1 status=Mail",
        "!server=3 ehlo_in_tls=true",
        "!server=4 ehlo_in_tls=true",
    ],
};

/// The same with own addresses.
const RESOLVER_OWN: Outcome = Outcome {
    verdict: &["mta-sts"],
    rating: Some("very good"),
    findings: &["plaintext-ut-only"],
    may_be_found: &["sts-refused-after-connect"],
    log: &[
        "TLS is required, but was not offered by host mx0*.et.own.lab",
        "to=<en@ut.own.lab>*said: 451 4.7.0",
        "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
        "to=<en@ut.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
    ],
    records: &[
        "server=5 via=198.51.100.15 sni=mx05.et.own.lab ehlo_in_tls=true",
        "!server=3 ehlo_in_tls=true",
        "!server=4 ehlo_in_tls=true",
    ],
};

pub(super) const SENDERS: &[Sender] = &[
    Sender {
        name: "stsmay",
        last: 39,
        mta: Mta::Postfix(
            "smtp_tls_security_level = may\nsmtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        ),
        resolver: "",
        shared: RESOLVER_SHARED,
        own: RESOLVER_OWN,
    },
    // Its Unbound knows without asking that `ut` has no TLSA records, for it has just been denied an MTA-STS record there.
    Sender {
        name: "stsdane",
        last: 40,
        mta: Mta::Postfix(
            "smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\nsmtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        ),
        resolver: "",
        shared: RESOLVER_SHARED,
        own: RESOLVER_OWN,
    },
    // That it asks for TLSA records is seen only where its resolver hands on every question.
    Sender {
        name: "stsasks",
        last: 49,
        mta: Mta::Postfix(
            "smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\nsmtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        ),
        resolver: "  qname-minimisation: no\n  aggressive-nsec: no",
        shared: Outcome {
            verdict: &["mta-sts"],
            rating: Some("very good"),
            findings: &["plaintext-ut-only", "sts-overrides-dane"],
            may_be_found: &["sts-refused-after-connect"],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.mp.lab",
                "to=<en@ut.mp.lab>*said: 451 4.7.0",
                "Verified TLS connection established to mx05.et.mp.lab",
                "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
                "to=<en@ut.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=7 domain=ut starttls_offered=false transport=plain status=Mail",
                "server=5 via=mx05 sni=mx05.et.mp.lab ehlo_in_tls=true",
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["mta-sts"],
            rating: Some("very good"),
            findings: &["plaintext-ut-only", "sts-overrides-dane"],
            may_be_found: &["sts-refused-after-connect"],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.own.lab",
                "to=<en@ut.own.lab>*said: 451 4.7.0",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
                "to=<en@ut.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=5 via=198.51.100.15 sni=mx05.et.own.lab ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
];
