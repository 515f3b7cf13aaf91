//! What was seen, as remarks: a code, a sentence, the standard.

use super::evidence::{Evidence, Host, PolicyFault};
use super::inbound::{AddressReport, Inbound, Mark, MxReport, Remark, StartTls, Trust};
use super::judge::{has_addresses, takes_mail, unanswered};
use super::plan::Naming;
use super::{dmarc, spf, tlsrpt};
use crate::base::{Lookup, Security, limits};
use crate::spec::mta_sts::{self, Mode, Pattern, Policy, RecordError};

/// A policy that is kept for a shorter time protects little (RFC 8461 3.2 wants weeks), in seconds.
const SHORT_AGE: u64 = 86_400;

fn remark(code: &str, rfc: &str, text: String) -> Remark {
    Remark {
        code: code.to_owned(),
        text,
        rfc: rfc.to_owned(),
    }
}

/// Everything worth saying, the domain's own first, then host by host.
pub(super) fn remarks(evidence: &Evidence, inbound: &Inbound) -> Vec<Remark> {
    let mut all = naming(evidence);
    if takes_mail(evidence) {
        for (host, report) in evidence.hosts.iter().zip(&inbound.mx) {
            all.extend(dnssec(host));
            all.extend(contacts(report));
        }
        all.extend(sts(evidence));
        all.extend(tlsrpt_of(&evidence.tlsrpt));
    }
    all.extend(spf_of(&evidence.spf));
    all.extend(dmarc_of(evidence));
    all
}

/// How the domain names its hosts.
fn naming(evidence: &Evidence) -> Vec<Remark> {
    let domain = &evidence.domain;
    let mut all = Vec::new();
    match evidence.plan.naming {
        Naming::NullMx => all.push(remark(
            "null-mx",
            "7505 3",
            format!("{domain} says that it takes no mail."),
        )),
        Naming::Unknown => all.push(unknown("mx", "7672 2.1.2", "MX records", &evidence.mx)),
        Naming::Implicit if evidence.hosts.is_empty() => all.push(remark(
            "no-mail-host",
            "5321 5.1",
            format!("{domain} has neither MX records nor an address, so nobody takes its mail."),
        )),
        Naming::Implicit => all.push(remark(
            "implicit-mx",
            "5321 5.1",
            format!("{domain} has no MX records; its own addresses are tried."),
        )),
        Naming::Listed if !takes_mail(evidence) => all.push(remark(
            "no-mail-host",
            "5321 5.1",
            format!("No mail server of {domain} has an address."),
        )),
        Naming::Listed => {}
    }
    let null_among = evidence.mx.records.iter().any(|mx| mx.host.is_none());
    if null_among && evidence.plan.naming == Naming::Listed {
        let text = "A null MX stands beside other MX records, which is not allowed.";
        all.push(remark("null-mx-mixed", "7505 3", text.to_owned()));
    }
    let listed = evidence.plan.naming != Naming::Unknown && takes_mail(evidence);
    if listed && evidence.mx.security == Security::Insecure {
        let text = "The MX records are not signed with DNSSEC.".to_owned();
        all.push(remark("mx-insecure", "7672 2.2.1", text));
    }
    let (hosts, addresses) = (evidence.plan.left_out, evidence.left_out);
    if hosts + addresses > 0 {
        let text = format!(
            "Not everything was looked at: {hosts} mail servers beyond {} and {addresses} addresses beyond {}.",
            limits::MX_HOSTS,
            limits::MX_ADDRESSES
        );
        all.push(remark("not-all-seen", "", text));
    }
    all
}

/// A look-up without an answer, `CODE-bogus` or `CODE-unknown`.
fn unknown<T>(code: &str, rfc: &str, what: &str, lookup: &Lookup<T>) -> Remark {
    let why = lookup.failed.as_deref().unwrap_or_default();
    match unanswered(lookup) {
        Some(Mark::Fail) => remark(
            &format!("{code}-bogus"),
            rfc,
            format!("DNSSEC of the {what} is broken: {why}."),
        ),
        _ => remark(
            &format!("{code}-unknown"),
            rfc,
            format!("The {what} could not be found out: {why}."),
        ),
    }
}

