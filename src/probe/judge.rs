//! What was seen, as marks and a colour.

use super::evidence::{Attempt, Contact, Evidence, Host, PolicyFault, Seen};
use super::inbound::{
    AddressReport, Colour, Dnssec, Inbound, Mark, MxReport, Remark, StartTls, Trust,
};
use super::plan::Naming;
use super::{dmarc, remark, spf, tlsrpt};
use crate::base::{Domain, Lookup, Security};
use crate::spec::mta_sts::{self, Mode};
use crate::spec::tlsa::{Mismatch, TlsaResult};
use std::net::IpAddr;

/// Judges a domain.
#[must_use]
pub fn judge(evidence: &Evidence) -> Inbound {
    let mx: Vec<_> = evidence
        .hosts
        .iter()
        .map(|host| host_report(host, evidence))
        .collect();
    let null_mx = evidence.plan.naming == Naming::NullMx;
    let or_no_mail = |mark: Mark| match takes_mail(evidence) {
        true => mark,
        false => Mark::NotApplicable,
    };
    let mut inbound = Inbound {
        domain: evidence.domain.clone(),
        colour: Colour::Grey,
        dane: or_no_mail(dane(evidence, &mx)),
        mta_sts: or_no_mail(mta_sts(evidence, &mx)),
        qualified_transport_encryption: or_no_mail(qualified(evidence, &mx)),
        tlsrpt: or_no_mail(tlsrpt(&evidence.tlsrpt)),
        spf: spf(&evidence.spf),
        dmarc: dmarc(&evidence.dmarc.texts, evidence.dmarc.inherited),
        null_mx,
        networks: Vec::new(),
        findings: Vec::new(),
        mx,
    };
    inbound.colour = colour(&inbound, complete(evidence));
    inbound.findings = remark::remarks(evidence, &inbound);
    inbound
}

/// The outcome for a domain that asked to be left alone: nothing is known.
pub(super) fn left_alone(domain: &Domain, why: &str) -> Inbound {
    Inbound {
        domain: domain.clone(),
        colour: Colour::Grey,
        dane: Mark::Unknown,
        mta_sts: Mark::Unknown,
        qualified_transport_encryption: Mark::Unknown,
        tlsrpt: Mark::Unknown,
        spf: Mark::Unknown,
        dmarc: Mark::Unknown,
        null_mx: false,
        networks: Vec::new(),
        findings: vec![Remark {
            code: "left-alone".to_owned(),
            text: format!("The domain was not looked at: {why}."),
            rfc: String::new(),
        }],
        mx: Vec::new(),
    }
}

/// Whether mail for the domain can arrive anywhere, as far as is known.
pub(super) fn takes_mail(evidence: &Evidence) -> bool {
    evidence.plan.naming == Naming::Unknown || evidence.hosts.iter().any(has_addresses)
}

/// Whether a host has addresses, or may have some.
pub(super) fn has_addresses(host: &Host) -> bool {
    host.addresses.failed.is_some() || !host.addresses.records.is_empty()
}

/// Unknown when there is more than was looked at.
fn complete(evidence: &Evidence) -> Mark {
    let all_named = evidence.plan.naming != Naming::Unknown;
    let all_found = evidence
        .hosts
        .iter()
        .all(|host| host.addresses.failed.is_none());
    let all_looked_at = evidence.plan.left_out + evidence.left_out == 0;
    if all_named && all_found && all_looked_at {
        Mark::Pass
    } else {
        Mark::Unknown
    }
}

fn host_report(host: &Host, evidence: &Evidence) -> MxReport {
    let addresses: Vec<_> = host
        .contacts
        .iter()
        .map(|(address, contact)| address_report(host, *address, contact))
        .collect();
    MxReport {
        host: host.exchange.host.clone(),
        preference: host.exchange.preference,
        dnssec: Dnssec {
            mx: evidence.mx.security,
            a: host.addresses.security,
            tlsa: host.tlsa.security,
        },
        mta_sts: host_sts(host, &addresses, evidence),
        caa: match host.caa {
            Ok(named) => Mark::of(named),
            Err(_) => Mark::Unknown,
        },
        addresses,
    }
}

fn address_report(host: &Host, address: IpAddr, contact: &Contact) -> AddressReport {
    let none: &[Attempt] = &[];
    let attempts = match contact {
        Contact::Offered { handshakes, .. } => handshakes,
        Contact::Silent(_) | Contact::Clear => none,
    };
    let seen: Vec<&Seen> = attempts
        .iter()
        .filter_map(|attempt| match attempt {
            Attempt::Done(seen) => Some(seen),
            Attempt::Broken(_) | Attempt::Lost(_) => None,
        })
        .collect();
    let starttls = starttls(contact, attempts, !seen.is_empty());
    let mut tls_versions: Vec<_> = seen.iter().map(|seen| seen.tls.version.clone()).collect();
    tls_versions.sort();
    tls_versions.dedup();
    // A server may present another chain to another version: the weaker one counts.
    let weakest = seen
        .iter()
        .find(|seen| trust(seen.certificate) == Mark::Fail)
        .or_else(|| seen.iter().find(|seen| seen.certificate == Trust::Unknown))
        .or(seen.first());
    AddressReport {
        address,
        starttls,
        tls_versions,
        forward_secrecy: forward_secrecy(starttls),
        certificate: weakest.map_or(Trust::Unknown, |seen| seen.certificate),
        root_issuer: weakest.and_then(|seen| seen.root.clone()),
        tlsa: tlsa(host, starttls, &seen),
        error: error(contact, attempts, starttls, weakest.copied()),
    }
}

