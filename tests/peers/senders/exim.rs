//! Exim, alone and with settings of its smtp transport.

use super::{Outcome, Sender};
use crate::mta::Mta;

/// DANE with TLS required where it cannot be had, with own addresses.
const DANE_STRICT_OWN: Outcome = Outcome {
    verdict: &["dane"],
    rating: Some("very good"),
    findings: &[],
    may_be_found: &[],
    log: &[
        "H=mx0*.et.own.lab [*: a TLS session is required, but the server did not offer TLS support",
        "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
        "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
    ],
    records: &[
        "!server=1 status=Mail",
        "!server=3 ehlo_in_tls=true",
        "!server=5 ehlo_in_tls=true",
        "!transport=plain status=Mail",
    ],
};

pub(super) const SENDERS: &[Sender] = &[
    Sender {
        name: "exim",
        last: 41,
        mta: Mta::Exim(""),
        resolver: "",
        shared: Outcome {
            verdict: &["dane"],
            rating: Some("very good"),
            findings: &["plaintext-ut-only"],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "H=ut.mp.lab *after pipelined DATA: 451 4.7.0 ",
                "=> en@et.mp.lab * X=TLS1.3:*CV=dane C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=7 domain=ut starttls_offered=false transport=plain status=Mail close=quit",
                "server=1 domain=null starttls_offered=false status=None from=null close=quit",
                "server=4 via=mx04 sni=mx04.et.mp.lab certificate=mx04 tls.version=1.3 ehlo_in_tls=true from=jim@exim.lab",
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
                "H=mx0*.et.own.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.own.lab * X=TLS1.3:*CV=dane",
            ],
            records: &[
                "server=4 via=198.51.100.14 sni=mx04.et.own.lab ehlo_in_tls=true",
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "exdaneonly",
        last: 42,
        mta: Mta::Exim("  hosts_require_dane = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["dane-only"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "!=> en@ut.mp.lab",
            ],
            records: &[
                "!server=7",
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["dane-only"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "!=> en@ut.own.lab",
            ],
            records: &[
                "!server=7",
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "exdanetls",
        last: 43,
        mta: Mta::Exim("  hosts_require_tls = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["dane"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
                "server=7 sni=null ehlo_in_tls=true",
                "!transport=plain status=Mail",
            ],
        },
        own: DANE_STRICT_OWN,
    },
    Sender {
        name: "exdaneverify",
        last: 44,
        mta: Mta::Exim("  hosts_require_tls = *\n  tls_verify_hosts = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["dane"],
            rating: Some("very good"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "!server=1 status=Mail",
                "!server=3 ehlo_in_tls=true",
                "!server=5 ehlo_in_tls=true",
                "sni=null certificate=self-signed ehlo_in_tls=false",
                "!transport=plain status=Mail",
            ],
        },
        own: DANE_STRICT_OWN,
    },
    Sender {
        name: "extls",
        last: 45,
        mta: Mta::Exim("  hosts_try_dane =\n  hosts_require_tls = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["encrypt"],
            rating: Some("fair"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=2 domain=et sni=null certificate=self-signed ehlo_in_tls=true status=Acked",
                "!transport=plain status=Mail",
            ],
        },
        own: Outcome {
            verdict: &["encrypt"],
            rating: Some("fair"),
            findings: &[],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.own.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &["!transport=plain status=Mail"],
        },
    },
    Sender {
        name: "exverify",
        last: 46,
        mta: Mta::Exim("  hosts_try_dane =\n  hosts_require_tls = *\n  tls_verify_hosts = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["verify"],
            rating: Some("good"),
            findings: &["verify-without-sni"],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "!=> en@et.mp.lab",
            ],
            records: &[
                "server=7 domain=ut sni=null certificate=ut status=Acked",
                "!domain=et status=Acked",
                "!transport=plain status=Mail",
            ],
        },
        own: Outcome {
            verdict: &["verify"],
            rating: Some("good"),
            findings: &["verify-without-sni"],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.own.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=5 sni=null certificate=mx05 ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "exverifysni",
        last: 47,
        mta: Mta::Exim(
            "  hosts_try_dane =\n  hosts_require_tls = *\n  tls_verify_hosts = *\n  tls_sni = $host",
        ),
        resolver: "",
        shared: Outcome {
            verdict: &["verify", "mta-sts"],
            rating: None,
            findings: &[],
            may_be_found: &[],
            log: &[
                "H=mx0*.et.mp.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=5 via=mx05 sni=mx05.et.mp.lab ehlo_in_tls=true",
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
                "H=mx0*.et.own.lab [*: a TLS session is required, but the server did not offer TLS support",
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=5 via=198.51.100.15 sni=mx05.et.own.lab ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "exfalls",
        last: 48,
        mta: Mta::Exim("  hosts_try_dane =\n  tls_verify_hosts = *\n  tls_sni = $host"),
        resolver: "",
        shared: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &[],
            may_be_found: &["plaintext-after-tls-failure", "opportunistic-verifying"],
            log: &[
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=1 domain=et starttls_offered=false transport=plain status=Mail",
                "server=7 via=ut sni=ut.mp.lab certificate=ut ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &[],
            may_be_found: &["plaintext-after-tls-failure", "opportunistic-verifying"],
            log: &[
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=7 via=198.51.100.17 sni=ut.own.lab certificate=ut ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
    Sender {
        name: "exfallsblind",
        last: 50,
        mta: Mta::Exim("  hosts_try_dane =\n  tls_verify_hosts = *"),
        resolver: "",
        shared: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &["plaintext-after-tls-failure", "opportunistic-verifying"],
            may_be_found: &[],
            log: &[
                "delivering unencrypted to H=mx0*.et.mp.lab",
                "=> en@et.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.mp.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "domain=et starttls_offered=true transport=plain status=Acked",
                "certificate=self-signed sni=null ehlo_in_tls=false",
                "!domain=et ehlo_in_tls=true",
            ],
        },
        own: Outcome {
            verdict: &["may"],
            rating: Some("weak"),
            findings: &[],
            may_be_found: &["plaintext-after-tls-failure", "opportunistic-verifying"],
            log: &[
                "=> en@et.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
                "=> en@ut.own.lab *C=\"250 2.0.0 Accepted; the result follows by mail, test ",
            ],
            records: &[
                "server=7 via=198.51.100.17 sni=null certificate=ut ehlo_in_tls=true",
                "!server=3 ehlo_in_tls=true",
                "!server=4 ehlo_in_tls=true",
            ],
        },
    },
];
