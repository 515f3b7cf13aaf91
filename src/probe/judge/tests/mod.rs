//! Evidence as rows: what was seen, and the marks that follow.

mod contacts;
mod dns;
mod records;

use super::*;
use crate::base::{Mx, Tls, Tlsa};
use crate::probe::evidence::{Dmarc, Sts};
use crate::probe::plan::{self, Exchange};
use crate::spec::mta_sts::Policy;
use Mark::{Fail, NotApplicable, Pass, Unknown};

fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn secure<T>(records: Vec<T>) -> Lookup<T> {
    Lookup::found(records, Security::Secure)
}

fn insecure<T>(records: Vec<T>) -> Lookup<T> {
    Lookup::found(records, Security::Insecure)
}

fn failed<T>(security: Security) -> Lookup<T> {
    Lookup::failure(security, "no answer".to_owned())
}

fn record(usage: u8) -> Tlsa {
    Tlsa {
        usage,
        selector: 1,
        matching: 1,
        data: vec![7; 32],
    }
}

fn matching() -> TlsaResult {
    TlsaResult::Match(record(3))
}

fn mismatching() -> TlsaResult {
    TlsaResult::NoMatch(Mismatch::Association)
}

fn seen(version: &str, certificate: Trust, tlsa: TlsaResult) -> Attempt {
    Attempt::Done(Seen {
        tls: Tls {
            version: version.to_owned(),
            cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
        },
        certificate,
        root: Some("Root".to_owned()),
        why: String::new(),
        tlsa,
    })
}

fn offered(handshakes: Vec<Attempt>) -> Contact {
    Contact::Offered {
        handshakes,
        required: Some(false),
    }
}

fn both(certificate: Trust, tlsa: TlsaResult) -> Contact {
    offered(vec![
        seen("1.3", certificate, tlsa.clone()),
        seen("1.2", certificate, tlsa),
    ])
}

fn policy(text: &str) -> Option<Result<Policy, PolicyFault>> {
    let text = format!("version: STSv1\nmax_age: 604800\n{text}\n");
    Some(Ok(Policy::parse(text.as_bytes()).unwrap()))
}

/// One host with one address of each family, and all as it should be.
fn good() -> Evidence {
    let domain = name("d.example");
    let host = name("mx.d.example");
    let addresses = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
    let mx = secure(vec![Mx {
        preference: 10,
        host: Some(host.clone()),
    }]);
    Evidence {
        plan: plan::plan(&domain, &mx),
        domain,
        mx,
        hosts: vec![Host {
            exchange: Exchange {
                host: host.clone(),
                preference: 10,
            },
            addresses: secure(addresses.to_vec()),
            tlsa: secure(vec![record(3)]),
            base: host,
            caa: Ok(true),
            contacts: addresses
                .map(|address| (address, both(Trust::Trusted, matching())))
                .to_vec(),
        }],
        left_out: 0,
        sts: Sts {
            record: secure(vec!["v=STSv1; id=1;".to_owned()]),
            policy: policy("mode: enforce\nmx: *.d.example"),
        },
        tlsrpt: secure(vec!["v=TLSRPTv1; rua=mailto:a@d.example".to_owned()]),
        spf: secure(vec!["v=spf1 mx -all".to_owned()]),
        dmarc: Dmarc {
            texts: secure(vec![
                "v=DMARC1; p=reject; rua=mailto:a@d.example".to_owned(),
            ]),
            inherited: false,
        },
    }
}

/// What both addresses showed.
fn showing(contact: &Contact) -> Evidence {
    with(|it| {
        for one in &mut it.hosts[0].contacts {
            one.1 = contact.clone();
        }
    })
}

fn with(change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = good();
    change(&mut evidence);
    evidence
}

fn codes(inbound: &Inbound) -> String {
    let codes: Vec<_> = inbound.findings.iter().map(|it| it.code.as_str()).collect();
    codes.join(" ")
}

/// Holds a judgement against a line such as `green +-?. tlsa-absent`: the colour; DANE, MTA-STS and qualified transport
/// encryption, by one sign each (pass `+`, fail `-`, unknown `?`, not applicable `.`); the codes.
fn check(case: &str, evidence: &Evidence, expected: &str) {
    let inbound = judge(evidence);
    let colour = format!("{:?}", inbound.colour).to_lowercase();
    let marks = [
        inbound.dane,
        inbound.mta_sts,
        inbound.qualified_transport_encryption,
    ];
    let signs: String = marks.iter().map(|mark| sign(*mark)).collect();
    let found = format!("{colour} {signs} {}", codes(&inbound));
    assert_eq!(found.trim_end(), expected, "{case}");
}

const fn sign(mark: Mark) -> char {
    match mark {
        Pass => '+',
        Fail => '-',
        Unknown => '?',
        NotApplicable => '.',
    }
}

#[test]
fn an_address_is_reported_as_it_was_seen() {
    let required = |required| Contact::Offered {
        handshakes: vec![seen("1.3", Trust::Trusted, matching())],
        required,
    };
    let broken = |why: &str| Attempt::Broken(why.to_owned());
    let only_12 = || seen("1.2", Trust::Trusted, matching());
    for (contact, expected) in [
        (both(Trust::Trusted, matching()), "Optional 1.2/1.3 ++"),
        (required(Some(true)), "Required 1.3 ++"),
        (required(None), "Optional 1.3 ++"),
        (Contact::Clear, "Absent  .-"),
        (Contact::Silent("x".to_owned()), "Unknown  ?? x"),
        (offered(vec![broken("x"), broken("y")]), "Failed  .- x"),
        (
            offered(vec![broken("x"), only_12()]),
            "Optional 1.2 ++ with TLS 1.3 offered: x",
        ),
    ] {
        let inbound = judge(&showing(&contact));
        let it = &inbound.mx[0].addresses[0];
        let found = format!(
            "{:?} {} {}{} {}",
            it.starttls,
            it.tls_versions.join("/"),
            sign(it.forward_secrecy),
            sign(it.tlsa),
            it.error.as_deref().unwrap_or_default()
        );
        assert_eq!(found.trim_end(), expected);
    }
}

#[test]
fn caa_is_marked_by_host() {
    for (caa, mark, expected) in [
        (Ok(true), Pass, ""),
        (Ok(false), Fail, "caa-absent"),
        (Err("no answer".to_owned()), Unknown, "caa-unknown"),
    ] {
        let inbound = judge(&with(|it| it.hosts[0].caa = caa));
        assert_eq!(
            (inbound.mx[0].caa, codes(&inbound).as_str()),
            (mark, expected)
        );
    }
}