fn dnssec(host: &Host) -> Vec<Remark> {
    let mut all = Vec::new();
    let name = &host.exchange.host;
    if host.addresses.failed.is_some() {
        let what = format!("addresses of {name}");
        all.push(unknown("address", "7672 2.1.2", &what, &host.addresses));
    } else if host.addresses.records.is_empty() {
        let text = format!("{name} has no address.");
        all.push(remark("mx-without-address", "5321 5.1", text));
    } else if host.addresses.security == Security::Insecure {
        let text = format!("The addresses of {name} are not signed with DNSSEC.");
        all.push(remark("address-insecure", "7672 2.2.2", text));
    }
    let tlsa = &host.tlsa;
    if tlsa.failed.is_some() {
        let what = format!("TLSA records of {name}");
        all.push(unknown("tlsa", "7672 2.1.2", &what, tlsa));
    } else if tlsa.records.is_empty() {
        if has_addresses(host) {
            let text = format!("{name} has no TLSA records.");
            all.push(remark("tlsa-absent", "7672 2.2.3", text));
        }
    } else if !tlsa.is_secure() {
        let text =
            format!("The TLSA records of {name} are not signed with DNSSEC and count for nothing.");
        all.push(remark("tlsa-insecure", "7672 2.2.3", text));
    } else if host.usable().is_empty() {
        let text = format!("No TLSA record of {name} can be used for mail; 3 1 1 and 2 1 1 can.");
        all.push(remark("tlsa-unusable", "7672 3.1", text));
    }
    match &host.caa {
        Ok(true) => {}
        Ok(false) => all.push(remark(
            "caa-absent",
            "8659 3",
            format!("No CAA record says who may issue certificates for {name}."),
        )),
        Err(why) => all.push(remark(
            "caa-unknown",
            "8659 3",
            format!("The CAA records of {name} could not be found out: {why}."),
        )),
    }
    all
}

/// Code, standard, what is said of an address, and of which.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    fn(&AddressReport) -> bool,
);

const ROWS: [Row; 9] = [
    ("not-reached", "", "could not be looked at", |it| {
        it.starttls == StartTls::Unknown
    }),
    (
        "starttls-absent",
        "3207 4",
        "offers no encryption (STARTTLS)",
        |it| it.starttls == StartTls::Absent,
    ),
    (
        "starttls-failed",
        "3207 4",
        "offers encryption (STARTTLS), but no TLS 1.2 or 1.3 came of it",
        |it| it.starttls == StartTls::Failed,
    ),
    (
        "certificate-untrusted",
        "8461 4.2",
        "has a certificate without a trusted root",
        |it| it.certificate == Trust::Untrusted,
    ),
    (
        "certificate-expired",
        "8461 4.2",
        "has a certificate that is not valid at this time",
        |it| it.certificate == Trust::Expired,
    ),
    (
        "certificate-name",
        "8461 4.2",
        "has a certificate for other names",
        |it| it.certificate == Trust::NameMismatch,
    ),
    (
        "certificate-unproven",
        "",
        "was not seen to hold the key of its certificate",
        |it| is_met(it) && it.certificate == Trust::Unknown,
    ),
    (
        "dane-no-match",
        "7672 2.2",
        "does not match its TLSA records, so senders with DANE keep their mail",
        |it| it.tlsa == Mark::Fail,
    ),
    ("tls13-absent", "9325 3.1.1", "has no TLS 1.3", |it| {
        is_met(it) && it.tls_versions.iter().all(|it| it != "1.3")
    }),
];

fn is_met(address: &AddressReport) -> bool {
    matches!(address.starttls, StartTls::Optional | StartTls::Required)
}

/// What the addresses of a host showed, those with the same to say of them together.
fn contacts(host: &MxReport) -> impl Iterator<Item = Remark> {
    ROWS.iter().filter_map(|(code, rfc, what, holds)| {
        let found: Vec<_> = host.addresses.iter().filter(|it| holds(it)).collect();
        let first = found.first()?;
        let explains = !matches!(*code, "dane-no-match" | "tls13-absent");
        let why = match &first.error {
            Some(error) if explains => format!(" ({error})"),
            _ => String::new(),
        };
        let text = format!("{} [{}] {what}{why}.", host.host, list(&found));
        Some(remark(code, rfc, text))
    })
}

fn list(addresses: &[&AddressReport]) -> String {
    let shown: Vec<_> = addresses.iter().map(|it| it.address.to_string()).collect();
    shown.join(", ")
}

fn sts(evidence: &Evidence) -> Vec<Remark> {
    let record = &evidence.sts.record;
    if record.failed.is_some() {
        return vec![unknown("sts", "8461 3.1", "MTA-STS record", record)];
    }
    match mta_sts::record_id(&record.records) {
        Err(RecordError::None) => {
            let text = format!("{} has no MTA-STS record.", evidence.domain);
            return vec![remark("sts-absent", "8461 3.1", text)];
        }
        Err(error) => {
            let text = format!("The MTA-STS record does not count: {error}.");
            return vec![remark("sts-record", "8461 3.1", text)];
        }
        Ok(_) => {}
    }
    match &evidence.sts.policy {
        Some(Ok(policy)) => policy_remarks(policy, evidence),
        Some(Err(PolicyFault::Wrong(why))) => vec![remark(
            "sts-policy",
            "8461 3.3",
            format!("The MTA-STS policy does not count: {why}."),
        )],
        Some(Err(PolicyFault::Unknown(why))) => vec![remark(
            "sts-unknown",
            "8461 3.3",
            format!("The MTA-STS policy could not be fetched now: {why}."),
        )],
        None => Vec::new(),
    }
}