fn starttls(contact: &Contact, attempts: &[Attempt], any_done: bool) -> StartTls {
    let lost = |attempt: &Attempt| matches!(attempt, Attempt::Lost(_));
    match contact {
        Contact::Silent(_) => StartTls::Unknown,
        Contact::Clear => StartTls::Absent,
        Contact::Offered { required, .. } if any_done => match required {
            Some(true) => StartTls::Required,
            Some(false) | None => StartTls::Optional,
        },
        Contact::Offered { .. } if attempts.iter().any(lost) => StartTls::Unknown,
        Contact::Offered { .. } => StartTls::Failed,
    }
}

/// What went wrong: the connection, or the handshakes where none was made, or the certificate. That a server lacks a
/// version is no error.
fn error(
    contact: &Contact,
    attempts: &[Attempt],
    starttls: StartTls,
    seen: Option<&Seen>,
) -> Option<String> {
    if let Contact::Silent(why) = contact {
        return Some(why.clone());
    }
    let failed = attempts.iter().find_map(|attempt| match attempt {
        Attempt::Broken(why) | Attempt::Lost(why) => Some(why.clone()),
        Attempt::Done(_) => None,
    });
    match attempts.first() {
        _ if matches!(starttls, StartTls::Failed | StartTls::Unknown) => failed,
        // Only a second try with TLS 1.2 alone was taken.
        Some(Attempt::Broken(why)) => Some(format!("with TLS 1.3 offered: {why}")),
        _ => seen
            .filter(|seen| !seen.why.is_empty())
            .map(|seen| seen.why.clone()),
    }
}

/// Whether the TLSA records match at an address; not applicable without usable ones.
fn tlsa(host: &Host, starttls: StartTls, seen: &[&Seen]) -> Mark {
    if host.tlsa.failed.is_some() && host.tlsa.security == Security::Unknown {
        return Mark::Unknown;
    }
    if host.usable().is_empty() {
        return Mark::NotApplicable;
    }
    match starttls {
        StartTls::Absent | StartTls::Failed => Mark::Fail,
        StartTls::Unknown => Mark::Unknown,
        StartTls::Optional | StartTls::Required => {
            Mark::all(seen.iter().map(|seen| match &seen.tlsa {
                TlsaResult::Match(_) => Mark::Pass,
                TlsaResult::NoMatch(Mismatch::Unproven(_)) => Mark::Unknown,
                TlsaResult::NoMatch(_) => Mark::Fail,
                TlsaResult::Absent | TlsaResult::Unusable => Mark::NotApplicable,
            }))
        }
    }
}

/// Whether an address takes mail over TLS 1.2 or later.
fn encrypted(starttls: StartTls) -> Mark {
    match starttls {
        StartTls::Optional | StartTls::Required => Mark::Pass,
        StartTls::Absent | StartTls::Failed => Mark::Fail,
        StartTls::Unknown => Mark::Unknown,
    }
}

/// Every suite that a handshake can end with has it; nothing else shows it.
fn forward_secrecy(starttls: StartTls) -> Mark {
    match starttls {
        StartTls::Optional | StartTls::Required => Mark::Pass,
        StartTls::Absent | StartTls::Failed => Mark::NotApplicable,
        StartTls::Unknown => Mark::Unknown,
    }
}

fn trust(certificate: Trust) -> Mark {
    match certificate {
        Trust::Trusted => Mark::Pass,
        Trust::Untrusted | Trust::Expired | Trust::NameMismatch => Mark::Fail,
        Trust::Unknown => Mark::Unknown,
    }
}

/// Encrypted, with a certificate that can be trusted.
fn verified(address: &AddressReport) -> Mark {
    Mark::all([encrypted(address.starttls), trust(address.certificate)])
}

fn addresses(mx: &[MxReport]) -> impl Iterator<Item = &AddressReport> {
    mx.iter().flat_map(|host| &host.addresses)
}

/// RFC 7672 2.2: MX records, every host's addresses and its TLSA records are secure, and every address matches them.
fn dane(evidence: &Evidence, mx: &[MxReport]) -> Mark {
    let hosts = evidence.hosts.iter().flat_map(|host| {
        let records = match host.tlsa.security {
            _ if !has_addresses(host) => Mark::NotApplicable,
            Security::Unknown => Mark::Unknown,
            _ => Mark::of(!host.usable().is_empty()),
        };
        [Mark::secure(host.addresses.security), records]
    });
    Mark::all(
        [Mark::secure(evidence.mx.security), complete(evidence)]
            .into_iter()
            .chain(hosts)
            .chain(addresses(mx).map(|address| address.tlsa)),
    )
}

