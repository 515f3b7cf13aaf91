//! The case table: the one source of what is published, how the listener acts and what each policy does.
//!
//! Zones, certificates, listeners, the policy file, the inference and the report read it; nobody keeps a second list.
//! Pure data and look-ups; it knows neither addresses nor keys.

pub mod order;
pub mod show;

use crate::base::{Policy, Server, Zone};

/// The certificate that a server presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issue {
    /// Signed by its own key; no sender can trace it to a root.
    SelfSigned,
    /// Issued by a CA for the host's name.
    Ca,
}

/// The TLSA RRset at `_25._tcp` of a server's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tlsa {
    /// `3 1 1` of the served key.
    Valid,
    /// `3 1 1` of a digest that belongs to no key in use.
    Invalid,
}

/// How a connection comes to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// In clear text.
    Clear,
    /// In TLS that names no host of ours.
    Unnamed,
    /// In TLS that names the host, or at its own address.
    Named,
}

/// What a sender of some policy does at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// It delivers.
    Yes,
    /// It connects but must not deliver.
    No,
    /// It never comes this far.
    Never,
    /// It delivers, unless it enforces DANE as well.
    YesUnlessDane,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number.
    pub server: Server,
    /// The domain it belongs to.
    pub zone: Zone,
    /// The label of its MX host under the zone's apex; the empty label is the apex; `None` where no host is its own.
    pub host: Option<&'static str>,
    /// Whether STARTTLS is offered.
    pub starttls: bool,
    /// How it is reached.
    pub reach: Reach,
    /// The certificate presented.
    pub issue: Option<Issue>,
    /// The TLSA RRset published.
    pub tlsa: Option<Tlsa>,
    /// Whether the MTA-STS policy lists it.
    pub in_policy: bool,
    /// What senders do, in the order of [`COLUMNS`].
    pub expected: [Expected; 7],
}

/// The policies that the table has columns for.
pub const COLUMNS: [Policy; 7] = [
    Policy::None,
    Policy::May,
    Policy::Encrypt,
    Policy::Verify,
    Policy::Dane,
    Policy::DaneOnly,
    Policy::MtaSts,
];

use Expected::{Never, No, Yes, YesUnlessDane};

/// The table.
pub const CASES: [Case; 7] = [
    Case {
        server: Server::One,
        zone: Zone::Et,
        host: None,
        starttls: false,
        reach: Reach::Clear,
        issue: None,
        tlsa: None,
        in_policy: false,
        expected: [Yes, Yes, Never, Never, Never, Never, Never],
    },
    Case {
        server: Server::Two,
        zone: Zone::Et,
        host: None,
        starttls: true,
        reach: Reach::Unnamed,
        issue: Some(Issue::SelfSigned),
        tlsa: None,
        in_policy: false,
        expected: [Never, Yes, Yes, No, Never, Never, Never],
    },
    Case {
        server: Server::Three,
        zone: Zone::Et,
        host: Some("mx03"),
        starttls: true,
        reach: Reach::Named,
        issue: Some(Issue::SelfSigned),
        tlsa: Some(Tlsa::Invalid),
        in_policy: false,
        expected: [Never, Never, Never, No, No, No, Never],
    },
    Case {
        server: Server::Four,
        zone: Zone::Et,
        host: Some("mx04"),
        starttls: true,
        reach: Reach::Named,
        issue: Some(Issue::SelfSigned),
        tlsa: Some(Tlsa::Valid),
        in_policy: true,
        expected: [Never, Never, Never, No, Yes, Yes, No],
    },
    Case {
        server: Server::Five,
        zone: Zone::Et,
        host: Some("mx05"),
        starttls: true,
        reach: Reach::Named,
        issue: Some(Issue::Ca),
        tlsa: Some(Tlsa::Invalid),
        in_policy: true,
        expected: [Never, Never, Never, Yes, No, No, YesUnlessDane],
    },
    Case {
        server: Server::Six,
        zone: Zone::Et,
        host: Some("mx06"),
        starttls: true,
        reach: Reach::Named,
        issue: Some(Issue::Ca),
        tlsa: Some(Tlsa::Valid),
        in_policy: true,
        expected: [Never, Never, Never, Yes, Yes, Yes, Yes],
    },
    Case {
        server: Server::Seven,
        zone: Zone::Ut,
        host: Some(""),
        starttls: true,
        reach: Reach::Named,
        issue: Some(Issue::Ca),
        tlsa: None,
        in_policy: false,
        expected: [Yes, Yes, Yes, Yes, Yes, No, Yes],
    },
];

