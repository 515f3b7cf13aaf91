//! Analysis of reception: the original's table, one server under the other, its marks, colour and networks.

use super::Report;
use super::sheet::Sheet;
use super::words::{Words, key};
use crate::base::{Security, TestState};
use crate::probe::inbound::{
    AddressReport, Colour, Dnssec, Inbound, Mark, MxReport, NetworkOwner, Remark, StartTls, Trust,
};
use std::net::IpAddr;

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    sheet.heading(&words.plain("receiving"));
    match &report.inbound {
        None => {
            let domain = report.test.sender.domain.as_str();
            let key = match report.test.state {
                TestState::Waiting | TestState::Acked => "receiving-later",
                TestState::Reported | TestState::Expired => "receiving-missing",
            };
            sheet.paragraph(&words.say(key, &[("domain", domain)]));
        }
        Some(inbound) => checked(inbound, words, sheet),
    }
}

fn checked(inbound: &Inbound, words: &Words, sheet: &mut dyn Sheet) {
    let domain = [("domain", inbound.domain.as_str())];
    if inbound.null_mx {
        sheet.paragraph(&words.say("receiving-null-mx", &domain));
    } else if inbound.mx.is_empty() {
        sheet.paragraph(&words.say("receiving-no-mx", &domain));
    } else {
        sheet.paragraph(&words.say("receiving-of", &domain));
    }
    sheet.blank();
    for mx in &inbound.mx {
        server(mx, words, sheet);
        sheet.blank();
    }
    marks(inbound, words, sheet);
    sheet.blank();
    if !inbound.findings.is_empty() {
        sheet.paragraph(&words.plain("remarks"));
        for remark in &inbound.findings {
            sheet.point(&said(remark, words));
        }
        sheet.blank();
    }
    if !inbound.networks.is_empty() {
        sheet.paragraph(&words.plain("networks"));
        for network in &inbound.networks {
            sheet.point(&owner(network, words));
        }
    }
}

/// Rows of a table.
type Rows = Vec<(String, String)>;

fn table(rows: &Rows, sheet: &mut dyn Sheet) {
    let widest = rows.iter().map(|(label, _)| label.chars().count()).max();
    for (label, value) in rows {
        sheet.row(label, widest.unwrap_or(0), value);
    }
}

fn server(mx: &MxReport, words: &Words, sheet: &mut dyn Sheet) {
    sheet.paragraph(&format!(
        "{}: {} ({})",
        words.plain("mx-server"),
        mx.host,
        mx.preference
    ));
    for group in alike(&mx.addresses) {
        table(&cells(mx, &group, words), sheet);
    }
    if mx.addresses.is_empty() {
        table(&host_cells(mx, words), sheet);
    }
}

/// Addresses that differ in nothing else, together.
fn alike(addresses: &[AddressReport]) -> Vec<Vec<&AddressReport>> {
    let mut groups: Vec<Vec<&AddressReport>> = Vec::new();
    let bare = |report: &AddressReport, address: IpAddr| AddressReport {
        address,
        ..report.clone()
    };
    for report in addresses {
        match groups
            .iter_mut()
            .find(|group| bare(group[0], report.address) == *report)
        {
            Some(group) => group.push(report),
            None => groups.push(vec![report]),
        }
    }
    groups
}

fn cells(mx: &MxReport, group: &[&AddressReport], words: &Words) -> Rows {
    let Some(first) = group.first() else {
        return host_cells(mx, words);
    };
    let row = |name: &str, value: String| (words.plain(name), value);
    let nothing = || words.plain("nothing");
    let addresses: Vec<_> = group.iter().map(|one| one.address.to_string()).collect();
    let versions = match first.tls_versions.is_empty() {
        true => nothing(),
        false => first.tls_versions.join("/"),
    };
    let mut rows = vec![
        row("mx-addresses", addresses.join(", ")),
        row(
            "mx-root-issuer",
            first.root_issuer.clone().unwrap_or_else(nothing),
        ),
        row("mx-dnssec", dnssec(mx.dnssec, words)),
        row("mx-starttls", words.plain(starttls_key(first.starttls))),
        row("mx-tls-version", versions),
        row("mx-forward-secrecy", cell(first.forward_secrecy, words)),
        row("mx-certificate", words.plain(trust_key(first.certificate))),
        row("mx-tlsa", cell(first.tlsa, words)),
        row("mx-mta-sts", cell(mx.mta_sts, words)),
        row("mx-caa", cell(mx.caa, words)),
    ];
    rows.extend(first.error.clone().map(|error| row("mx-error", error)));
    rows
}

