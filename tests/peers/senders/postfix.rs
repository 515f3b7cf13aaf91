//! Postfix at each of its security levels.

use super::{Outcome, Sender};
use crate::mta::Mta;

/// At `verify` and `secure` alike, on a shared address.
const CHECKED_SHARED: Outcome = Outcome {
    verdict: &["verify"],
    rating: Some("good"),
    findings: &["verify-without-sni"],
    may_be_found: &[],
    log: &[
        "TLS is required, but was not offered by host mx0*.et.mp.lab",
        "Untrusted TLS connection established to mx0*.et.mp.lab",
        "to=<en@ut.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
        "!451 4.7.0",
        "!to=<en@et.mp.lab>*status=sent",
    ],
    records: &[
        "server=7 domain=ut sni=null certificate=ut status=Acked",
        "certificate=self-signed ehlo_in_tls=false",
        "!transport=plain status=Mail",
        "!domain=et status=Acked",
    ],
};

/// The same with own addresses.
const CHECKED_OWN: Outcome = Outcome {
    verdict: &["verify"],
    rating: Some("good"),
    findings: &["verify-without-sni"],
    may_be_found: &[],
    log: &[
        "Verified TLS connection established to mx0*.et.own.lab",
        "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
        "to=<en@ut.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
    ],
    records: &[
        "server=5 domain=et via=198.51.100.15 sni=null certificate=mx05 ehlo_in_tls=true",
        "sni=null ehlo_in_tls=false",
        "!server=3 ehlo_in_tls=true",
        "!server=4 ehlo_in_tls=true",
    ],
};