/// The row of a server.
#[must_use]
pub const fn case(server: Server) -> &'static Case {
    &CASES[server as usize]
}

/// The rows that have an MX host, `et`'s first.
pub fn hosts() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.host.is_some())
}

/// The name of a server's host in configuration, logs and JSON: its label, or its zone's where it is the apex.
/// `None` for servers without a host.
#[must_use]
pub fn label(server: Server) -> Option<&'static str> {
    let case = case(server);
    case.host.map(|host| match host {
        "" => case.zone.label(),
        host => host,
    })
}

/// The server whose host has this name in configuration, logs and JSON.
#[must_use]
pub fn by_label(name: &str) -> Option<Server> {
    hosts()
        .map(|case| case.server)
        .find(|server| label(*server) == Some(name))
}

/// The host's name relative to the base domain: `mx03.et`, `ut`. `None` for servers without a host.
#[must_use]
pub fn relative_name(server: Server) -> Option<String> {
    let case = case(server);
    case.host.map(|host| match host {
        "" => case.zone.label().to_owned(),
        host => format!("{host}.{}", case.zone.label()),
    })
}

/// The server that an SNI names, case-folded and without its final dot.
#[must_use]
pub fn by_sni(sni: &str, base_domain: &crate::base::Domain) -> Option<Server> {
    let name = sni.strip_suffix('.').unwrap_or(sni).to_ascii_lowercase();
    let relative = name.strip_suffix(base_domain.as_str())?.strip_suffix('.')?;
    hosts()
        .map(|case| case.server)
        .find(|server| relative_name(*server).as_deref() == Some(relative))
}

/// The server met where neither a name nor an address chose it: by the recipient's domain, in TLS or in clear text.
#[must_use]
pub const fn by_recipient(zone: Zone, encrypted: bool) -> Server {
    match (zone, encrypted) {
        (Zone::Ut, _) => Server::Seven,
        (Zone::Et, true) => Server::Two,
        (Zone::Et, false) => Server::One,
    }
}

/// What a sender of this policy does at this server. `dane+mta-sts` has no column: it delivers where both do.
#[must_use]
pub fn expected(policy: Policy, server: Server) -> Expected {
    let row = &case(server).expected;
    match COLUMNS.iter().position(|column| *column == policy) {
        Some(column) => row[column],
        None => match (
            expected(Policy::Dane, server),
            expected(Policy::MtaSts, server),
        ) {
            (Yes, Yes) => Yes,
            (Never, _) | (_, Never) => Never,
            _ => No,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Domain;

    #[test]
    fn rows_stand_where_their_numbers_say() {
        for server in Server::ALL {
            assert_eq!(case(server).server, server);
        }
    }

    #[test]
    fn a_host_is_found_by_its_name_on_the_wire() {
        let base = Domain::parse("example.org").unwrap();
        for (sni, server) in [
            ("mx03.et.example.org", Some(Server::Three)),
            ("MX06.ET.Example.org.", Some(Server::Six)),
            ("ut.example.org", Some(Server::Seven)),
            ("et.example.org", None),
            ("mx03.et.example.net", None),
            ("", None),
        ] {
            assert_eq!(by_sni(sni, &base), server, "{sni}");
        }
    }

    #[test]
    fn a_sender_that_enforces_both_accepts_only_six_and_ut() {
        let accepting: Vec<_> = Server::ALL
            .into_iter()
            .filter(|server| expected(Policy::DaneMtaSts, *server) == Yes)
            .collect();
        assert_eq!(accepting, [Server::Six, Server::Seven]);
    }
}