/// MX records and addresses are secure, and every address has TLS with a trusted certificate or one that matches.
fn qualified(evidence: &Evidence, mx: &[MxReport]) -> Mark {
    let hosts = evidence
        .hosts
        .iter()
        .map(|host| Mark::secure(host.addresses.security));
    let addresses = addresses(mx).flat_map(|address| {
        [
            encrypted(address.starttls),
            trust(address.certificate).or(address.tlsa),
        ]
    });
    Mark::all(
        [Mark::secure(evidence.mx.security), complete(evidence)]
            .into_iter()
            .chain(hosts)
            .chain(addresses),
    )
}

/// RFC 8461: a record, a policy in mode `enforce`, and all hosts agree with it.
fn mta_sts(evidence: &Evidence, mx: &[MxReport]) -> Mark {
    let record = &evidence.sts.record;
    if let Some(mark) = unanswered(record) {
        return mark;
    }
    match &evidence.sts.policy {
        _ if mta_sts::record_id(&record.records).is_err() => Mark::Fail,
        Some(Ok(policy)) if policy.mode == Mode::Enforce => {
            let hosts = mx.iter().map(|host| host.mta_sts);
            Mark::all(hosts.chain([complete(evidence)]))
        }
        Some(Ok(_) | Err(PolicyFault::Wrong(_))) => Mark::Fail,
        Some(Err(PolicyFault::Unknown(_))) | None => Mark::Unknown,
    }
}

/// Whether the policy names the host (RFC 8461 4.1), and each address has what it asks for (RFC 8461 4.2).
fn host_sts(host: &Host, addresses: &[AddressReport], evidence: &Evidence) -> Mark {
    match &evidence.sts.policy {
        Some(Ok(policy)) if policy.mode != Mode::None => {
            let known = match host.addresses.failed {
                Some(_) => Mark::Unknown,
                None => Mark::Pass,
            };
            let named = Mark::of(policy.permits(&host.exchange.host));
            Mark::all(addresses.iter().map(verified).chain([named, known]))
        }
        Some(Err(PolicyFault::Unknown(_))) => Mark::Unknown,
        None if evidence.sts.record.failed.is_some() => Mark::Unknown,
        Some(_) | None => Mark::NotApplicable,
    }
}

/// The mark of a look-up without an answer: bogus is certain, all else is not.
pub(super) fn unanswered<T>(lookup: &Lookup<T>) -> Option<Mark> {
    lookup.failed.as_ref()?;
    Some(match lookup.security {
        Security::Bogus => Mark::Fail,
        _ => Mark::Unknown,
    })
}

fn tlsrpt(texts: &Lookup<String>) -> Mark {
    unanswered(texts).unwrap_or_else(|| Mark::of(tlsrpt::read(&texts.records).is_ok()))
}

fn spf(texts: &Lookup<String>) -> Mark {
    unanswered(texts).unwrap_or_else(|| match spf::read(&texts.records) {
        spf::Spf::All('-' | '~') => Mark::Pass,
        // With macros it depends on the sender; a chain of redirects that is too long is wrong.
        spf::Spf::Redirect(name) if name.contains('%') => Mark::Unknown,
        _ => Mark::Fail,
    })
}

fn dmarc(texts: &Lookup<String>, inherited: bool) -> Mark {
    unanswered(texts).unwrap_or_else(|| match dmarc::read(&texts.records) {
        Ok(record) if inherited => Mark::of(record.below != dmarc::Wish::None),
        Ok(record) => Mark::of(record.domain != dmarc::Wish::None),
        Err(_) => Mark::Fail,
    })
}

/// What is unknown makes it grey, unless something certain makes it red.
fn colour(inbound: &Inbound, complete: Mark) -> Colour {
    let encrypted = addresses(&inbound.mx).map(|address| encrypted(address.starttls));
    let trusted = addresses(&inbound.mx).map(|address| trust(address.certificate));
    let green = [inbound.dane, inbound.qualified_transport_encryption];
    match Mark::all(encrypted.chain([complete])) {
        _ if addresses(&inbound.mx).next().is_none() => Colour::Grey,
        Mark::Fail => Colour::Red,
        Mark::Unknown | Mark::NotApplicable => Colour::Grey,
        Mark::Pass if green.contains(&Mark::Pass) => Colour::Green,
        Mark::Pass => match Mark::all(trusted) {
            Mark::Pass => Colour::White,
            Mark::Fail => Colour::Yellow,
            Mark::Unknown | Mark::NotApplicable => Colour::Grey,
        },
    }
}

#[cfg(test)]
mod tests;
