//! What DNS and handshakes show of our hosts, by the case table: names, TLSA records, and what a certificate is worth.

use crate::appliance::base_domain;
use mailproof::base::{Certificate, Domain, Server, Tlsa};
use mailproof::cases::{self, Issue};
use mailproof::spec::pkix::Trust;
use mailproof::spec::sender::Demand;
use mailproof::spec::tlsa::{Mismatch, TlsaResult};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The name of a server's host.
pub fn name(server: Server) -> Domain {
    static NAMES: LazyLock<BTreeMap<Server, Domain>> = LazyLock::new(|| {
        let name = |server| base_domain().below(&cases::relative_name(server)?).ok();
        cases::hosts()
            .filter_map(|case| Some((case.server, name(case.server)?)))
            .collect()
    });
    NAMES[&server].clone()
}

pub fn server(host: &str) -> Server {
    cases::by_sni(host, base_domain()).unwrap()
}

fn record(octet: u8) -> Tlsa {
    Tlsa {
        usage: 3,
        selector: 1,
        matching: 1,
        data: vec![octet; 32],
    }
}

/// The TLSA records of a host: the digest of its key is its number.
pub fn tlsa(server: Server) -> Vec<Tlsa> {
    match cases::case(server).tlsa {
        None => Vec::new(),
        Some(cases::Tlsa::Valid) => vec![record(server.number())],
        Some(cases::Tlsa::Invalid) => vec![record(99)],
    }
}

/// What a certificate is worth for a host.
pub fn trust(certificate: Certificate, host: Option<&Domain>) -> Trust {
    match certificate {
        Certificate::Host(shown) if cases::case(shown).issue == Some(Issue::Ca) => {
            match Some(&name(shown)) == host {
                true => Trust::Trusted,
                false => Trust::NameMismatch,
            }
        }
        _ => Trust::Untrusted,
    }
}

pub fn matched(certificate: Certificate, demand: &Demand) -> TlsaResult {
    match (demand.tlsa.first(), certificate) {
        (None, _) => TlsaResult::Absent,
        (Some(wanted), Certificate::Host(shown)) if *wanted == record(shown.number()) => {
            TlsaResult::Match(wanted.clone())
        }
        _ => TlsaResult::NoMatch(Mismatch::Association),
    }
}
