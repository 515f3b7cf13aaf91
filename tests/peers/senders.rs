//! The senders that go through a whole test, and what has to come of it.

use super::mta::Mta;

/// What a row sends with, and what has to come of it.
pub struct Sender {
    pub name: &'static str,
    /// Of its address.
    pub last: u8,
    pub mta: Mta,
    pub policy: &'static str,
    /// In the sentence on sending of the result mail.
    pub rating: &'static str,
    /// In its log.
    pub log: &'static [&'static str],
    /// In the test's connections.
    pub records: &'static [&'static str],
}

pub const SENDERS: &[Sender] = &[
    Sender {
        name: "pfnone",
        last: 31,
        mta: Mta::Postfix("smtp_tls_security_level = none"),
        policy: "none",
        rating: "bad",
        log: &[
            "said: 451 4.7.0 * (in reply to DATA command)",
            "said: 451 4.7.1 * (in reply to DATA command)",
            "to=<en@et.mp.lab>*status=sent (250 2.0.0 Accepted; the result follows by mail, test ",
            "!TLS connection established to",
        ],
        records: &[
            "server=1 domain=et starttls_offered=false transport=plain status=Mail close=quit",
            "server=1 domain=et starttls_offered=true transport=plain status=Acked close=quit",
            "!transport=encrypted",
        ],
    },
    Sender {
        name: "pfmay",
        last: 32,
        mta: Mta::Postfix("smtp_tls_security_level = may"),
        policy: "may",
        rating: "weak",
        log: &[
            "said: 451 4.7.0 * (in reply to DATA command)",
            "Untrusted TLS connection established to mx0",
            "said: 451 4.7.1 * (in reply to end of DATA command)",
        ],
        records: &[
            "server=1 domain=et starttls_offered=false transport=plain status=Mail",
            "server=2 domain=et via=null sni=null certificate=self-signed ehlo_in_tls=true tls.version=1.3 status=Acked close=quit",
            "server=7 domain=ut via=null sni=null certificate=self-signed ehlo_in_tls=true",
            "!starttls_offered=true transport=plain",
        ],
    },
    Sender {
        name: "pfencrypt",
        last: 33,
        mta: Mta::Postfix("smtp_tls_security_level = encrypt"),
        policy: "encrypt",
        rating: "fair",
        log: &[
            "TLS is required, but was not offered by host mx0",
            "TLS is required, but was not offered by host ut.mp.lab",
            "said: 451 4.7.1 * (in reply to end of DATA command)",
            "!451 4.7.0",
        ],
        records: &[
            "server=1 domain=null starttls_offered=false status=None from=null close=quit shared=true",
            "server=2 domain=et sni=null certificate=self-signed ehlo_in_tls=true status=Acked",
            "server=7 domain=ut sni=null certificate=self-signed ehlo_in_tls=true",
            "!transport=plain status=Mail",
        ],
    },
    Sender {
        name: "pfdane",
        last: 34,
        mta: Mta::Postfix("smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec"),
        policy: "dane",
        rating: "very good",
        log: &[
            "TLS is required, but was not offered by host mx0",
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
    Sender {
        name: "pfdaneonly",
        last: 35,
        mta: Mta::Postfix("smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec"),
        policy: "dane-only",
        rating: "very good",
        log: &[
            "TLS is required, but was not offered by host mx0",
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
    Sender {
        name: "exim",
        last: 41,
        mta: Mta::Exim(""),
        policy: "dane",
        rating: "very good",
        log: &[
            "H=mx0*.et.mp.lab [198.51.100.25]: a TLS session is required, but the server did not offer TLS support",
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
];

impl Sender {
    pub fn domain(&self) -> String {
        format!("{}.lab", self.name)
    }

    pub fn mailbox(&self) -> String {
        format!("jim@{}", self.domain())
    }
}