pub(super) const SENDERS: &[Sender] = &[
    Sender {
        name: "pfnone",
        last: 31,
        mta: Mta::Postfix("smtp_tls_security_level = none"),
        resolver: "",
        shared: Outcome {
            verdict: &["none"],
            rating: Some("bad"),
            findings: &["plaintext-although-offered"],
            may_be_found: &[],
            log: &[
                "host mx0*.et.mp.lab*said: 451 4.7.0 * (in reply to DATA command)",
                "host mx0*.et.mp.lab*said: 451 4.7.1 * (in reply to DATA command)",
                "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
                "!TLS connection established to",
            ],
            records: &[
                "server=1 domain=et starttls_offered=false transport=plain status=Mail close=quit",
                "server=1 domain=et starttls_offered=true transport=plain status=Acked close=quit",
                "!transport=encrypted",
            ],
        },
        own: Outcome {
            verdict: &["none"],
            rating: Some("bad"),
            findings: &["plaintext-although-offered"],
            may_be_found: &[],
            log: &[
                "host mx0*.et.own.lab*said: 451 4.7.0 * (in reply to DATA command)",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "domain=et starttls_offered=true transport=plain status=Acked close=quit",
                "!transport=encrypted",
            ],
        },
    },
    Sender {
        name: "pfmay",
        last: 32,
        mta: Mta::Postfix("smtp_tls_security_level = may"),
        resolver: "",
        shared: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "host mx0*.et.mp.lab*said: 451 4.7.0 * (in reply to DATA command)",
                "Untrusted TLS connection established to mx0*.et.mp.lab",
                "host mx0*.et.mp.lab*said: 451 4.7.1 ",
                "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=1 domain=et starttls_offered=false transport=plain status=Mail",
                "server=2 domain=et via=null sni=null certificate=self-signed ehlo_in_tls=true tls.version=1.3 status=Acked close=quit",
                "server=7 domain=ut via=null sni=null certificate=self-signed ehlo_in_tls=true",
                "!starttls_offered=true transport=plain",
            ],
        },
        own: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "host mx0*.et.own.lab*said: 451 4.7.0 * (in reply to DATA command)",
                "Trusted TLS connection established to ut.own.lab",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "domain=et starttls_offered=false transport=plain status=Mail",
                "server=7 domain=ut via=198.51.100.17 sni=null certificate=ut ehlo_in_tls=true",
                "!starttls_offered=true transport=plain",
            ],
        },
    },
    Sender {
        name: "pfencrypt",
        last: 33,
        mta: Mta::Postfix("smtp_tls_security_level = encrypt"),
        resolver: "",
        shared: Outcome {
            verdict: &["encrypt"],
            rating: Some("fair"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.mp.lab",
                "TLS is required, but was not offered by host ut.mp.lab",
                "host mx0*.et.mp.lab*said: 451 4.7.1 ",
                "!451 4.7.0",
                "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=1 domain=null starttls_offered=false status=None from=null close=quit shared=true",
                "server=2 domain=et sni=null certificate=self-signed ehlo_in_tls=true status=Acked",
                "server=7 domain=ut sni=null certificate=self-signed ehlo_in_tls=true",
                "!transport=plain status=Mail",
            ],
        },
        own: Outcome {
            verdict: &["encrypt"],
            rating: Some("fair"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.own.lab",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &["!transport=plain status=Mail"],
        },
    },
    Sender {
        name: "pfverify",
        last: 36,
        mta: Mta::Postfix("smtp_tls_security_level = verify"),
        resolver: "",
        shared: CHECKED_SHARED,
        own: CHECKED_OWN,
    },
    Sender {
        name: "pfsecure",
        last: 38,
        mta: Mta::Postfix("smtp_tls_security_level = secure"),
        resolver: "",
        shared: CHECKED_SHARED,
        own: CHECKED_OWN,
    },
    Sender {
        name: "pfverifysni",
        last: 37,
        mta: Mta::Postfix("smtp_tls_security_level = verify\nsmtp_tls_servername = hostname"),
        resolver: "",
        shared: Outcome {
            verdict: &["verify", "mta-sts"],
            rating: None,
            findings: &[],
            may_be_found: &[],
            log: &[
                "Verified TLS connection established to mx0*.et.mp.lab",
                "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
                "!451 4.7.0",
            ],
            records: &[
                "server=5 via=mx05 sni=mx05.et.mp.lab certificate=mx05 ehlo_in_tls=true",
                "server=3 via=mx03 ehlo_in_tls=false",
                "server=4 via=mx04 ehlo_in_tls=false",
                "server=7 via=ut sni=ut.mp.lab",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["verify", "mta-sts"],
            rating: None,
            findings: &[],
            may_be_found: &[],
            log: &[
                "Verified TLS connection established to mx0*.et.own.lab",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=5 via=198.51.100.15 sni=mx05.et.own.lab ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "pfdane",
        last: 34,
        mta: Mta::Postfix("smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec"),
        resolver: "",
        shared: Outcome {
            verdict: &["dane"],
            rating: Some("very good"),
            findings: &["plaintext-ut-only"],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.mp.lab",
                "to=<en@ut.mp.lab>*said: 451 4.7.0",
                "Verified TLS connection established to mx04.et.mp.lab",
                "Untrusted TLS connection established to ut.mp.lab",
            ],
            records: &[
                "server=7 domain=ut starttls_offered=false transport=plain status=Mail",
                "server=4 via=mx04 sni=mx04.et.mp.lab certificate=mx04 tls.version=1.3 ehlo_in_tls=true from=jim@pfdane.lab",
                "server=7 sni=null certificate=self-signed ehlo_in_tls=true",
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["dane"],
            rating: Some("very good"),
            findings: &["plaintext-ut-only"],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.own.lab",
                "to=<en@ut.own.lab>*said: 451 4.7.0",
                "Trusted TLS connection established to ut.own.lab",
            ],
            records: &[
                "server=7 domain=ut starttls_offered=false transport=plain status=Mail",
                "server=4 via=198.51.100.14 sni=mx04.et.own.lab ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "pfdaneonly",
        last: 35,
        mta: Mta::Postfix("smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec"),
        resolver: "",
        shared: Outcome {
            verdict: &["dane-only"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.mp.lab",
                "Verified TLS connection established to mx04.et.mp.lab",
                "!TLS connection established to ut.mp.lab",
                "!451 4.7.0",
            ],
            records: &[
                "server=4 via=mx04 sni=mx04.et.mp.lab certificate=mx04 ehlo_in_tls=true from=jim@pfdaneonly.lab",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
                "!server=7",
            ],
        },
        own: Outcome {
            verdict: &["dane-only"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "TLS is required, but was not offered by host mx0*.et.own.lab",
                "!TLS connection established to ut.own.lab",
                "to=<en@et.own.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=4 via=198.51.100.14 ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
                "!server=7",
            ],
        },
    },
];