/// What is known of a host without addresses.
fn host_cells(mx: &MxReport, words: &Words) -> Rows {
    vec![
        (words.plain("mx-addresses"), words.plain("nothing")),
        (words.plain("mx-dnssec"), dnssec(mx.dnssec, words)),
        (words.plain("mx-mta-sts"), cell(mx.mta_sts, words)),
    ]
}

/// What is secure, by its name alone; what is bogus or unknown is said so; what is insecure is left out.
fn dnssec(states: Dnssec, words: &Words) -> String {
    let said: Vec<_> = [
        ("dnssec-mx", states.mx),
        ("dnssec-a", states.a),
        ("dnssec-tlsa", states.tlsa),
    ]
    .into_iter()
    .filter_map(|(name, state)| {
        let name = words.plain(name);
        match state {
            Security::Secure => Some(name),
            Security::Insecure => None,
            Security::Bogus => Some(words.say("dnssec-bogus", &[("name", &name)])),
            Security::Unknown => Some(words.say("dnssec-unknown", &[("name", &name)])),
        }
    })
    .collect();
    match said.is_empty() {
        true => words.plain("dnssec-none"),
        false => said.join(", "),
    }
}

fn cell(mark: Mark, words: &Words) -> String {
    words.plain(&key("cell", &mark.to_string()))
}

const fn starttls_key(starttls: StartTls) -> &'static str {
    match starttls {
        StartTls::Absent => "starttls-absent",
        StartTls::Optional => "starttls-optional",
        StartTls::Required => "starttls-required",
        StartTls::Failed => "starttls-failed",
        StartTls::Unknown => "starttls-unknown",
    }
}

const fn trust_key(trust: Trust) -> &'static str {
    match trust {
        Trust::Trusted => "trust-trusted",
        Trust::Untrusted => "trust-untrusted",
        Trust::Expired => "trust-expired",
        Trust::NameMismatch => "trust-name-mismatch",
        Trust::Unknown => "trust-unknown",
    }
}

const fn colour_key(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "colour-red",
        Colour::Yellow => "colour-yellow",
        Colour::White => "colour-white",
        Colour::Green => "colour-green",
        Colour::Grey => "colour-grey",
    }
}

/// The original's three marks, what else there is of the kind, and the colour.
fn marks(inbound: &Inbound, words: &Words, sheet: &mut dyn Sheet) {
    let mut rows: Rows = [
        ("mark-qualified", inbound.qualified_transport_encryption),
        ("mark-dane", inbound.dane),
        ("mark-sts", inbound.mta_sts),
        ("mark-tlsrpt", inbound.tlsrpt),
        ("mark-spf", inbound.spf),
        ("mark-dmarc", inbound.dmarc),
    ]
    .into_iter()
    .map(|(name, mark)| {
        let mark = words.plain(&key("mark", &mark.to_string()));
        (words.plain(name), mark)
    })
    .collect();
    rows.push((
        words.plain("colour"),
        words.plain(colour_key(inbound.colour)),
    ));
    table(&rows, sheet);
}

fn said(remark: &Remark, words: &Words) -> String {
    let text = words
        .find(&key("remark", &remark.code), &[])
        .unwrap_or_else(|| remark.text.clone());
    match remark.rfc.as_str() {
        "" => text,
        rfc => format!("{text} {}", words.say("finding-rfc", &[("rfc", rfc)])),
    }
}

fn owner(network: &NetworkOwner, words: &Words) -> String {
    let addresses: Vec<_> = network.addresses.iter().map(IpAddr::to_string).collect();
    words.say(
        "network-line",
        &[
            ("name", &network.name),
            ("owner", &network.owner),
            ("country", &network.country),
            ("addresses", &addresses.join(", ")),
        ],
    )
}