fn policy_remarks(policy: &Policy, evidence: &Evidence) -> Vec<Remark> {
    let mut all = Vec::new();
    if policy.mode != Mode::Enforce {
        let text = "The MTA-STS policy is not enforced: its mode is testing or none.";
        all.push(remark("sts-not-enforced", "8461 5", text.to_owned()));
    }
    if policy.mode == Mode::None {
        return all;
    }
    if policy.max_age < SHORT_AGE {
        let text = format!(
            "The MTA-STS policy may be kept for {} seconds only; weeks are recommended.",
            policy.max_age
        );
        all.push(remark("sts-short", "8461 3.2", text));
    }
    for host in evidence.hosts.iter().map(|host| &host.exchange.host) {
        if !policy.permits(host) {
            let text = format!("The MTA-STS policy does not name {host}.");
            all.push(remark("sts-mx-missing", "8461 4.1", text));
        }
    }
    let names_one = |pattern: &&Pattern| {
        let mut hosts = evidence.hosts.iter();
        hosts.any(|host| pattern.matches(&host.exchange.host))
    };
    // With hosts that are not known, a pattern may well name one.
    let all_known = evidence.plan.naming != Naming::Unknown && evidence.plan.left_out == 0;
    let stale: Vec<_> = policy.mx.iter().filter(|it| !names_one(it)).collect();
    if all_known && !stale.is_empty() {
        let shown: Vec<_> = stale.iter().map(ToString::to_string).collect();
        let text = format!(
            "The MTA-STS policy names hosts that are no mail servers of the domain: {}.",
            shown.join(", ")
        );
        all.push(remark("sts-stale", "8461 4.1", text));
    }
    all
}

fn tlsrpt_of(texts: &Lookup<String>) -> Option<Remark> {
    if texts.failed.is_some() {
        return Some(unknown("tlsrpt", "8460 3", "TLSRPT record", texts));
    }
    let (code, text) = match tlsrpt::read(&texts.records).err()? {
        tlsrpt::Fault::Absent => (
            "tlsrpt-absent",
            "No TLSRPT record asks for reports about TLS.".to_owned(),
        ),
        tlsrpt::Fault::Several(count) => (
            "tlsrpt-record",
            format!("There are {count} TLSRPT records; exactly one is allowed."),
        ),
        tlsrpt::Fault::Address => (
            "tlsrpt-record",
            "The TLSRPT record names no mailto: or https: address for reports.".to_owned(),
        ),
    };
    Some(remark(code, "8460 3", text))
}

fn spf_of(texts: &Lookup<String>) -> Option<Remark> {
    if texts.failed.is_some() {
        return Some(unknown("spf", "7208 4.4", "SPF record", texts));
    }
    let (code, rfc, text) = match spf::read(&texts.records) {
        spf::Spf::All('-' | '~') => return None,
        spf::Spf::Absent => (
            "spf-absent",
            "7208 4.5",
            "There is no SPF record, or it redirects to none.".to_owned(),
        ),
        spf::Spf::Several(count) => (
            "spf-several",
            "7208 4.5",
            format!("There are {count} SPF records; exactly one is allowed."),
        ),
        spf::Spf::All(_) | spf::Spf::Open => (
            "spf-open",
            "7208 5.1",
            "The SPF record does not end in -all or ~all, so it refuses nobody.".to_owned(),
        ),
        spf::Spf::Redirect(name) => (
            "spf-redirect",
            "7208 6.1",
            format!(
                "The redirect of the SPF record was not followed: {}.",
                printable(&name)
            ),
        ),
    };
    Some(remark(code, rfc, text))
}

fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(limits::NOTED_TEXT).map(plain).collect()
}

fn dmarc_of(evidence: &Evidence) -> Option<Remark> {
    let texts = &evidence.dmarc.texts;
    if texts.failed.is_some() {
        return Some(unknown("dmarc", "7489 6.6.3", "DMARC record", texts));
    }
    let (code, rfc, text) = match dmarc::read(&texts.records) {
        Ok(record) => {
            let wish = match evidence.dmarc.inherited {
                true => record.below,
                false => record.domain,
            };
            let text = match (wish, record.reports) {
                (dmarc::Wish::None, _) => "The DMARC policy asks for nothing (none).",
                (_, false) => "The DMARC record asks for no reports (rua).",
                (_, true) => return None,
            };
            let code = match wish {
                dmarc::Wish::None => "dmarc-none",
                _ => "dmarc-no-reports",
            };
            (code, "7489 6.3", text.to_owned())
        }
        Err(dmarc::Fault::Absent) => (
            "dmarc-absent",
            "7489 6.6.3",
            "There is no DMARC record.".to_owned(),
        ),
        Err(dmarc::Fault::Several(count)) => (
            "dmarc-several",
            "7489 6.6.3",
            format!("There are {count} DMARC records, so none counts."),
        ),
        Err(dmarc::Fault::Syntax(why)) => (
            "dmarc-syntax",
            "7489 6.3",
            format!("The DMARC record does not count: {why}."),
        ),
    };
    Some(remark(code, rfc, text))
}
