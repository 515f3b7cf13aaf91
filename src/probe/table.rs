//! The outcome as text for people: aligned columns, then marks, then remarks.

use super::inbound::{AddressReport, Colour, Dnssec, Inbound, MxReport, Remark, StartTls, Trust};
use crate::base::Security;

const HEADINGS: [&str; 8] = [
    "mail server",
    "address",
    "DNSSEC",
    "STARTTLS",
    "TLS",
    "certificate",
    "TLSA",
    "MTA-STS",
];

type Row = [String; 8];

/// Writes an outcome, ended by a line end.
#[must_use]
pub fn text(inbound: &Inbound) -> String {
    let rows: Vec<Row> = inbound.mx.iter().flat_map(rows_of).collect();
    let mut lines = vec![format!("{}: {}", inbound.domain, colour(inbound.colour))];
    if inbound.null_mx {
        lines.push("The domain takes no mail (null MX).".to_owned());
    }
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(aligned(&rows));
    }
    lines.push(String::new());
    let marks = [
        ("SMTP-DANE (RFC 7672)", inbound.dane),
        ("MTA-STS (RFC 8461)", inbound.mta_sts),
        (
            "qualified transport encryption",
            inbound.qualified_transport_encryption,
        ),
        ("TLSRPT (RFC 8460)", inbound.tlsrpt),
        ("SPF (RFC 7208)", inbound.spf),
        ("DMARC (RFC 7489)", inbound.dmarc),
    ];
    lines.extend(marks.map(|(name, mark)| format!("{name:<30}  {mark}")));
    if !inbound.findings.is_empty() {
        lines.push(String::new());
        lines.extend(inbound.findings.iter().map(remark));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn remark(remark: &Remark) -> String {
    let Remark { code, text, rfc } = remark;
    match rfc.as_str() {
        "" => format!("- {text} [{code}]"),
        rfc => format!("- {text} [{code}, RFC {rfc}]"),
    }
}

/// The first row of a host has its name; the next ones only what is their own.
fn rows_of(mx: &MxReport) -> Vec<Row> {
    let host = || format!("{} ({})", mx.host, mx.preference);
    if mx.addresses.is_empty() {
        let mut row: Row = std::array::from_fn(|_| "-".to_owned());
        row[0] = host();
        row[2] = dnssec(mx.dnssec);
        row[7] = mx.mta_sts.to_string();
        return vec![row];
    }
    let row = |(place, address): (usize, &AddressReport)| {
        let first = |text: String| if place == 0 { text } else { String::new() };
        [
            first(host()),
            address.address.to_string(),
            first(dnssec(mx.dnssec)),
            starttls(address.starttls).to_owned(),
            match address.tls_versions.is_empty() {
                true => "-".to_owned(),
                false => address.tls_versions.join("/"),
            },
            certificate(address),
            address.tlsa.to_string(),
            first(mx.mta_sts.to_string()),
        ]
    };
    mx.addresses.iter().enumerate().map(row).collect()
}

fn aligned(rows: &[Row]) -> Vec<String> {
    let headings: Row = HEADINGS.map(str::to_owned);
    let all: Vec<&Row> = std::iter::once(&headings).chain(rows).collect();
    let widths: [usize; 8] = std::array::from_fn(|column| {
        let cells = all.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let line = |row: &&Row| {
        let cells = row.iter().zip(widths);
        let padded: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// What is secure by its name alone; what is bogus or unknown is said so; what is insecure is left out.
fn dnssec(states: Dnssec) -> String {
    let said: Vec<_> = [("MX", states.mx), ("A", states.a), ("TLSA", states.tlsa)]
        .into_iter()
        .filter_map(|(name, state)| match state {
            Security::Secure => Some(name.to_owned()),
            Security::Insecure => None,
            Security::Bogus => Some(format!("{name} bogus")),
            Security::Unknown => Some(format!("{name} unknown")),
        })
        .collect();
    match said.is_empty() {
        true => "-".to_owned(),
        false => said.join(", "),
    }
}

const fn starttls(starttls: StartTls) -> &'static str {
    match starttls {
        StartTls::Absent => "absent",
        StartTls::Optional => "optional",
        StartTls::Required => "required",
        StartTls::Failed => "failed",
        StartTls::Unknown => "unknown",
    }
}

fn certificate(address: &AddressReport) -> String {
    let trust = match address.certificate {
        Trust::Trusted => "trusted",
        Trust::Untrusted => "untrusted",
        Trust::Expired => "expired",
        Trust::NameMismatch => "name mismatch",
        Trust::Unknown => "unknown",
    };
    match &address.root_issuer {
        Some(root) => format!("{trust} ({root})"),
        None => trust.to_owned(),
    }
}

const fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "red (no encryption)",
        Colour::Yellow => "yellow (encryption without trusted certificates)",
        Colour::White => "white (valid certificates)",
        Colour::Green => "green (SMTP-DANE or qualified transport encryption)",
        Colour::Grey => "grey (see the remarks)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Domain;
    use crate::probe::inbound::Mark;

    fn address(text: &str, starttls: StartTls, root: Option<&str>) -> AddressReport {
        AddressReport {
            address: text.parse().unwrap(),
            starttls,
            tls_versions: vec!["1.2".to_owned(), "1.3".to_owned()],
            forward_secrecy: Mark::Pass,
            certificate: Trust::Trusted,
            root_issuer: root.map(str::to_owned),
            tlsa: Mark::NotApplicable,
            error: None,
        }
    }

    #[test]
    fn columns_are_aligned_and_marks_and_remarks_follow() {
        let inbound = Inbound {
            domain: Domain::parse("d.example").unwrap(),
            colour: Colour::White,
            dane: Mark::Fail,
            mta_sts: Mark::Unknown,
            qualified_transport_encryption: Mark::Fail,
            tlsrpt: Mark::Pass,
            spf: Mark::Pass,
            dmarc: Mark::NotApplicable,
            null_mx: false,
            networks: Vec::new(),
            findings: vec![Remark {
                code: "tlsa-absent".to_owned(),
                text: "None.".to_owned(),
                rfc: "7672 2.2.3".to_owned(),
            }],
            mx: vec![MxReport {
                host: Domain::parse("mx.d.example").unwrap(),
                preference: 10,
                dnssec: Dnssec {
                    mx: Security::Secure,
                    a: Security::Insecure,
                    tlsa: Security::Bogus,
                },
                mta_sts: Mark::Unknown,
                caa: Mark::Pass,
                addresses: vec![
                    address("192.0.2.1", StartTls::Optional, Some("ISRG Root X1")),
                    address("2001:db8::1", StartTls::Required, None),
                ],
            }],
        };
        let expected = "\
d.example: white (valid certificates)

mail server        address      DNSSEC          STARTTLS  TLS      certificate             TLSA            MTA-STS
mx.d.example (10)  192.0.2.1    MX, TLSA bogus  optional  1.2/1.3  trusted (ISRG Root X1)  not applicable  unknown
                   2001:db8::1                  required  1.2/1.3  trusted                 not applicable

SMTP-DANE (RFC 7672)            fail
MTA-STS (RFC 8461)              unknown
qualified transport encryption  fail
TLSRPT (RFC 8460)               pass
SPF (RFC 7208)                  pass
DMARC (RFC 7489)                not applicable

- None. [tlsa-absent, RFC 7672 2.2.3]
";
        assert_eq!(text(&inbound), expected);
    }
}
